import { z } from 'zod';
import type { SeenLock } from '../../model/lock.ts';
import type { ReadingRecord, SeenReading } from '../../model/retention/being-read.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { isReadingKey, readingPrefix } from '../location-keys.ts';
import { readWhole } from '../read-whole.ts';
import { backupId, mostTables } from '../shapes.ts';
import { lockRecord } from './format.ts';
import { unlessDamaged } from '../unless-damaged.ts';

const ref: z.ZodType<BackupRef> = z.object({ id: backupId, parent: backupId.exactOptional() });

const readingRecord: z.ZodType<ReadingRecord> = z.intersection(lockRecord, z.object({ backups: z.array(ref).max(mostTables) }));

/** `verify --all` names all backups of a location. */
const mostBytes = 16 * 1024 ** 2;
const none = new Uint8Array();

export function encodeReading(record: ReadingRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`);
}

/** The marks of a location; what else lies beside them is nobody's of ours. */
export async function* listReadings(store: ObjectStore, signal: AbortSignal): AsyncGenerator<StoredObject> {
  for await (const object of store.list(readingPrefix, signal)) {
    if (isReadingKey(object.key)) {
      yield object;
    }
  }
}

/** A mark as it lies there now; undefined when it has gone since it was listed. */
export async function readReading(
  store: ObjectStore,
  { key, etag, modified }: StoredObject,
  signal: AbortSignal,
): Promise<SeenReading | undefined> {
  const bytes = await unlessDamaged(
    () => readWhole(store, key, mostBytes, signal),
    () => none,
  );
  const seen: SeenLock = { record: undefined, etag, modified };
  return bytes === undefined ? undefined : { ...seen, key, record: decode(bytes) };
}

/** Undefined for what is no mark of format 1: nobody knows then what is read. */
function decode(bytes: Uint8Array): ReadingRecord | undefined {
  try {
    return readingRecord.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}
