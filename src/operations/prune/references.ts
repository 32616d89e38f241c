import { batchBySize } from '../../model/backup/batches.ts';
import { type Backup, hostsOf, refOf } from '../../model/backup/backup.ts';
import { pathOf } from '../../model/backup/backup-id.ts';
import { IntegrityError } from '../../model/errors.ts';
import type { BackupRef, NodeManifest } from '../../model/backup/manifest.ts';
import type { ForgottenBackup } from '../../model/retention/forgotten.ts';
import { nodeManifestKey } from '../../storage/keys.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { everyTable } from '../../storage/backups/node-manifest-format.ts';

/** The part of a backup or run that says which objects it needs of a node. */
export interface NodePart {
  readonly ref: BackupRef;
  readonly host: string;
  /** An upper bound is not known of what is not committed: it is read by itself. */
  readonly files: number;
  /** `manifest`: it must be there. `left`: it may be. `begun`: it may be, and a draft beside it or in its place. */
  readonly says: 'manifest' | 'left' | 'begun';
}

/** A manifest of 100,000 files takes about 100 MB while it is read: such a one alone, small ones side by side. */
const reading = { largeBytes: 20_000, batchBytes: 50_000, batchFiles: 8 };

/**
 * Every manifest and draft by which these backups point at objects, in pages, few at a time. Throws IntegrityError when one that must
 * be there is missing: then nobody can say what the backup needs.
 */
export async function* manifestsOf(
  repository: Repository,
  backups: readonly Backup[],
  signal: AbortSignal,
): AsyncGenerator<NodeManifest> {
  yield* pagesOf(repository, backups.flatMap(partsOf), signal);
}

/** The same of parts. */
export async function* pagesOf(
  repository: Repository,
  parts: readonly NodePart[],
  signal: AbortSignal,
): AsyncGenerator<NodeManifest> {
  for (const batch of batchBySize(parts, (part) => part.files, reading)) {
    signal.throwIfAborted();
    const open = batch.map((part) => readPart(repository, part, signal));
    try {
      // Side by side only as far as the first page: a manifest may be larger than its backup says it is.
      for (const [index, first] of (await Promise.all(open.map((pages) => pages.next()))).entries()) {
        yield* first.done === true ? [] : [first.value];
        yield* open[index] ?? [];
      }
    } finally {
      await Promise.all(open.map((pages) => pages.return(undefined)));
    }
  }
}

/** Takes away every key that one of these parts points at. */
export async function dropReferenced(
  repository: Repository,
  parts: readonly NodePart[],
  keys: { delete(key: string): boolean; readonly size: number },
  signal: AbortSignal,
): Promise<void> {
  for await (const key of keysIn(pagesOf(repository, parts, signal))) {
    keys.delete(key);
  }
}

/** Every key that manifests name, some of them again and again. */
export async function* keysIn(pages: AsyncIterable<NodeManifest>): AsyncGenerator<string> {
  for await (const { tables } of pages) {
    for (const { files } of tables) {
      for (const { key } of files) {
        yield key;
      }
    }
  }
}

export function partsOf(backup: Backup): readonly NodePart[] {
  const ref = refOf(backup);
  return backup.committed
    ? backup.manifest.nodes.map(({ host, files }) => ({ ref, host, files, says: 'manifest' }))
    : partsAt(ref, hostsOf(backup), 'begun');
}

export function partsAt(ref: BackupRef, hosts: readonly string[], says: NodePart['says']): readonly NodePart[] {
  return hosts.map((host) => ({ ref, host, files: Infinity, says }));
}

export function partsOfForgotten(backup: ForgottenBackup): readonly NodePart[] {
  return partsAt(refOf(backup), backup.hosts, backup.isCommitted ? 'left' : 'begun');
}

async function* readPart(
  repository: Repository,
  { ref, host, says }: NodePart,
  signal: AbortSignal,
): AsyncGenerator<NodeManifest, undefined> {
  let isThere = false;
  for await (const page of repository.nodeManifestPages(ref, host, everyTable, signal)) {
    isThere = true;
    yield page;
  }
  if (says === 'manifest' && !isThere) {
    const name = pathOf(ref);
    throw new IntegrityError(`${nodeManifestKey(ref, host)} is missing, so nobody can say which objects ${name} needs`, {
      hint: `\`sstash verify ${ref.id}\` says what else is missing; \`sstash delete ${name}\` gives the backup up`,
    });
  }
  if (says === 'begun') {
    yield* repository.signatures.draftPages(ref, host, signal);
  }
  return undefined;
}
