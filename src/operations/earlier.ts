import type { CompleteBackup } from '../model/backup.ts';
import { byTime, chainOf, isComplete, latestComplete } from '../model/backup.ts';
import { IntegrityError } from '../model/errors.ts';
import type { NodeManifest } from '../model/manifest.ts';
import type { Repository } from '../storage/repository.ts';
import type { BackupOptions, BackupParts, Run } from './backup-run.ts';

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

/** Reads the manifests that bear on one node: by host id, since names change. */
export async function earlierOf(
  host: string,
  hostId: string,
  run: Run,
  options: Pick<BackupOptions, 'selfContained' | 'filter'>,
  { repository, listen }: Pick<BackupParts, 'repository' | 'listen'>,
  signal: AbortSignal,
): Promise<Earlier> {
  const finished = run.resumed ? await repository.nodeManifest(run.ref, host, signal) : undefined;
  const draft = run.resumed ? await repository.draft(run.ref, host, signal) : undefined;
  const parentBackup = run.backups.filter(isComplete).find(({ id, parent }) => id === run.ref.parent && parent === undefined);
  const parent = parentBackup === undefined ? undefined : await ofNode(parentBackup, hostId, repository, signal);
  const sources = options.selfContained ? [] : dedupSources(run, options);
  const known = await Promise.all(
    sources.map((backup) =>
      ofNode(backup, hostId, repository, signal).catch((error: unknown) => {
        if (!(error instanceof IntegrityError)) {
          throw error;
        }
        // It would have saved an upload; that is no reason to have no backup.
        listen({ type: 'warning', host, text: `${host}: everything is sent again: ${error.message}` });
        return undefined;
      }),
    ),
  );
  return { finished, draft, parent, known: [...known, draft].filter((manifest) => manifest !== undefined) };
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
