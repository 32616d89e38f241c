import { liveTable, type Topology } from '../../../cluster/tools/topology.ts';
import { notBroughtBack } from '../../../model/restore/not-brought-back.ts';
import { isSameName } from '../../../model/restore/table-copy.ts';
import type { PlannedRestore } from '../options.ts';

/** What does not come back with the chosen tables, as far as backup and cluster tell. `topology` is as before the restore. */
export async function absencesOf(
  { options, parts, sources, members, method, live }: PlannedRestore,
  topology: Topology | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [first = new Date(0)] = sources.manifests
    .map(({ takenAt }) => new Date(takenAt))
    .toSorted((a, b) => a.getTime() - b.getTime());
  return notBroughtBack({
    method: method.method,
    truncate: options.truncate,
    authorizes: members.present.some(({ config }) => config.authorizes),
    tables: sources.tables.map((table) => {
      const copy = sources.copies.find(({ to }) => isSameName(to, table));
      const lives = topology === undefined || liveTable(topology, table) !== undefined;
      return {
        keyspace: table.keyspace,
        table: table.table,
        original: copy?.from ?? table,
        state: copy !== undefined ? 'is a copy' : lives ? 'lives' : 'is created',
        view: sources.views.some(({ keyspace, view }) => keyspace === table.keyspace && view === table.table),
      } as const;
    }),
    takenAt: first,
    now: await parts.repository.now(signal),
    backupSchema: sources.schema ?? [],
    liveSchema: live,
  });
}
