import { UsageError } from '../errors.ts';
import type { NodeMap } from './node-map.ts';
import type { RestoreMethod } from '../restore/method.ts';
import { sameTokens, tokenKey } from '../ring/ring.ts';

/** A node whose data is in a backup. */
export interface SourceNode {
  readonly host: string;
  readonly hostId: string;
  readonly tokens: readonly string[];
}

/** A host that data can go to; identity is unknown while Cassandra is down there. */
export interface TargetNode {
  readonly host: string;
  readonly hostId?: string;
  readonly tokens?: readonly string[];
}

export type MatchedBy = 'map' | 'tokens' | 'host id' | 'name';

export interface NodeMatch {
  readonly source: SourceNode;
  readonly target: TargetNode;
  readonly by: MatchedBy;
}

/**
 * Which host gets whose data: the one that `map` names, else the one with the same tokens, else the same host id, where that
 * is one: since Cassandra 6 the first node of every cluster has the same, and so has the second. The
 * name decides only where the host cannot say who it is, and neither an order nor a part of a name ever does: a wrong match
 * puts rows where nobody looks for them. Throws UsageError naming a source without target, or a target that two sources
 * would go to.
 */
export function matchNodes(
  sources: readonly SourceNode[],
  targets: readonly TargetNode[],
  map: NodeMap = new Map(),
): readonly NodeMatch[] {
  const matches = sources.map((source): NodeMatch => {
    const named = targets.find(({ host }) => host === map.get(source.host));
    const match = named === undefined ? find(source, targets) : { target: named, by: 'map' as const };
    if (match === undefined) {
      throw new UsageError(`no host holds the tokens of ${source.host} (host id ${source.hostId})`, {
        hint: 'name the hosts of the cluster with --hosts; a cluster with other tokens needs --method load',
      });
    }
    return { source, ...match };
  });
  const taken = new Map<TargetNode, SourceNode>();
  for (const { source, target } of matches) {
    const other = taken.get(target);
    if (other !== undefined) {
      throw new UsageError(`${target.host} fits the data of both ${other.host} and ${source.host}`, {
        hint: 'restore one node at a time with --host',
      });
    }
    taken.set(target, source);
  }
  return matches;
}

/**
 * A map says where data goes and cannot make it fit: on a node with other tokens nobody would look for these rows. Throws
 * UsageError, and gives a warning for files that are only put beside the live data. A host where Cassandra is down cannot say
 * which tokens it has; `refusePlacing` looks at those.
 */
export function refuseMisplaced(matches: readonly NodeMatch[], method: RestoreMethod): readonly string[] {
  const misplaced = matches.filter(
    ({ by, source, target }) => by === 'map' && target.tokens !== undefined && !sameTokens(source.tokens, target.tokens),
  );
  const texts = misplaced.map(({ source, target }) => `${target.host} has not the tokens that ${source.host} had`);
  const [first] = texts;
  if (first !== undefined && method !== 'stage') {
    throw new UsageError(`${first}: rows placed there would be lost, since nobody looks for them there`, {
      hint: 'map it to the node with its tokens; a fresh cluster gets them by `sstash restore --write-config DIR` before its first start; a cluster with other tokens needs --method load',
    });
  }
  return texts.map(
    (text) => `${text}: do not place the files there, nobody would look for those rows; sstableloader spreads them`,
  );
}

function find(source: SourceNode, targets: readonly TargetNode[]): Omit<NodeMatch, 'source'> | undefined {
  const byTokens = targets.find(({ tokens }) => tokens !== undefined && sameTokens(source.tokens, tokens));
  if (byTokens !== undefined) {
    return { target: byTokens, by: 'tokens' };
  }
  const byId = isNodeNumber(source.hostId) ? undefined : targets.find((target) => target.hostId === source.hostId);
  if (byId !== undefined) {
    return { target: byId, by: 'host id' };
  }
  const byName = targets.find((target) => target.hostId === undefined && target.host === source.host);
  return byName === undefined ? undefined : { target: byName, by: 'name' };
}

/** Whether a host id is the number of a node in its cluster, with the same words around it everywhere (`NodeId.toUUID`). */
function isNodeNumber(hostId: string): boolean {
  return hostId.startsWith('6d194555-f6eb-41d0-c000-');
}

/** Nodes whose tokens none of the others has. */
export function nodesNotIn<T extends { readonly tokens: readonly string[] }>(
  nodes: readonly T[],
  known: readonly { readonly tokens: readonly string[] }[],
): readonly T[] {
  const keys = new Set(known.map(({ tokens }) => tokenKey(tokens)));
  return nodes.filter(({ tokens }) => !keys.has(tokenKey(tokens)));
}
