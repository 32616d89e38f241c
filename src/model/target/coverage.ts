import type { SchemaStatement } from '../schema/cql-statements.ts';
import { type Cover, type LiveRing, type ReplicaChange, type RingCoverage, coverageIn, ringNodes } from './ring-coverage.ts';
import { placementsIn } from '../schema/replication.ts';
import type { Ring } from '../ring/ring.ts';
import { percentText } from '../size.ts';
import { isLocalKeyspace } from '../system-keyspaces.ts';

/** How much of a keyspace a restore can bring back, as far as the backup's nodes were its replicas. */
export type KeyspaceCoverage = KnownCoverage | UnknownCoverage;

export interface KnownCoverage extends RingCoverage {
  /** The backup's name of it, of a copy too. */
  readonly keyspace: string;
}

export interface UnknownCoverage {
  readonly keyspace: string;
  /** Why nobody can say. */
  readonly unknown: string;
  /** Where it is replicated otherwise now, without its shares. */
  readonly changed?: Pick<ReplicaChange, 'backup' | 'now'>;
}

/** A keyspace of the backup, and the one in the cluster that its rows go to: another one for copies. */
export interface CoveredKeyspace {
  readonly keyspace: string;
  readonly into: string;
}

export interface CoverageQuestion {
  /** The ring at the backup, with the nodes that were not backed up; undefined where the backup has none. */
  readonly ring: Ring | undefined;
  /** The backup's own; undefined where it has none. */
  readonly schema: readonly SchemaStatement[] | undefined;
  readonly keyspaces: readonly CoveredKeyspace[];
  /** Host ids of the nodes whose data of a keyspace of the backup is restored; one set for all that it is the same of. */
  readonly restoredOf: (keyspace: string) => ReadonlySet<string>;
  /** The cluster that they go to. Absent where nobody can say, or its schema becomes that of the backup: then that counts. */
  readonly live?: LiveRing | undefined;
}

/** Keyspaces whose rows are each node's own have no ranges, and are left out. */
export function coverageOf({ ring, schema, keyspaces, restoredOf, live }: CoverageQuestion): readonly KeyspaceCoverage[] {
  const placements = placementsIn(schema ?? []);
  const isReplicated = ({ keyspace }: CoveredKeyspace) =>
    !isLocalKeyspace(keyspace) && placements.get(keyspace)?.get('class') !== 'LocalStrategy';
  const chosen = keyspaces.filter(isReplicated);
  if (ring === undefined || ringNodes(ring).length === 0) {
    const unknown = 'the backup has no ring.json that says which nodes there were';
    return chosen.map(({ keyspace }) => ({ keyspace, unknown }));
  }
  // With many tokens the ranges are many: keyspaces that the same nodes are restored of share them.
  const covers = new Map<ReadonlySet<string>, ReturnType<typeof coverageIn>>();
  const coverBy = (restored: ReadonlySet<string>) => {
    const cover = covers.get(restored) ?? coverageIn(ring, restored, live);
    covers.set(restored, cover);
    return cover;
  };
  return chosen.map(({ keyspace, into }): KeyspaceCoverage => {
    const backup = placements.get(keyspace);
    const cover = coverBy(restoredOf(keyspace));
    const found = inWords(cover(into, backup), keyspace, into);
    return 'unknown' in found
      ? { keyspace, ...found, unknown: found.unknown ?? whyUnknown(schema, backup) }
      : { keyspace, ...found };
  });
}

/** Of a copy it is said where it goes. */
function inWords(found: Cover, keyspace: string, into: string): Cover {
  if (found.changed === undefined || into === keyspace) {
    return found;
  }
  const now = `${found.changed.now} in ${into}`;
  return 'unknown' in found ? { ...found, changed: { ...found.changed, now } } : { ...found, changed: { ...found.changed, now } };
}

/** Whether every range comes back from every replica that it had. */
export function isWhole(coverage: KeyspaceCoverage): boolean {
  return !('unknown' in coverage) && coverage.missingShare === 0 && coverage.thinShare === 0;
}

/** What must not be overlooked: rows that nothing of this restore brings back. */
export function coverageWarnings(coverages: readonly KeyspaceCoverage[]): readonly string[] {
  return inOneLine(coverages, (coverage) =>
    'unknown' in coverage || coverage.missingShare === 0
      ? undefined
      : `${percentText(coverage.missingShare)} of the ring has no replica among the restored nodes: rows there do not come back`,
  ).map((line) => `keyspace ${line}`);
}

/** `a, b: text` for keyspaces of which the same is to be said; none of those of which nothing is. */
export function inOneLine<T extends { readonly keyspace: string }>(
  keyspaces: readonly T[],
  textOf: (keyspace: T) => string | undefined,
): readonly string[] {
  const names = new Map<string, readonly string[]>();
  for (const each of keyspaces) {
    const text = textOf(each);
    if (text !== undefined) {
      names.set(text, [...(names.get(text) ?? []), each.keyspace]);
    }
  }
  return [...names].map(([text, some]) => `${some.join(', ')}: ${text}`);
}

function whyUnknown(schema: CoverageQuestion['schema'], replication: ReadonlyMap<string, string> | undefined): string {
  if (schema === undefined) {
    return 'the backup has no schema.cql that says how it is replicated';
  }
  const strategy = replication?.get('class');
  return strategy === undefined
    ? "the backup's schema.cql does not say how it is replicated"
    : strategy === 'SimpleStrategy' || strategy === 'NetworkTopologyStrategy'
      ? 'it is replicated to none of the nodes that there were'
      : `nobody knows here to which nodes ${strategy} replicates it`;
}
