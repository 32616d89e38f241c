import { UsageError } from '../errors.ts';

/** How restored files get to where Cassandra reads them. */
export type RestoreMethod = 'stage' | 'import' | 'refresh' | 'load' | 'node-restart';

export interface MethodQuestion {
  readonly asked: RestoreMethod | 'auto';
  /** Whether tables or keyspaces were named; who names none gets no live data changed. */
  readonly named: boolean;
  /** Whether a directory on the nodes was named: then the files are wanted there. */
  readonly directory: boolean;
  /** Whether tables get copies under other names, which only an online restore can fill. */
  readonly renames: boolean;
  readonly nodes: readonly MethodNode[];
}

export interface MethodNode {
  readonly host: string;
  readonly flavour: 'cassandra' | 'scylla';
  /** Release version, where it is known. */
  readonly version?: string | undefined;
  /** Whether Cassandra runs there. */
  readonly up: boolean;
}

export interface MethodChoice {
  readonly method: RestoreMethod;
  readonly reason: string;
}

/**
 * The way of a restore. It is online where that is asked for by naming tables and every node can: `nodetool import` since
 * Cassandra 4.0 (CASSANDRA-6719), `nodetool refresh` before and in Scylla (where `load` is its `--load-and-stream`). Otherwise the files are put beside the live data.
 * Throws UsageError when the method that was asked for cannot work.
 */
export function chooseMethod({ asked, named, directory, renames, nodes }: MethodQuestion): MethodChoice {
  if (asked !== 'auto') {
    if (renames && (asked === 'stage' || asked === 'node-restart')) {
      throw new UsageError(`--rename goes with an online restore, not with --method ${asked}`, {
        hint: 'leave --method away, or use import, refresh or load',
      });
    }
    refuse(asked, nodes);
    return { method: asked, reason: 'as asked for by --method' };
  }
  if (renames) {
    const method = nodes.every(canImport) ? 'import' : 'refresh';
    refuse(method, nodes);
    return { method, reason: 'a copy beside the living table is filled online' };
  }
  if (directory) {
    return { method: 'stage', reason: 'a directory is named by --to' };
  }
  if (!named) {
    return { method: 'stage', reason: 'no table or keyspace is named by -K, so nothing live is changed' };
  }
  const down = nodes.find(({ up }) => !up);
  if (down !== undefined) {
    return { method: 'stage', reason: `${serverOf(down)} does not run on ${down.host}, so nothing can be restored online` };
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
    // https://docs.scylladb.com/manual/stable/operating-scylla/nodetool-commands/refresh.html
    const scylla = nodes.find(({ flavour }) => flavour === 'scylla');
    if (scylla !== undefined) {
      throw new UsageError(
        `${scylla.host} runs ${nameOf(scylla)}, which takes sstables by nodetool refresh alone: files put into its data directories by node-restart lead to failures`,
        { hint: 'use --method refresh, or load for a cluster with other tokens or nodes' },
      );
    }
    return;
  }
  const down = nodes.find(({ up }) => !up);
  if (down !== undefined) {
    throw new UsageError(`${serverOf(down)} does not run on ${down.host}`, { hint: 'start it, or use --method stage' });
  }
  const old = nodes.find((node) => !canImport(node));
  if (asked === 'import' && old !== undefined) {
    throw new UsageError(`${old.host} runs ${nameOf(old)}, which has no nodetool import`, { hint: 'use --method refresh' });
  }
}

function canImport({ flavour, version }: MethodNode): boolean {
  return flavour === 'cassandra' && (version === undefined || Number.parseInt(version, 10) >= 4);
}

function serverOf({ flavour }: Pick<MethodNode, 'flavour'>): string {
  return flavour === 'scylla' ? 'Scylla' : 'Cassandra';
}

function nameOf({ flavour, version = '' }: MethodNode): string {
  return `${serverOf({ flavour })} ${version}`.trimEnd();
}
