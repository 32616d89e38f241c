import { z } from 'zod';
import { sideBySide } from '../../flow/side-by-side.ts';
import { refOf } from '../../model/backup/backup.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { ForgottenBackup } from '../../model/retention/forgotten.ts';
import { forgottenKey, forgottenPrefix, forgottenRefOf } from '../location-keys.ts';
import type { ObjectStore, StoredObject } from '../object-store.ts';
import { readWhole, textOf } from '../read-whole.ts';
import { backupId, hostName, mostNodes, parseAs } from '../shapes.ts';
import { unlessDamaged } from '../unless-damaged.ts';

/**
 * The records of what was forgotten, `forgotten/<id>.json`.
 *
 * - `going`: it is put before anything of the backup goes, so that a directory without a manifest is nobody's loss.
 * - `gone`: it takes the other's place when no manifest is there any more. From then on its own time in the store tells how long ago.
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
  const read = async (object: StoredObject): Promise<ForgottenBackup | undefined> => {
    const ref = forgottenRefOf(object.key);
    return ref === undefined ? undefined : { ...ref, ...(await stateAt(store, ref, object, signal)) };
  };
  for await (const each of sideBySide(store.list(forgottenPrefix, signal), readersAtOnce, read)) {
    found.push(...(each === undefined ? [] : [each]));
  }
  return found;
}

/** Whether a backup is known to have no manifest any more, by whoever took it away. */
export async function isForgotten(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<boolean> {
  return (await recordOf(store, ref, signal))?.state === 'gone';
}

async function stateAt(
  store: ObjectStore,
  ref: BackupRef,
  { modified }: StoredObject,
  signal: AbortSignal,
): Promise<Pick<ForgottenBackup, 'hosts' | 'isCommitted' | 'since'>> {
  const record = await recordOf(store, ref, signal);
  const { hosts = [], committed: isCommitted = false } = record ?? {};
  return { hosts, isCommitted, since: record?.state === 'gone' ? modified : undefined };
}

/** Undefined also for one that cannot be read: its name tells enough to begin anew. */
async function recordOf(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<ForgottenRecord | undefined> {
  const key = forgottenKey(ref);
  return unlessDamaged(
    async () => {
      const bytes = await readWhole(store, key, mostBytes, signal);
      return bytes === undefined ? undefined : parseAs(forgottenRecord, textOf(bytes), key);
    },
    () => undefined,
  );
}
