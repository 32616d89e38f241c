import type { ServerNode, ToolNode } from '../node.ts';
import { BackupError, RemoteError, messageOf } from '../../model/errors.ts';
import { compareTokens, type Node, type Ring } from '../../model/ring/ring.ts';
import { told, type ToldKind } from '../../model/node/told.ts';
import type { TableId, View } from '../../model/sstable.ts';
import { cqlshError, parseJsonRows, runCqlsh } from '../cql/cqlsh.ts';
import { parseCluster, parseDataPaths, parseRing, parseStatus, withoutPort, type RingLine } from './nodetool-output.ts';
import { clusterText, dataPathsText, ringText, statusText } from './nodetool.ts';
import { tablesOnDisk } from './scylla-tables.ts';
import { readSystemRows, systemStatements, type SystemRows } from '../cql/system-rows.ts';

/** What the cluster is made of, as one of its nodes sees it. */
export interface Topology {
  readonly ring: Ring;
  /** `nodetool ring` as printed. */
  readonly ringText: string;
  /** Every table that has files: views and system tables too, virtual ones not. Sorted by name. */
  readonly tables: readonly TableId[];
  readonly keyspaces: readonly string[];
  /** Those of `tables` whose sstables are not on the disks of the nodes: Scylla can keep a keyspace in object storage. */
  readonly elsewhere: readonly TableId[];
  /** Unknown, and empty, without cqlsh. */
  readonly views: readonly View[];
  readonly source: 'cqlsh' | 'nodetool';
  /** Why cqlsh was of no use, when `source` is nodetool. */
  readonly fallback?: string;
}

/** The table of that name that lives now, whatever its id. */
export function liveTable(
  { tables }: Pick<Topology, 'tables'>,
  { keyspace, table }: Pick<TableId, 'keyspace' | 'table'>,
): TableId | undefined {
  return tables.find((other) => other.keyspace === keyspace && other.table === table);
}

/**
 * Asks one node for ring and tables: by a single cqlsh call where that works, else by nodetool alone, which that of Scylla and of
 * Cassandra before 4.1 cannot do: they have no datapaths. Throws RemoteError when neither answers, BackupError when
 * nodetool alone cannot tell the tables, or the answers contradict each other (a member without tokens or host id).
 */
export async function readTopology(node: ServerNode, signal: AbortSignal): Promise<Topology> {
  const topology = await askedTopology(node, signal);
  checkTopology(node.remote.host, topology);
  return topology;
}

/** One node says this of all: hosts that are connected to, names that become keys and stand in reports. Throws BackupError. */
export function checkTopology(host: string, { ring, tables, keyspaces }: Pick<Topology, 'ring' | 'tables' | 'keyspaces'>): void {
  const check = (kind: ToldKind, text: string, what: string) => told(kind, text, `${host}: ${what}, as the ring has it,`);
  check('name', ring.cluster, "the cluster's name");
  check('className', ring.partitioner, 'the partitioner');
  for (const { hostId, address, dc, rack, version, tokens } of ring.nodes) {
    check('address', address, "a node's address");
    check('hostId', hostId, `the host id of ${address}`);
    check('name', dc, `the datacenter of ${address}`);
    check('name', rack, `the rack of ${address}`);
    check('version', version ?? '0', `the version of ${address}`);
    tokens.forEach((token) => check('token', token, `a token of ${address}`));
  }
  for (const { keyspace, table } of tables) {
    check('tableName', keyspace, 'a keyspace');
    check('tableName', table, `a table of ${keyspace}`);
  }
  keyspaces.forEach((keyspace) => check('tableName', keyspace, 'a keyspace'));
}

async function askedTopology(node: ServerNode, signal: AbortSignal): Promise<Topology> {
  const [text, rows] = await Promise.all([ringText(node, signal), readRows(node, signal)]);
  const lines = parseRing(text);
  if (typeof rows !== 'string') {
    const ring = ringFromRows(rows, lines) ?? (await ringFromNodetool(node, lines, signal));
    const { views } = rows;
    const isScylla = node.config.flavour === 'scylla';
    const { tables, elsewhere } = isScylla
      ? await tablesOnDisk(node, rows.tables, signal)
      : { tables: rows.tables, elsewhere: [] };
    return {
      ring: isScylla ? withOwnVersion(ring, rows, node) : ring,
      ringText: text,
      tables: sorted(tables),
      elsewhere,
      keyspaces: rows.keyspaces.toSorted(),
      views,
      source: 'cqlsh',
    };
  }
  if (node.config.flavour === 'scylla') {
    throw new RemoteError(`the tables of ${node.remote.host} are not known without cqlsh: ${rows}`, {
      host: node.remote.host,
      command: 'cqlsh',
      hint: 'nodetool of ScyllaDB cannot list them; give the place of cqlsh with --cqlsh-path',
    });
  }
  const [ring, paths] = await Promise.all([ringFromNodetool(node, lines, signal), dataPathsText(node, signal)]);
  if (paths === undefined) {
    throw new BackupError(`${rows}, and nodetool cannot tell the tables of ${node.remote.host} either`, {
      hint: 'it can since Cassandra 4.1; before, cqlsh must work on the node: give its place with --cqlsh-path',
    });
  }
  const tables = sorted(parseDataPaths(paths));
  const keyspaces = [...new Set(tables.map((table) => table.keyspace))];
  return { ring, ringText: text, tables, elsewhere: [], keyspaces, views: [], source: 'nodetool', fallback: rows };
}

/**
 * Scylla says the version of Cassandra that it is like, of every member. What it is itself each node knows of itself alone.
 */
function withOwnVersion(ring: Ring, { nodes: [self] }: SystemRows, { config: { release } }: ServerNode): Ring {
  return {
    ...ring,
    nodes: ring.nodes.map(({ version: _compatible, ...node }) =>
      node.hostId === self?.hostId && release !== undefined ? { ...node, version: release } : node,
    ),
  };
}

/** The rows of the system tables, or the reason why there are none. */
async function readRows(node: ServerNode, signal: AbortSignal): Promise<SystemRows | string> {
  let failure: unknown;
  try {
    const output = await runCqlsh(node, systemStatements, signal);
    const rows = readSystemRows(parseJsonRows(output.stdout));
    if (rows !== undefined) {
      return rows;
    }
    failure =
      output.status === 0 ? `cqlsh on ${node.remote.host} gave an answer that is not understood` : cqlshError(node, output);
  } catch (error) {
    failure = error;
  }
  signal.throwIfAborted();
  return typeof failure === 'string' ? failure : messageOf(failure);
}

/**
 * The ring from system.local and system.peers, with the states that `nodetool ring` gives. Undefined when the two do not
 * name the same members: system.peers is known to keep nodes that left and to lack some, so gossip has to decide.
 */
export function ringFromRows(rows: SystemRows, lines: readonly RingLine[]): Ring | undefined {
  const states = new Map(lines.map((line) => [withoutPort(line.address), line.state]));
  const nodes = rows.nodes
    .filter((node) => states.has(node.address))
    .map((node): Node => ({ ...node, tokens: node.tokens.toSorted(compareTokens), state: states.get(node.address) ?? '?' }));
  const complete =
    nodes.length === states.size && nodes.every((node) => node.tokens.length === tokensOf(node.address, lines).length);
  return complete ? { cluster: rows.cluster, partitioner: rows.partitioner, nodes: byAddress(nodes) } : undefined;
}

/** The ring from the text of `nodetool describecluster`, `status` and `ring`. Throws BackupError. */
export function ringFromTexts(description: string, status: string, lines: readonly RingLine[]): Ring {
  const cluster = parseCluster(description);
  const members = parseStatus(status);
  if (cluster === undefined || members.length === 0) {
    throw new BackupError('nodetool describecluster and status do not describe a cluster');
  }
  const unknown = lines.find((line) => !members.some((member) => withoutPort(member.address) === withoutPort(line.address)));
  if (unknown !== undefined) {
    throw new BackupError(`nodetool ring names ${unknown.address}, which nodetool status does not`, {
      hint: 'the ring is changing; try again when no node joins or leaves',
    });
  }
  const nodes = members.map((member): Node => {
    const address = withoutPort(member.address);
    const version = [...cluster.versions].find(([, addresses]) => addresses.includes(address))?.[0];
    const { hostId, dc, rack, state } = member;
    const node = { hostId, address, dc, rack, tokens: tokensOf(address, lines).toSorted(compareTokens), state };
    return version === undefined ? node : { ...node, version };
  });
  return { cluster: cluster.cluster, partitioner: cluster.partitioner, nodes: byAddress(nodes) };
}

async function ringFromNodetool(node: ToolNode, lines: readonly RingLine[], signal: AbortSignal): Promise<Ring> {
  const [description, status] = await Promise.all([clusterText(node, signal), statusText(node, signal)]);
  return ringFromTexts(description, status, lines);
}

function tokensOf(address: string, lines: readonly RingLine[]): readonly string[] {
  return lines.filter((line) => withoutPort(line.address) === address).map((line) => line.token);
}

function byAddress(nodes: readonly Node[]): readonly Node[] {
  return nodes.toSorted((a, b) => compare(a.dc, b.dc) || compare(a.address, b.address));
}

function sorted(tables: readonly TableId[]): readonly TableId[] {
  return tables.toSorted((a, b) => compare(a.keyspace, b.keyspace) || compare(a.table, b.table));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
