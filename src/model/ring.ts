/** A member of the cluster. Identity is the host id; names and addresses change. */
export interface Node {
  readonly hostId: string;
  readonly address: string;
  readonly dc: string;
  readonly rack: string;
  /** Decimal text: tokens of Murmur3Partitioner do not fit a JSON number. */
  readonly tokens: readonly string[];
  readonly state: NodeState;
  /** Release version where it is known. */
  readonly version?: string;
}

export type NodeState = 'UN' | 'UL' | 'UJ' | 'UM' | 'DN' | 'DL' | 'DJ' | 'DM' | '?';

export interface Ring {
  readonly cluster: string;
  readonly partitioner: string;
  readonly nodes: readonly Node[];
}

/** The member with this host id or address. */
export function findNode(ring: Ring, idOrAddress: string): Node | undefined {
  return ring.nodes.find((node) => node.hostId === idOrAddress) ?? ring.nodes.find((node) => node.address === idOrAddress);
}

/** Ascending; by value where both are integers (Murmur3, Random), by text otherwise (ByteOrdered). */
export function compareTokens(a: string, b: string): number {
  if (integer.test(a) && integer.test(b)) {
    const [left, right] = [BigInt(a), BigInt(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compared as sets: the order in which a node names its tokens means nothing. No tokens are like no others. */
export function sameTokens(a: Node, b: Node): boolean {
  return a.tokens.length > 0 && tokenSet(a) === tokenSet(b);
}

export interface RingMatch {
  readonly pairs: readonly { readonly source: Node; readonly target: Node }[];
  readonly unmatchedSources: readonly Node[];
  readonly unmatchedTargets: readonly Node[];
}

/**
 * Which node of `target` stands where a node of `source` stood: same tokens, never the order or a name (DESIGN,
 * section 4, rule 8). Complete only when both lists of the unmatched are empty.
 */
export function matchByTokens(source: Ring, target: Ring): RingMatch {
  const byTokens = new Map(target.nodes.filter((node) => node.tokens.length > 0).map((node) => [tokenSet(node), node]));
  const pairs: { source: Node; target: Node }[] = [];
  for (const node of source.nodes) {
    const match = byTokens.get(tokenSet(node));
    if (match !== undefined) {
      byTokens.delete(tokenSet(node));
      pairs.push({ source: node, target: match });
    }
  }
  return {
    pairs,
    unmatchedSources: source.nodes.filter((node) => !pairs.some((pair) => pair.source === node)),
    unmatchedTargets: target.nodes.filter((node) => !pairs.some((pair) => pair.target === node)),
  };
}

const integer = /^-?\d+$/;

function tokenSet(node: Node): string {
  return node.tokens.toSorted(compareTokens).join(' ');
}
