import { UsageError } from './errors.ts';

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

export interface NodeMatch {
  readonly source: SourceNode;
  readonly target: TargetNode;
  readonly by: 'tokens' | 'host id' | 'name';
}

/**
 * Which host gets whose data: the one with the same tokens, else the same host id; by name only where the host cannot
 * say who it is. Never by order or a part of a name (DESIGN, section 4, rule 8).
 * Throws UsageError naming a source without target, or a target that two sources would go to.
 */
export function matchNodes(sources: readonly SourceNode[], targets: readonly TargetNode[]): readonly NodeMatch[] {
  const matches = sources.map((source): NodeMatch => {
    const match = find(source, targets);
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

function find(source: SourceNode, targets: readonly TargetNode[]): Omit<NodeMatch, 'source'> | undefined {
  const tokens = tokenKey(source.tokens);
  const byTokens = targets.find((target) => target.tokens !== undefined && tokens !== '' && tokenKey(target.tokens) === tokens);
  if (byTokens !== undefined) {
    return { target: byTokens, by: 'tokens' };
  }
  const byId = targets.find((target) => target.hostId === source.hostId);
  if (byId !== undefined) {
    return { target: byId, by: 'host id' };
  }
  const byName = targets.find((target) => target.hostId === undefined && target.host === source.host);
  return byName === undefined ? undefined : { target: byName, by: 'name' };
}

function tokenKey(tokens: readonly string[]): string {
  return tokens.toSorted().join(',');
}

/** Nodes whose tokens none of the others has. */
export function nodesNotIn<T extends { readonly tokens: readonly string[] }>(
  nodes: readonly T[],
  known: readonly { readonly tokens: readonly string[] }[],
): readonly T[] {
  const keys = new Set(known.map(({ tokens }) => tokenKey(tokens)));
  return nodes.filter(({ tokens }) => !keys.has(tokenKey(tokens)));
}
