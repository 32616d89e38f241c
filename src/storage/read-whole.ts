import { NotFoundError } from '../model/errors.ts';
import { type ObjectStore } from './object-store.ts';

/** A small object's bytes, undefined when it is not there. */
export async function readWhole(store: ObjectStore, key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of store.get(key, {}, signal)) {
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof NotFoundError) {
      return undefined;
    }
    throw error;
  }
  return Buffer.concat(chunks);
}
