import { liveTable, type Topology } from '../../../cluster/tools/topology.ts';
import { tablesToLoad } from '../../../model/restore/load-plan.ts';
import type { RestoreMethod } from '../../../model/restore/method.ts';
import { restartScope } from '../../../model/restore/restart-plan.ts';
import {
  type TargetTable,
  compareTables,
  refuseOtherPartitioner,
  refuseOtherShapes,
  shapeWarnings,
} from '../../../model/schema/shape/compare-tables.ts';
import { isSystemKeyspace } from '../../../model/system-keyspaces.ts';
import type { Sources } from '../../restore-sources.ts';
import type { LiveSchema } from '../../schema/apply.ts';

interface Question {
  readonly sources: Sources;
  readonly topology: Topology | undefined;
  readonly method: RestoreMethod;
}

/**
 * Holds the tables that live under the names of the backup's, or of their copies, against what the backup's schema says of
 * them. Throws UsageError where their rows could not be read afterwards; gives the warnings for the plan, with `stage`
 * these refusals too. Where the backup's schema comes back whole, no living table stays.
 */
export function compareLiving({ sources, topology, method }: Question, { statements, failure }: LiveSchema): readonly string[] {
  const held = sources.manifests.flatMap(({ tables }) => tables);
  if (topology === undefined || (method === 'node-restart' && restartScope(sources.tables, held).schema)) {
    return [];
  }
  if (method !== 'stage') {
    refuseOtherPartitioner(sources.partitioner, topology.ring.partitioner);
  }
  const targets = targetTables(sources, topology, method);
  if (targets.length === 0) {
    return [];
  }
  if (failure !== undefined) {
    return [`the living tables were not compared with those of the backup, whose rows they may be unable to read: ${failure}`];
  }
  const compared = compareTables(targets, sources.schema ?? [], statements);
  if (method !== 'stage') {
    refuseOtherShapes(compared);
  }
  return shapeWarnings(compared);
}

/** What the server itself makes has the shape of its version, and a view that nothing is loaded into may have any. */
function targetTables(sources: Sources, topology: Topology, method: RestoreMethod): readonly TargetTable[] {
  const loaded = method === 'load' ? tablesToLoad(sources.tables, sources.views) : sources.tables;
  return loaded
    .filter(({ keyspace }) => !isSystemKeyspace(keyspace))
    .flatMap((table) => {
      const to = liveTable(topology, table);
      const copy = sources.copies.find((each) => each.to === table);
      return to === undefined ? [] : [{ from: copy?.from ?? table, to, sameId: to.id === table.id }];
    });
}
