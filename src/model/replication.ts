import { UsageError } from './errors.ts';
import type { SchemaStatement } from './cql-statements.ts';

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
