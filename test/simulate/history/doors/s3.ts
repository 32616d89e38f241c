import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { currentWorld } from '../current-world.ts';

/** Stands for `storage/s3/s3.ts`: the one bucket of a simulated world. */
export async function openS3Store({ base }: { readonly base: string }, signal: AbortSignal): Promise<ObjectStore> {
  return currentWorld().openStore(base, signal);
}
