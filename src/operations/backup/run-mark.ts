import { type BackupRef, type InProgress } from '../../model/backup/manifest.ts';
import { reasonOf } from '../../model/backup/outcome.ts';
import { type BackupOptions } from './options.ts';
import { type Members } from '../nodes/members.ts';

/** The mark that a run leaves before it touches anything: who runs, and on which nodes. */
export function progressOf(ref: BackupRef, members: Members, options: BackupOptions, startedAt: string | undefined): InProgress {
  const now = options.now.toISOString();
  const nodes = [
    ...members.present.map(({ host, info }) => ({ host, hostId: info?.hostId ?? '', state: 'running' as const })),
    ...members.absent.map(({ host, error }) => ({ host, hostId: '', state: 'failed' as const, error: reasonOf(error) })),
  ];
  const { owner, filter, policy, writtenBy } = options;
  return {
    format: 1,
    ...ref,
    kind: ref.parent === undefined ? 'snapshot' : 'incremental',
    startedAt: startedAt ?? now,
    updatedAt: now,
    owner,
    selection: filter.patterns,
    ...(policy === undefined ? {} : { policy }),
    nodes,
    writtenBy,
  };
}
