import { z } from 'zod';
import { sideBySide } from '../../flow/side-by-side.ts';
import { refOf } from '../../model/backup/backup.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { ForgottenBackup } from '../../model/retention/forgotten.ts';
import { forgottenKey, forgottenPrefix, forgottenRefOf } from '../location-keys.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { listedObject } from '../read-listed.ts';
import { readWhole, textOf } from '../read-whole.ts';
import { backupId, hostName, mostNodes, parseAs } from '../shapes.ts';
import { unlessDamaged } from '../unless-damaged.ts';
import { isForeignJson } from './none-of-ours.ts';

/**
 * The records of what was forgotten, `forgotten/<id>.json`.
 *
 * - `going`: it is put before anything of the backup goes, so that a directory without a manifest is nobody's loss.
 * - `gone`: it takes the other's place when no manifest is there any more. From then on its own time in the store tells how long ago.
 *
 * What lies under such a name and is whole JSON without what makes a record is somebody else's, as with manifests. What is cut off, or no
 * JSON, may be one of ours: its name tells enough to begin anew.
 *
 * It goes when nothing of the backup is left but what others point at. Where a backup is there all the same (whoever wanted to forget it
 * broke off, or somebody has put its manifest back), the backup counts, and the record goes.
 */
type State = 'going' | 'gone';

interface ForgottenRecord extends BackupRef {
  readonly format: 1;
  readonly state: State;
  readonly committed: boolean;
  readonly hosts: readonly string[];
}

const forgottenRecord: z.ZodType<ForgottenRecord> = z.object({
  format: z.literal(1),
  id: backupId,
  parent: backupId.exactOptional(),
  state: z.enum(['going', 'gone']),
  committed: z.boolean(),
  hosts: z.array(hostName).max(mostNodes),
});

/** 5,000 names of hosts. */
const mostBytes = 2 * 1024 ** 2;
const readersAtOnce = 16;

export async function putForgotten(
  store: ObjectStore,
  state: State,
  backup: Omit<ForgottenBackup, 'since'>,
  signal: AbortSignal,
): Promise<void> {
  const { hosts, isCommitted: committed } = backup;
  const record: ForgottenRecord = { format: 1, ...refOf(backup), state, committed, hosts };
  await store.put(forgottenKey(backup), Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`), { urgent: true }, signal);
}

/** All that were forgotten and are not swept yet. */
export async function readForgotten(store: ObjectStore, signal: AbortSignal): Promise<readonly ForgottenBackup[]> {
  const found: ForgottenBackup[] = [];
  for await (const each of lookAtRecords(store, signal)) {
    found.push(...(typeof each === 'string' ? [] : [each]));
  }
  return found;
}

/** The keys of what lies among the records and is none. */
export async function* foreignRecords(store: ObjectStore, signal: AbortSignal): AsyncGenerator<string> {
  for await (const each of lookAtRecords(store, signal)) {
    if (typeof each === 'string') {
      yield each;
    }
  }
}

function lookAtRecords(store: ObjectStore, signal: AbortSignal): AsyncGenerator<ForgottenBackup | string> {
  const look = async (object: StoredObject): Promise<ForgottenBackup | string> => {
    const ref = forgottenRefOf(object.key);
    const record = ref === undefined ? 'foreign' : await recordOf(store, ref, signal);
    return ref === undefined || record === 'foreign' ? object.key : { ...ref, ...stateOf(record, object) };
  };
  return sideBySide(store.list(forgottenPrefix, signal), readersAtOnce, look);
}

/** Whether a backup is known to have no manifest any more, by whoever took it away. */
export async function isForgotten(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<boolean> {
  const record = await recordOf(store, ref, signal);
  return record !== 'foreign' && record?.state === 'gone';
}

/** Whether somebody wanted to delete a backup, however far it came. */
export async function isBeingForgotten(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<boolean> {
  const listed = await listedObject(store, forgottenKey(ref), signal);
  return listed !== undefined && (await recordOf(store, ref, signal)) !== 'foreign';
}

function stateOf(
  record: ForgottenRecord | undefined,
  { modified }: StoredObject,
): Pick<ForgottenBackup, 'hosts' | 'isCommitted' | 'since'> {
  const { hosts = [], committed: isCommitted = false } = record ?? {};
  return { hosts, isCommitted, since: record?.state === 'gone' ? modified : undefined };
}

/** Undefined also for one that is cut off, or cannot be read. */
async function recordOf(
  store: ObjectStore,
  ref: BackupRef,
  signal: AbortSignal,
): Promise<ForgottenRecord | 'foreign' | undefined> {
  const key = forgottenKey(ref);
  return unlessDamaged(
    async () => {
      const bytes = await readWhole(store, key, mostBytes, signal);
      const text = bytes === undefined ? undefined : textOf(bytes);
      return text === undefined ? undefined : isForeignJson(text, ourFields) ? 'foreign' : parseAs(forgottenRecord, text, key);
    },
    () => undefined,
  );
}

/** Other people's records have a format, an id and a state too. */
const ourFields = ['committed', 'hosts'];
