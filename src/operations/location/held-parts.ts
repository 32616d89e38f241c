import { leasedRemote } from '../../cluster/leased-remote.ts';
import type { Lease } from '../../flow/lease.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import type { MemberParts } from '../nodes/members.ts';

/**
 * What an operation works with, for as long as it has the lock: with the lock lost, nothing is written to the location or deleted
 * there, and no command begins on a node.
 */
export function heldParts<T extends Pick<MemberParts, 'connect'> & { readonly repository: Repository }>(
  parts: T,
  lease: Lease,
): T {
  return {
    ...parts,
    repository: parts.repository.heldBy(lease),
    connect: async (host, signal) => leasedRemote(await parts.connect(host, signal), lease),
  };
}
