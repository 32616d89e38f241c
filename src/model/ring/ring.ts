/** A member of the cluster. Its identity is the host id; names and addresses change. */
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

/** The ascending order of tokens: by value where both are integers (Murmur3, Random), by text otherwise (ByteOrdered). */
export function compareTokens(a: string, b: string): number {
  if (integer.test(a) && integer.test(b)) {
    const [left, right] = [BigInt(a), BigInt(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

const integer = /^-?\d+$/;

/** Whether two lists are the same as sets; no tokens are like no others. */
export function sameTokens(some: readonly string[], others: readonly string[]): boolean {
  return some.length > 0 && tokenKey(some) === tokenKey(others);
}

export function tokenKey(tokens: readonly string[]): string {
  return tokens.toSorted().join(',');
}
