import { isCommitted } from '../../model/backup/backup.ts';
import type { NodeManifest } from '../../model/backup/manifest.ts';
import { withStored } from '../../model/verify/repair-plan.ts';
import type { StoredBytes } from '../../model/backup/upload-plan.ts';
import type { WantedComponent } from '../../model/verify/verify-plan.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';
import { type NodePart, nodeParts } from './listing.ts';
import { chooseSubjects } from './subjects.ts';
import { everyTable } from '../../storage/backups/node-manifest-format.ts';

/**
 * Writes size, checksum and etag of objects that were stored again into every manifest that names them: those of the same
 * nodes, of all backups and unfinished runs. Drafts need none of it: a run that goes on looks at the objects again.
 */
export async function recordStored(
  repository: Repository,
  stored: ReadonlyMap<string, StoredBytes & { readonly wanted: WantedComponent }>,
  signal: AbortSignal,
): Promise<void> {
  const hostIds = new Set([...stored.values()].map(({ wanted }) => wanted.hostId));
  const { backups } = await chooseSubjects(repository, 'all', signal);
  for (const part of backups.flatMap(nodeParts).filter(({ hostId }) => hostIds.has(hostId))) {
    const manifest = await readable(repository, part, signal);
    const renewed = manifest === undefined ? undefined : withStored(manifest, stored);
    if (renewed !== undefined) {
      await repository.signing.replaceNode(renewed, signal);
    }
  }
}

/** Throws UsageError, before anything is stored, where a manifest that might have to change is signed and there is no key. */
export async function refuseUnsigning(repository: Repository, signal: AbortSignal): Promise<void> {
  if (!repository.signatures.signs) {
    const { backups } = await chooseSubjects(repository, 'all', signal);
    backups.filter(isCommitted).forEach(({ manifest }) => repository.signing.refuseUnsigning(manifest));
  }
}

/** Nothing can be recorded in a manifest that is damaged itself. */
async function readable(
  repository: Repository,
  { backup, host }: NodePart,
  signal: AbortSignal,
): Promise<NodeManifest | undefined> {
  return unlessDamaged(
    () => repository.nodeManifest(backup, host, everyTable, signal),
    () => undefined,
  );
}
