import { UsageError } from '../errors.ts';
import { type Node } from '../ring/ring.ts';
import { type SchemaStatement } from './cql-statements.ts';

/** How keyspaces are to be replicated in another cluster than the one that they were backed up from. */
export interface ReplicationChange {
  /** A CQL map that takes the place of every keyspace's own: `{'class': 'SimpleStrategy', 'replication_factor': 1}`. */
  readonly replication?: string;
  /** Datacenter names, old to new, in the map of NetworkTopologyStrategy. */
  readonly datacenters: ReadonlyMap<string, string>;
}

const clause = /(\bWITH\s+replication\s*=\s*)(\{[^}]*\})/i;
const entry = /'((?:[^']|'')*)'\s*:\s*('(?:[^']|'')*'|\d+)/g;

/** CREATE KEYSPACE statements with the change; other statements as they are. Throws UsageError for a map that is none. */
export function withReplication(statement: SchemaStatement, change: ReplicationChange): SchemaStatement {
  const [, head, map] = clause.exec(statement.text) ?? [];
  if (statement.kind !== 'keyspace' || head === undefined || map === undefined) {
    return statement;
  }
  const changed = change.replication === undefined ? mapped(map, change.datacenters) : checked(change.replication);
  return { ...statement, text: statement.text.replace(clause, () => `${head}${changed}`) };
}

/** The replication of a CREATE KEYSPACE: `class` without its package, and copies by datacenter. Empty for anything else. */
export function replicationOf({ kind, text }: SchemaStatement): ReadonlyMap<string, string> {
  const map = kind === 'keyspace' ? (clause.exec(text)?.[2] ?? '') : '';
  const entries = [...map.matchAll(entry)].map(([, key = '', value = '']): [string, string] => [
    key,
    value.replaceAll("'", '').replace(/^org\.apache\.cassandra\.locator\./, ''),
  ]);
  return new Map(entries);
}

/** Whether the same nodes of a ring have the copies under both. */
export function sameReplication(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

/** How many nodes of the ring hold a row: no more than there are. */
export function copiesIn(replication: ReadonlyMap<string, string>, nodes: readonly Pick<Node, 'dc'>[]): number {
  const copies = [...replication].filter(([key]) => key !== 'class');
  return copies.length === 0
    ? nodes.length
    : copies
        .map(([key, value]) => {
          const there = key === 'replication_factor' ? nodes.length : nodes.filter(({ dc }) => dc === key).length;
          // `3/1` has one transient copy among the three.
          return Math.min(Number.parseInt(value, 10), there);
        })
        .reduce((sum, each) => sum + each, 0);
}

/** `old=new` pairs. Throws UsageError for anything else, and for an old name that is mapped twice. */
export function datacenterMapping(pairs: readonly string[]): ReadonlyMap<string, string> {
  const mapping = new Map<string, string>();
  for (const pair of pairs) {
    const [, from, to] = /^([\w.-]+)=([\w.-]+)$/.exec(pair) ?? [];
    if (from === undefined || to === undefined || mapping.has(from)) {
      throw new UsageError(`--dc-mapping ${pair}: write old=new, each old name once`);
    }
    mapping.set(from, to);
  }
  return mapping;
}

function mapped(map: string, datacenters: ReadonlyMap<string, string>): string {
  return map.replace(entry, (whole: string, key: string, value: string) =>
    key === 'class' ? whole : `'${datacenters.get(key) ?? key}': ${value}`,
  );
}

/** It goes into a statement: nothing but a map of names to names and numbers may be in it. */
function checked(replication: string): string {
  const rest = replication.trim().replace(entry, 'x').replaceAll(/\s/g, '');
  if (!/^\{x(?:,x)*\}$/.test(rest) || !/'class'\s*:/.test(replication)) {
    throw new UsageError(`--replication ${replication} is no replication map`, {
      hint: `write it as in CQL: "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"`,
    });
  }
  return replication.trim();
}
