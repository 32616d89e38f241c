import type { Node, Ring } from '../../ring/ring.ts';
import type { MissingNode } from '../manifest.ts';

export interface MissingQuestion {
  /** Those that failed; `hostId` is empty for one that did not say who it is. */
  readonly failed: readonly MissingNode[];
  readonly ring: Ring;
  /** Host ids of the nodes whose data is in the backup. */
  readonly stored: ReadonlySet<string>;
  /** Host ids by the names that earlier backups have for nodes. */
  readonly earlier: ReadonlyMap<string, string>;
}

export interface Missing {
  /** With the host id wherever the ring's address or an earlier backup tells it. */
  readonly nodes: readonly MissingNode[];
  /** The members of the ring that they are, or may be. */
  readonly members: readonly Node[];
  /** Names of those that can be no member of this ring. */
  readonly strangers: readonly string[];
}

/** Why it is missing, with its name where the reason has it not. */
export function reasonText({ host, reason }: MissingNode): string {
  return reason.includes(host) ? reason : `${host}: ${reason}`;
}

/** Finds out which members of the ring the nodes are that a backup lacks. A name alone does not tell. */
export function identifyMissing({ failed, ring, stored, earlier }: MissingQuestion): Missing {
  const open = new Map(ring.nodes.filter(({ hostId }) => !stored.has(hostId)).map((node) => [node.hostId, node]));
  const found = new Map<string, Node>();
  for (const { host, hostId } of failed) {
    const byAddress = [...open.values()].find(({ address }) => hostId === '' && address === host);
    const node = byAddress ?? open.get(hostId === '' ? (earlier.get(host) ?? '') : hostId);
    if (node !== undefined) {
      open.delete(node.hostId);
      found.set(host, node);
    }
  }
  const nameless = failed.filter(({ host, hostId }) => hostId === '' && !found.has(host));
  const foreign = failed.filter(({ host, hostId }) => hostId !== '' && !found.has(host));
  return {
    nodes: failed.map((node) => ({ ...node, hostId: found.get(node.host)?.hostId ?? node.hostId })),
    members: [...found.values(), ...(nameless.length > 0 ? open.values() : [])],
    strangers: [...foreign, ...(nameless.length > open.size ? nameless : [])].map(({ host }) => host),
  };
}
