import { batchBySize } from '../../model/backup/batches.ts';
import { type Backup, hostsOf } from '../../model/backup/backup.ts';
import { IntegrityError } from '../../model/errors.ts';
import type { NodeManifest } from '../../model/backup/manifest.ts';
import { nodeManifestKey } from '../../storage/keys.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { everyTable } from '../../storage/backups/node-manifest-format.ts';

interface NodePart {
  readonly backup: Backup;
  readonly host: string;
  /** An upper bound is not known of an unfinished run: it is read by itself. */
  readonly files: number;
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
  for (const batch of batchBySize(backups.flatMap(partsOf), (part) => part.files, reading)) {
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

/** Takes away every key that one of these backups points at. */
export async function dropReferenced(
  repository: Repository,
  backups: readonly Backup[],
  keys: { delete(key: string): boolean; readonly size: number },
  signal: AbortSignal,
): Promise<void> {
  for await (const { tables } of manifestsOf(repository, backups, signal)) {
    for (const { files } of tables) {
      for (const { key } of files) {
        keys.delete(key);
      }
    }
  }
}

function partsOf(backup: Backup): readonly NodePart[] {
  return backup.committed
    ? backup.manifest.nodes.map(({ host, files }) => ({ backup, host, files }))
    : hostsOf(backup).map((host) => ({ backup, host, files: Infinity }));
}

async function* readPart(
  repository: Repository,
  { backup, host }: NodePart,
  signal: AbortSignal,
): AsyncGenerator<NodeManifest, undefined> {
  let isThere = false;
  for await (const page of repository.nodeManifestPages(backup, host, everyTable, signal)) {
    isThere = true;
    yield page;
  }
  if (backup.committed && !isThere) {
    throw new IntegrityError(`${nodeManifestKey(backup, host)} is missing, so nobody can say which objects ${backup.id} needs`, {
      hint: `\`sstash verify ${backup.id}\` says what else is missing; \`sstash delete ${backup.id}\` gives the backup up`,
    });
  }
  if (!backup.committed) {
    yield* repository.signatures.draftPages(backup, host, signal);
  }
  return undefined;
}
