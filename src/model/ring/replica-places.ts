import { type Node, sameTokens } from './ring.ts';

/** A node as far as the places of replicas hang on it. */
export interface PlacedNode {
  readonly name: string;
  readonly tokens: readonly string[];
  readonly dc: string;
  readonly rack: string;
}

/** A node of a ring, by its host id. */
export function placedNode({ hostId: name, tokens, dc, rack }: Node): PlacedNode {
  return { name, tokens, dc, rack };
}

/**
 * The first node that shows that replicas stand elsewhere now, though the tokens are the same; undefined when there is none.
 * NetworkTopologyStrategy goes by the tokens of a datacenter and by which of its nodes share a rack, so racks may be called
 * otherwise as long as the same nodes share one. A datacenter may have a new name, but not that of another one: the
 * replication of the keyspaces names them.
 */
export function replicasMoved(before: readonly PlacedNode[], now: readonly PlacedNode[]): string | undefined {
  const datacenters = new Set(before.map(({ dc }) => dc));
  const renamed = new OneToOne();
  for (const node of now) {
    const old = before.find(({ tokens }) => sameTokens(tokens, node.tokens));
    if (old === undefined) {
      continue;
    }
    const strange = node.dc !== old.dc && datacenters.has(node.dc);
    const fits = renamed.agrees(`dc ${old.dc}`, `dc ${node.dc}`) && renamed.agrees(rackKey(old), rackKey(node));
    if (strange || !fits) {
      return `${node.name} is in ${node.dc}/${node.rack}, and ${old.name}, which had its tokens, was in ${old.dc}/${old.rack}`;
    }
  }
  return undefined;
}

/** New names for old ones, as long as no two get the same. */
class OneToOne {
  readonly #names = new Map<string, string>();

  agrees(old: string, name: string): boolean {
    const forward = this.#names.get(`old ${old}`) ?? name;
    const back = this.#names.get(`new ${name}`) ?? old;
    this.#names.set(`old ${old}`, forward).set(`new ${name}`, back);
    return forward === name && back === old;
  }
}

function rackKey({ dc, rack }: PlacedNode): string {
  return `rack ${dc}\0${rack}`;
}
