import { backupsEnabled } from '../../cluster/tools/nodetool.ts';
import { reasonOf } from '../../model/backup/outcome.ts';
import { type Member, type MemberParts } from '../nodes/members.ts';

/** Whether Cassandra links new sstables into `backups/`, by host; or why the node does not say. */
export type Linking = ReadonlyMap<string, boolean | string>;

/** Asked once for a run, before any snapshot: what is flushed before it is turned on no incremental backup would find. */
export async function linkingOf(
  members: readonly Member[],
  { tools }: Pick<MemberParts, 'tools'>,
  signal: AbortSignal,
): Promise<Linking> {
  return new Map(
    await Promise.all(
      members.map(async ({ host, remote }): Promise<readonly [string, boolean | string]> => {
        try {
          return [host, await backupsEnabled(remote, tools, signal)];
        } catch (error) {
          signal.throwIfAborted();
          return [host, reasonOf(error)];
        }
      }),
    ),
  );
}
