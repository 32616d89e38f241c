import { z } from 'zod';
import type { LockRecord, SeenLock } from '../../model/lock.ts';
import { lockKey } from '../location-keys.ts';
import type { ObjectStore } from '../object-store.ts';
import { moment, word } from '../shapes.ts';
import { readWhole } from '../read-whole.ts';
import { unlessDamaged } from '../unless-damaged.ts';

/** What whoever writes to a location says of himself; who reads there says the same, and what. */
export const lockRecord: z.ZodType<LockRecord> = z.object({
  format: z.literal(1),
  token: word.min(1),
  owner: z.object({ host: word, pid: z.number().int().positive(), user: word }),
  processes: word.exactOptional(),
  operation: word,
  since: moment,
  heartbeatAt: moment,
});

/** No lock is that long; what is, is none and not read. */
const mostBytes = 65_536;
const noLock = new Uint8Array();

export function encodeLock(record: LockRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`);
}

/** The record of a lock, undefined for what is no lock of format 1. */
export function decodeLock(bytes: Uint8Array): LockRecord | undefined {
  try {
    return lockRecord.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

/**
 * The lock of a location, undefined when it is free. The etag is asked for before the content, so it is never newer: a
 * put on condition of it fails when the content that was judged is not the one that is replaced.
 */
export async function readLock(store: ObjectStore, signal: AbortSignal): Promise<SeenLock | undefined> {
  const found = await store.stat(lockKey(), signal);
  if (found === undefined) {
    return undefined;
  }
  const { etag, modified } = found;
  if (found.bytes > mostBytes) {
    return { record: undefined, etag, modified };
  }
  // It may have grown since it was looked up.
  const bytes = await unlessDamaged(
    () => readWhole(store, lockKey(), mostBytes, signal),
    () => noLock,
  );
  return bytes === undefined ? undefined : { record: decodeLock(bytes), etag, modified };
}
