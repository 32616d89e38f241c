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
  const lines = text.split('\n').map((line): readonly [name: string, value: string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(colon, 0)).trimEnd(), line.slice(colon + 1).trim()];
  });
  const valuesOf = (wanted: string) => lines.flatMap(([name, value]) => (name === wanted ? [value] : []));
  const [hostId] = valuesOf('ID');
  if (hostId === undefined || !uuid.test(hostId)) {
    return undefined;
  }
  // A node that has not joined says `Token : (node is not joined to the cluster)`.
  const tokens = valuesOf('Token').filter((token) => token !== '' && !token.startsWith('('));
  const [uptime] = valuesOf('Uptime (seconds)');
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
    const words = wordsOf(line);
    const [first, , ...afterRack] = words;
    // Load and Owns stand between and hold spaces or `?`; the highest token of all is repeated alone on the first line.
    const before = afterRack.findIndex(({ text: status }, at) => isUp.has(status) && isState.has(afterRack[at + 1]?.text ?? ''));
    const [status, state, load, ...rest] = before === -1 ? [] : afterRack.slice(before);
    const token = rest.at(-1);
    if (first?.at === 0 && status !== undefined && state !== undefined && load !== undefined && token !== undefined) {
      const rack = between(line, words.slice(1, before + 2));
      lines.push({ dc, address: first.text, rack, state: nodeState(status.text, state.text), token: token.text });
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
    const words = wordsOf(line);
    const id = words.findIndex(({ text: word }, at) => at > 1 && uuid.test(word));
    // With one token per node the token stands between host id and rack.
    const isToken = /^-?\d+$/.test(words[id + 1]?.text ?? '') && words.length > id + 2;
    const rackWords = id === -1 ? [] : words.slice(id + (isToken ? 2 : 1));
    const [address, hostId] = [words[1]?.text, words[id]?.text];
    if (address === undefined || hostId === undefined || rackWords.length === 0) {
      throw new BackupError(`nodetool status has a line that is not understood: ${line.trim()}`);
    }
    lines.push({ dc, address, hostId, rack: between(line, rackWords), state: nodeState(status, state) });
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
  const lines = text.split('\n');
  const valueOf = (name: string) => lines.map((line) => line.trimStart()).find((line) => line.startsWith(`${name}: `));
  const cluster = valueOf('Name')?.slice('Name: '.length).trimEnd();
  const partitioner = valueOf('Partitioner')?.split(/\s+/)[1];
  if (cluster === undefined || partitioner === undefined || partitioner === '') {
    return undefined;
  }
  const keyspaces = lines.flatMap((line): readonly KeyspaceReplication[] => {
    const [, name = '', strategy = '', options] = /^(\w+) -> Replication class: (\S+) \{(.*)\}$/.exec(line.trim()) ?? [];
    return options === undefined ? [] : [{ name, strategy, options: new Map(pairsOf(options)) }];
  });
  const versions = addressesBelow(lines, 'Database versions:');
  const schemas = addressesBelow(lines, 'Schema versions:');
  schemas.delete('UNREACHABLE');
  return { cluster, partitioner, keyspaces, versions, schemas };
}

/** What the lines below a title say that are set in or empty. */
function addressesBelow(lines: readonly string[], title: string): Map<string, readonly string[]> {
  const at = lines.findIndex((line) => line.trim() === title);
  const below = at === -1 ? [] : lines.slice(at + 1);
  const end = below.findIndex((line) => !/^(?:[ \t]|$)/.test(line));
  return new Map(
    below.slice(0, end === -1 ? undefined : end).flatMap((line) => {
      const [, name = '', addresses] = /^(\S+): \[(.*)\]$/.exec(line.trim()) ?? [];
      return addresses === undefined ? [] : [[name, addresses.split(', ').map(withoutPort)]];
    }),
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

/**
 * A line is taken apart word by word, never by an expression that has two ways to cut it: over a line of a megabyte it would sit
 * for minutes.
 */
interface Word {
  readonly text: string;
  readonly at: number;
}

function wordsOf(line: string): readonly Word[] {
  return [...line.matchAll(/\S+/g)].map(({ 0: text, index: at }) => ({ text, at }));
}

/** The text from the first of these words to the last, as it stands there. */
function between(line: string, words: readonly Word[]): string {
  const [first, last] = [words[0], words.at(-1)];
  return first === undefined || last === undefined ? '' : line.slice(first.at, last.at + last.text.length);
}

const isUp: ReadonlySet<string> = new Set(['Up', 'Down', '?']);
const isState: ReadonlySet<string> = new Set(['Normal', 'Leaving', 'Joining', 'Moving', '?']);

function datacenterOf(line: string): string | undefined {
  return line.startsWith('Datacenter: ') ? line.slice('Datacenter: '.length).trim() : undefined;
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
