import { quote } from '../cluster/remote.ts';
import type { Topology } from '../cluster/topology.ts';
import type { RestartNode } from '../model/restart-method.ts';
import { restartScript } from '../model/restart-method.ts';
import type { RestoredTable, RestoreResult } from '../model/results.ts';
import type { TableId } from '../model/sstable.ts';
import type { NodeWork, RestoreOptions, RestoreParts } from './restore-stage.ts';
import { plannedNode, planRestore, stageAll } from './restore-stage.ts';

/** Every node gets the data it uploaded, into a directory beside its live data; nothing is stopped or replaced. */
export async function restoreStaged(options: RestoreOptions, parts: RestoreParts, signal: AbortSignal): Promise<RestoreResult> {
  const planned = await planRestore(options, parts, signal);
  const { sources, topology, work } = planned;
  const tables = sources.tables.map((table) => withLiveId(table, topology));
  const nodes = options.dryRun ? work.map(plannedNode) : await stageAll(planned, options, parts, signal);
  return {
    backup: sources.id,
    method: 'stage',
    dryRun: options.dryRun,
    nodes,
    tables,
    commands: nodes.some((node) => node.error !== undefined) ? '' : commandsFor(work, tables, parts),
    warnings: warningsFor(sources.complete, sources.id, topology),
  };
}

function commandsFor(work: readonly NodeWork[], tables: readonly RestoredTable[], parts: RestoreParts): string {
  const nodes = work.map(({ member, staging }): RestartNode => ({
    host: member.host,
    shell: parts.shellFor(member.host),
    stagingDirectory: staging.directory,
    dataDirectories: member.config.dataDirectories,
    commitlogDirectory: member.config.commitlogDirectory,
    hintsDirectory: member.config.hintsDirectory,
    savedCachesDirectory: member.config.savedCachesDirectory,
    nodetool: parts.tools.nodetool.map(quote).join(' '),
  }));
  return restartScript(nodes, tables, quote);
}

/** With the id that the table of this name has now. */
export function withLiveId(table: TableId, topology: Topology | undefined): RestoredTable {
  const live = topology?.tables.find((other) => other.keyspace === table.keyspace && other.table === table.table);
  // With Cassandra down nobody can say: then the id of the backup is the best guess.
  return topology === undefined ? { ...table, liveId: table.id } : live === undefined ? table : { ...table, liveId: live.id };
}

function warningsFor(complete: boolean, id: string, topology: Topology | undefined): readonly string[] {
  return [
    ...(complete ? [] : [`backup ${id} is not complete: only the nodes that it finished can be restored`]),
    ...(topology === undefined
      ? ['no node could say which tables live now: compare the table ids before you place the files']
      : []),
  ];
}
