import { BackupError } from '../../model/errors.ts';
import { compareTokens, type NodeState } from '../../model/ring/ring.ts';
import { parseTableDirectory, type TableId } from '../../model/sstable.ts';

/** `nodetool info -T` of a node, as far as a backup needs it. */
export interface NodeInfo {
  readonly hostId: string;
  readonly dc: string;
  readonly rack: string;
  /** Decimal text, ascending; empty while the node has not joined. */
  readonly tokens: readonly string[];
  /** Since Cassandra started there. */
  readonly uptimeSeconds?: number;
}

/** Reads `nodetool info -T`; undefined when it holds no host id. */
export function parseInfo(text: string): NodeInfo | undefined {
  const valuesOf = (name: string): readonly string[] =>
    [...text.matchAll(new RegExp(`^${name}\\s*:[ \\t]*(.*?)\\s*$`, 'gm'))].map((match) => match[1] ?? '');
  const [hostId] = valuesOf('ID');
  if (hostId === undefined || !uuid.test(hostId)) {
    return undefined;
  }
  // A node that has not joined says `Token : (node is not joined to the cluster)`.
  const tokens = valuesOf('Token').filter((token) => token !== '' && !token.startsWith('('));
  const [uptime] = valuesOf(String.raw`Uptime \(seconds\)`);
  return {
    hostId,
    dc: valuesOf('Data Center')[0] ?? '',
    rack: valuesOf('Rack')[0] ?? '',
    tokens: tokens.toSorted(compareTokens),
    ...(uptime === undefined || !/^\d+$/.test(uptime) ? {} : { uptimeSeconds: Number(uptime) }),
  };
}

/** One line of `nodetool ring`: a token and who owns it. */
export interface RingLine {
  readonly dc: string;
  readonly address: string;
  readonly rack: string;
  readonly state: NodeState;
  readonly token: string;
}

/** Reads `nodetool ring`: a line per token, in the order printed. */
export function parseRing(text: string): readonly RingLine[] {
  let dc = '';
  const lines: RingLine[] = [];
  for (const line of text.split('\n')) {
    dc = datacenterOf(line) ?? dc;
    // Load and Owns stand between and hold spaces or `?`; the highest token of all is repeated alone on the first line.
    const [, address, rack, status, state, token] =
      /^(\S+)\s+(\S.*?)\s+(Up|Down|\?)\s+(Normal|Leaving|Joining|Moving|\?)\s+\S.*?\s(\S+)\s*$/.exec(line) ?? [];
    if (address !== undefined && rack !== undefined && token !== undefined) {
      lines.push({ dc, address, rack, state: nodeState(status ?? '?', state ?? '?'), token });
    }
  }
  return lines;
}

/** One line of `nodetool status`. */
export interface StatusLine {
  readonly dc: string;
  readonly address: string;
  readonly hostId: string;
  readonly rack: string;
  readonly state: NodeState;
}

/** Reads `nodetool status`. Throws BackupError for a member whose line is not understood: none may be lost. */
export function parseStatus(text: string): readonly StatusLine[] {
  let dc = '';
  const lines: StatusLine[] = [];
  for (const line of text.split('\n')) {
    dc = datacenterOf(line) ?? dc;
    // Scylla has X for a node that is excluded: down, and never to come back.
    const [, status, state] = /^(XU?|[UD?])([NLJMS?])\s/.exec(line) ?? [];
    if (status === undefined || state === undefined) {
      continue;
    }
    // With one token per node the token stands between host id and rack.
    const [, address, hostId, rack] =
      /^\S+\s+(\S+)\s+.*?\s([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s+(?:-?\d+\s+(?=\S))?(\S.*?)\s*$/.exec(line) ?? [];
    if (address === undefined || hostId === undefined || rack === undefined) {
      throw new BackupError(`nodetool status has a line that is not understood: ${line.trim()}`);
    }
    lines.push({ dc, address, hostId, rack, state: nodeState(status, state) });
  }
  return lines;
}

/** What `nodetool describecluster` says. Keyspaces are listed since 4.0; before, the list is empty. */
export interface ClusterDescription {
  readonly cluster: string;
  readonly partitioner: string;
  readonly keyspaces: readonly KeyspaceReplication[];
  /** Addresses per release version. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
  /** Addresses per schema version, of the nodes that are up. */
  readonly schemas: ReadonlyMap<string, readonly string[]>;
}

export interface KeyspaceReplication {
  readonly name: string;
  readonly strategy: string;
  /** `dc1` → `3`, or `replication_factor` → `2`. */
  readonly options: ReadonlyMap<string, string>;
}

/** Reads `nodetool describecluster`; undefined when it names no cluster. */
export function parseCluster(text: string): ClusterDescription | undefined {
  const cluster = /^\s*Name: (.*?)\s*$/m.exec(text)?.[1];
  const partitioner = /^\s*Partitioner: (\S+)/m.exec(text)?.[1];
  if (cluster === undefined || partitioner === undefined) {
    return undefined;
  }
  const keyspaces = [...text.matchAll(/^\s*(\w+) -> Replication class: (\S+) \{(.*)\}\s*$/gm)].map(
    ([, name = '', strategy = '', options = '']) => ({ name, strategy, options: new Map(pairsOf(options)) }),
  );
  const versions = addressesBy(/^Database versions:\n((?:[ \t]+.*\n?)*)/m.exec(text)?.[1]);
  const schemas = addressesBy(/^\s*Schema versions:\n((?:(?:[ \t]+.*)?\n)*)/m.exec(text)?.[1]);
  schemas.delete('UNREACHABLE');
  return { cluster, partitioner, keyspaces, versions, schemas };
}

function addressesBy(section = ''): Map<string, readonly string[]> {
  return new Map(
    [...section.matchAll(/^\s*(\S+): \[(.*)\]\s*$/gm)].map(([, name = '', addresses = '']) => [
      name,
      addresses.split(', ').map(withoutPort),
    ]),
  );
}

/**
 * Reads `nodetool datapaths`: every table of the node, views too, virtual ones not. Throws BackupError for a table
 * whose directory has no id.
 */
export function parseDataPaths(text: string): readonly TableId[] {
  const tables = new Map<string, TableId>();
  let keyspace = '';
  let table = '';
  for (const line of text.split('\n').map((each) => each.trim())) {
    keyspace = /^Keyspace: (\w+)$/.exec(line)?.[1] ?? keyspace;
    table = /^Table: (\S+)$/.exec(line)?.[1] ?? table;
    // `users.users_email` is a secondary index; it lives in its table's directory.
    if (line.startsWith('/') && !table.includes('.')) {
      const found = parseTableDirectory(keyspace, line.slice(line.lastIndexOf('/') + 1));
      if (found === undefined || found.table !== table) {
        throw new BackupError(`the directory of ${keyspace}.${table} is not named <table>-<id>: ${line}`);
      }
      tables.set(`${keyspace}.${table}`, found);
    }
  }
  return [...tables.values()];
}

/** Reads `nodetool listsnapshots`; undefined when it is no such table. */
export function parseSnapshotTags(text: string): readonly string[] | undefined {
  if (/^There are no snapshots/m.test(text)) {
    return [];
  }
  const lines = text.split('\n');
  const head = lines.findIndex((line) => /^Snapshot name\s+Keyspace name\s/i.test(line));
  if (head < 0) {
    return undefined;
  }
  // A tag may hold spaces; its column is as wide as the header says.
  const width = (lines[head] ?? '').toLowerCase().indexOf('keyspace name');
  const end = lines.findIndex((line, index) => index > head && line.trim() === '');
  const tags = lines.slice(head + 1, end < 0 ? undefined : end).map((line) => line.slice(0, width).trimEnd());
  return [...new Set(tags)].filter((tag) => tag !== '').toSorted();
}

/** The address without the port that newer versions append: `127.0.0.2:7000`, `[::1]:7000`. */
export function withoutPort(address: string): string {
  return address.replace(/^\[(.*)\]:\d+$/, '$1').replace(/^([^:]*):\d+$/, '$1');
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function datacenterOf(line: string): string | undefined {
  return /^Datacenter: (.*?)\s*$/.exec(line)?.[1];
}

const states: ReadonlyMap<string, NodeState> = new Map(
  (['UN', 'UL', 'UJ', 'UM', 'DN', 'DL', 'DJ', 'DM'] as const).map((state) => [state, state]),
);

function nodeState(status: string, state: string): NodeState {
  const known = status.startsWith('X') ? 'D' : status.charAt(0);
  return states.get(`${known}${state.charAt(0)}`) ?? '?';
}

function pairsOf(options: string): readonly [string, string][] {
  return options
    .split(', ')
    .filter((option) => option.includes('='))
    .map((option) => [option.slice(0, option.indexOf('=')), option.slice(option.indexOf('=') + 1)]);
}
