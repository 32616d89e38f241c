import type { CompleteBackup } from '../model/backup.ts';
import { byTime, chainOf, isComplete, latestComplete } from '../model/backup.ts';
import { IntegrityError } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import type { NodeManifest } from '../model/manifest.ts';
import type { Repository } from '../storage/repository.ts';
import type { BackupOptions, Run } from './backup-run.ts';
import { presentObjects } from './known-objects.ts';

interface EarlierParts {
  readonly repository: Repository;
  readonly listen: Listen;
}

/** What the store says already of one node in this run. */
export interface Earlier {
  /** The node's part is done: an earlier attempt at this run finished it. */
  readonly finished: NodeManifest | undefined;
  /** What an earlier attempt at this run has stored, and set aside. */
  readonly draft: NodeManifest | undefined;
  /** Manifests whose objects need not be sent again, oldest first; the draft is among them. */
  readonly known: readonly NodeManifest[];
  /** Of the parent, when the run is an incremental backup. */
  readonly parent: NodeManifest | undefined;
}

/**
 * Reads the manifests that bear on one node: by host id, since names change. What cannot be read, or is not in the store any
 * more, is sent again.
 */
export async function earlierOf(
  host: string,
  hostId: string,
  run: Run,
  options: Pick<BackupOptions, 'selfContained' | 'filter'>,
  { repository, listen }: EarlierParts,
  signal: AbortSignal,
): Promise<Earlier> {
  const readable = (manifest: Promise<NodeManifest | undefined>) => unlessDamaged(manifest, host, listen);
  const done = run.resumed ? await readable(repository.nodeManifest(run.ref, host, signal)) : undefined;
  const finished = done !== undefined && (await isWhole(done, repository, signal)) ? done : undefined;
  const draft =
    run.resumed && finished === undefined ? (done ?? (await readable(repository.draft(run.ref, host, signal)))) : undefined;
  const parentBackup = run.backups.filter(isComplete).find(({ id, parent }) => id === run.ref.parent && parent === undefined);
  const parent = parentBackup === undefined ? undefined : await ofNode(parentBackup, hostId, repository, signal);
  const sources = options.selfContained ? [] : dedupSources(run, options);
  const known = await Promise.all(sources.map((backup) => readable(ofNode(backup, hostId, repository, signal))));
  return { finished, draft, parent, known: [...known, draft].filter((manifest) => manifest !== undefined) };
}

/**
 * Whether all objects of a part that an earlier attempt finished are there: a prune that ran after somebody had broken the
 * lock may have read the manifests before this one was written.
 */
async function isWhole({ tables }: NodeManifest, { store }: Repository, signal: AbortSignal): Promise<boolean> {
  const files = tables.flatMap((table) => table.files);
  return files.every(await presentObjects(store, files, signal));
}

async function unlessDamaged(
  manifest: Promise<NodeManifest | undefined>,
  host: string,
  listen: Listen,
): Promise<NodeManifest | undefined> {
  try {
    return await manifest;
  } catch (error) {
    if (!(error instanceof IntegrityError)) {
      throw error;
    }
    listen({ type: 'warning', host, text: `${host}: what it names is sent again: ${error.message}` });
    return undefined;
  }
}

/** The newest complete backup, and the newest of the same selection, with what their chains need. */
function dedupSources(run: Run, options: Pick<BackupOptions, 'filter'>): readonly CompleteBackup[] {
  const selection = options.filter.patterns.join(',');
  const same = run.backups.filter((backup) => backup.complete && backup.manifest.selection.join(',') === selection);
  const newest = [latestComplete(run.backups), latestComplete(same)].filter((backup) => backup !== undefined);
  const parents = run.backups.filter((backup) => backup.id === run.ref.parent && backup.parent === undefined);
  const chains = [...newest, ...parents].flatMap((backup) => chainOf(backup, run.backups));
  return [...new Set(chains)].filter(isComplete).toSorted(byTime);
}

async function ofNode(
  backup: CompleteBackup,
  hostId: string,
  repository: Repository,
  signal: AbortSignal,
): Promise<NodeManifest | undefined> {
  const node = backup.manifest.nodes.find((each) => each.hostId === hostId);
  return node === undefined ? undefined : repository.nodeManifest(backup, node.host, signal);
}
