import { UsageError } from './errors.ts';

/** How restored files get to where Cassandra reads them. */
export type RestoreMethod = 'stage' | 'import' | 'refresh' | 'node-restart';

export interface MethodQuestion {
  readonly asked: RestoreMethod | 'auto';
  /** Whether tables or keyspaces were named; who names none gets no live data changed. */
  readonly named: boolean;
  /** Whether a directory on the nodes was named: then the files are wanted there. */
  readonly directory: boolean;
  readonly nodes: readonly MethodNode[];
}

export interface MethodNode {
  readonly host: string;
  readonly flavour: 'cassandra' | 'scylla';
  /** Release version, where it is known. */
  readonly version?: string;
  /** Whether Cassandra runs there. */
  readonly up: boolean;
}

export interface MethodChoice {
  readonly method: RestoreMethod;
  readonly reason: string;
}

/**
 * Online where that is asked for by naming tables and every node can: `nodetool import` since Cassandra 4.0
 * (CASSANDRA-6719), `nodetool refresh` before and in Scylla. Otherwise the files are put beside the live data.
 * Throws UsageError when the method that was asked for cannot work.
 */
export function chooseMethod({ asked, named, directory, nodes }: MethodQuestion): MethodChoice {
  if (asked !== 'auto') {
    refuse(asked, nodes);
    return { method: asked, reason: 'as asked for by --method' };
  }
  if (directory) {
    return { method: 'stage', reason: 'a directory is named by --to' };
  }
  if (!named) {
    return { method: 'stage', reason: 'no table or keyspace is named by -K, so nothing live is changed' };
  }
  const down = nodes.find(({ up }) => !up);
  if (down !== undefined) {
    return { method: 'stage', reason: `Cassandra does not run on ${down.host}, so nothing can be restored online` };
  }
  const old = nodes.find((node) => !canImport(node));
  return old === undefined
    ? { method: 'import', reason: 'tables are named and every node runs Cassandra 4.0 or later' }
    : { method: 'refresh', reason: `tables are named and ${old.host} runs ${nameOf(old)}, which has no nodetool import` };
}

function refuse(asked: RestoreMethod, nodes: readonly MethodNode[]): void {
  if (asked === 'stage') {
    return;
  }
  if (asked === 'node-restart') {
    // Its service, its processes and its data directories have other names and rules.
    const scylla = nodes.find(({ flavour }) => flavour === 'scylla');
    if (scylla !== undefined) {
      throw new UsageError(`${scylla.host} runs Scylla, which node-restart does not know`, { hint: 'use --method refresh' });
    }
    return;
  }
  const down = nodes.find(({ up }) => !up);
  if (down !== undefined) {
    throw new UsageError(`Cassandra does not run on ${down.host}`, { hint: 'start it, or use --method stage' });
  }
  const old = nodes.find((node) => !canImport(node));
  if (asked === 'import' && old !== undefined) {
    throw new UsageError(`${old.host} runs ${nameOf(old)}, which has no nodetool import`, { hint: 'use --method refresh' });
  }
}

function canImport({ flavour, version }: MethodNode): boolean {
  return flavour === 'cassandra' && (version === undefined || Number.parseInt(version, 10) >= 4);
}

function nameOf({ flavour, version = '' }: MethodNode): string {
  return `${flavour === 'scylla' ? 'Scylla' : 'Cassandra'} ${version}`.trimEnd();
}
