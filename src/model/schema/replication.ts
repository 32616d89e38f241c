import { type CqlToken, cqlString, cqlTokens, meaningOf, withTokens } from './cql-tokens.ts';
import { UsageError } from '../errors.ts';
import type { Node } from '../ring/ring.ts';
import type { SchemaStatement } from './cql-statements.ts';
import { entriesOf, mapIn, optionMap } from './statement-options.ts';

/** How keyspaces are to be replicated in another cluster than the one that they were backed up from. */
export interface ReplicationChange {
  /** A CQL map that takes the place of every keyspace's own: `{'class': 'SimpleStrategy', 'replication_factor': 1}`. */
  readonly replication?: string;
  /** Datacenter names, old to new, in the map of NetworkTopologyStrategy. */
  readonly datacenters: ReadonlyMap<string, string>;
}

/** CREATE KEYSPACE statements with the change; other statements as they are. Throws UsageError for a map that is not one. */
export function withReplication(statement: SchemaStatement, change: ReplicationChange): SchemaStatement {
  const map = statement.kind === 'keyspace' ? mapIn(statement.text, 'replication') : [];
  const [open, close] = [map[0], map.at(-1)];
  if (open === undefined || close === undefined) {
    return statement;
  }
  const { text } = statement;
  return {
    ...statement,
    text:
      change.replication === undefined
        ? withTokens(text, renamedKeys(map, change.datacenters))
        : `${text.slice(0, open.at)}${checked(change.replication)}${text.slice(close.at + 1)}`,
  };
}

/** Where a keyspace's replicas stand: the entries of its replication, `class` without its package. */
export type Placement = ReadonlyMap<string, string>;

/** The entries as a statement or the server's own table has them, with or without the package. */
export function placementOf(replication: Iterable<readonly [key: string, value: string]>): Placement {
  return new Map([...replication].map(([key, value]) => [key, value.replace(/^org\.apache\.cassandra\.locator\./, '')]));
}

/** The replication of a CREATE KEYSPACE. Empty for anything else. */
export function replicationOf({ kind, text }: SchemaStatement): Placement {
  return placementOf(kind === 'keyspace' ? (optionMap(text, 'replication') ?? []) : []);
}

/** Of every keyspace that the schema creates. The tokens of the nodes mean nothing where replicas are placed by tablets. */
export function placementsIn(schema: readonly SchemaStatement[]): ReadonlyMap<string, Placement> {
  return new Map(
    schema
      .filter(({ kind }) => kind === 'keyspace')
      .map((statement) => [
        statement.keyspace,
        usesTablets(statement) ? new Map([['class', 'tablets']]) : replicationOf(statement),
      ]),
  );
}

/** A placement in a few words: `NetworkTopologyStrategy dc1: 3`. */
export function placementText(placement: Placement): string {
  const copies = [...placement].filter(([key]) => key !== 'class');
  const words = copies.map(([key, value]) => (key === 'replication_factor' ? value : `${key}: ${value}`));
  return [placement.get('class') ?? 'no strategy', words.join(', ')].join(' ').trimEnd();
}

/** Does work that depends on a placement alone once for all that are alike, in whatever order their entries are written. */
export function oncePerPlacement<P extends Placement | undefined, T>(work: (placement: P) => T): (placement: P) => T {
  const known = new Map<string, readonly [T]>();
  return (placement) => {
    const key = placementKey(placement);
    const [found] = known.get(key) ?? [work(placement)];
    known.set(key, [found]);
    return found;
  };
}

/** The same for placements that are alike; empty where nobody knows the placement. */
export function placementKey(placement: Placement | undefined): string {
  const entries = [...(placement ?? [])].map((entry) => JSON.stringify(entry)).toSorted();
  return placement === undefined ? '' : `{${entries.join(', ')}}`;
}

/** Whether ScyllaDB keeps the keyspace in tablets: replicas are placed by a table of its own, not by the tokens of the nodes. */
export function usesTablets({ kind, text }: SchemaStatement): boolean {
  const tablets = kind === 'keyspace' ? optionMap(text, 'tablets') : undefined;
  return tablets !== undefined && tablets.get('enabled')?.toLowerCase() !== 'false';
}

/** Whether the same nodes of a ring have the copies under both. */
export function sameReplication(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

/** How many nodes of the ring hold a row: no more than there are. */
export function copiesIn(replication: ReadonlyMap<string, string>, nodes: readonly Pick<Node, 'dc'>[]): number {
  const copies = [...replication].filter(([key]) => key !== 'class');
  const inDatacenter = new Map<string, number>();
  nodes.forEach(({ dc }) => inDatacenter.set(dc, (inDatacenter.get(dc) ?? 0) + 1));
  return copies.length === 0
    ? nodes.length
    : copies
        .map(([key, value]) => {
          const there = key === 'replication_factor' ? nodes.length : (inDatacenter.get(key) ?? 0);
          // `3/1` has one transient copy among the three.
          const wanted = value.startsWith('[') ? value.split(',').length : Number.parseInt(value, 10);
          // What is no number counts as as many as there can be: it is asked how much room they need.
          return wanted >= 0 && wanted <= there ? wanted : there;
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

function renamedKeys(map: readonly CqlToken[], datacenters: ReadonlyMap<string, string>): ReadonlyMap<CqlToken, string> {
  return new Map(
    entriesOf(map).flatMap(([key]) => {
      const name = meaningOf(key) === 'class' ? undefined : datacenters.get(meaningOf(key));
      return name === undefined ? [] : [[key, cqlString(name)]];
    }),
  );
}

/** It goes into a statement: nothing but a map of names to names and numbers may be in it, and no comment either. */
function checked(replication: string): string {
  const tokens = cqlTokens(replication).filter(({ kind }) => kind !== 'space');
  const shape = tokens.map(shapeOf).join('');
  const keys = entriesOf(tokens).map(([key]) => meaningOf(key));
  if (!/^\{s:(?:[sn]|\[s(?:,s)*\])(?:,s:(?:[sn]|\[s(?:,s)*\]))*\}$/.test(shape) || !keys.includes('class')) {
    throw new UsageError(`--replication ${replication} is not a replication map`, {
      hint: `write it as in CQL: "{'class': 'NetworkTopologyStrategy', 'dc1': 3}"`,
    });
  }
  return replication.trim();
}

/** `s` for a string, `n` for a number, a mark for itself; no mark is a letter. */
function shapeOf({ kind, text }: CqlToken): string {
  return kind === 'mark' ? text : kind === 'string' && text.startsWith("'") ? 's' : /^\d+$/.test(text) ? 'n' : '?';
}
