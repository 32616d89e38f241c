import type { ServerNode } from '../node.ts';
import { BackupError } from '../../model/errors.ts';
import { type TableStates, readTableStates } from '../cql/table-states.ts';
import { parseDataPaths } from './nodetool-output.ts';
import { dataPathsText } from './nodetool.ts';
import type { Topology } from './topology.ts';

/** What a node says of its tables while an operation runs; of no truncations and makings where cqlsh is of no use. */
export type TablesNow = Pick<TableStates, 'tables' | 'truncatedAt' | 'madeAt'>;

/**
 * Asks a node once more for its tables, in the way that the operation began with: by one cqlsh call, or `nodetool datapaths`.
 * `timeNow` is as in `readTableStates`. Throws RemoteError when there is no answer, BackupError when nodetool knows no `datapaths`.
 */
export async function readTablesNow(
  node: ServerNode,
  source: Topology['source'],
  timeNow: () => Promise<Date>,
  signal: AbortSignal,
): Promise<TablesNow> {
  if (source === 'cqlsh') {
    return readTableStates(node, timeNow, signal);
  }
  const paths = await dataPathsText(node, signal);
  if (paths === undefined) {
    throw new BackupError(`nodetool on ${node.remote.host} cannot tell the tables`);
  }
  return { tables: parseDataPaths(paths), truncatedAt: new Map(), madeAt: new Map() };
}
