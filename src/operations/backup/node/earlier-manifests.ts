import {
  type CommittedBackup,
  byTime,
  chainOf,
  isCommitted,
  latestCommitted,
  missingFrom,
} from '../../../model/backup/backup.ts';
import { withoutFuture } from '../../../model/backup/future.ts';
import type { Listen } from '../../../model/events.ts';
import { lackingFrom } from '../../../model/backup/table-changes.ts';
import type { BackupRef, NodeManifest, SetAsideFile, StoredFile } from '../../../model/backup/manifest.ts';
import { type WantedTables, everyTable, noTable } from '../../../storage/backups/node-manifest-format.ts';
import type { Repository } from '../../../storage/backups/repository.ts';
import { backupPrefix } from '../../../storage/keys.ts';
import { type Run, seriesOfRun } from '../run.ts';
import { presentObjects } from '../../known-objects.ts';
import { unlessDamaged } from '../../../storage/unless-damaged.ts';

/** Who listens where something is read again: that it is damaged has been said. */
const heardBefore: Listen = () => {};

/** What an earlier attempt at this run has stored of a node. */
export interface Attempt {
  readonly manifest: NodeManifest;
  /** The node's part is done, whole, and has the tables that live now. */
  readonly finished: boolean;
}

/**
 * Undefined when nothing of the node is stored, or when it cannot be read: then all of it is sent again. A part that lacks a table
 * which was made since counts as begun: the node is taken anew, as all nodes hold the same tables.
 */
export async function earlierAttempt(
  run: Run,
  host: string,
  reading: 'first' | 'again',
  signal: AbortSignal,
): Promise<Attempt | undefined> {
  if (!run.resumed) {
    return undefined;
  }
  const repository = run.parts.repository.ofSigned;
  const listen = reading === 'again' ? heardBefore : run.parts.listen;
  const done = await readable(() => repository.nodeManifest(run.ref, host, everyTable, signal), host, listen);
  const { tables } = run.living;
  const mayPoint = mayPointAt(run);
  const isOfTables = done !== undefined && lackingFrom(done.tables, tables).length === 0;
  if (isOfTables && done.tables.every(({ files }) => files.every(mayPoint)) && (await isWhole(done, repository, signal))) {
    return { manifest: done, finished: true };
  }
  const draft = await readable(() => repository.draft(run.ref, host, signal), host, listen);
  // Where a node is taken anew, what is noted before its second snapshot is the later word.
  const manifest = draft === undefined || (done !== undefined && done.takenAt >= draft.takenAt) ? done : draft;
  if (manifest === undefined) {
    return undefined;
  }
  const left = manifest.tables.map((table) => ({ ...table, files: table.files.filter(mayPoint) }));
  return { manifest: { ...manifest, tables: left }, finished: false };
}

/** Whether the run may point at an object: with `--self-contained` only at its own, where an attempt without it pointed elsewhere. */
function mayPointAt({ options, ref }: Run): (file: StoredFile) => boolean {
  return ({ key }) => !options.selfContained || key.startsWith(backupPrefix(ref));
}

/** What the parent of an incremental backup noted as older than itself. */
export async function setAsideByParent(run: Run, hostId: string, signal: AbortSignal): Promise<readonly SetAsideFile[]> {
  const repository = run.parts.repository.ofSigned;
  const parent = run.survey.backups
    .filter(isCommitted)
    .find(({ id, parent: above }) => id === run.ref.parent && above === undefined);
  const manifest = parent === undefined ? undefined : await ofNode(parent, hostId, repository, noTable, signal);
  return manifest?.setAside ?? [];
}

/**
 * The manifests whose objects need not be sent again, oldest first, those of an earlier attempt at this run last. By host id, since
 * names change. What cannot be read, is not signed where this run signs, or is not in the store any more, is sent again.
 */
export async function earlierManifests(
  run: Run,
  host: string,
  hostId: string,
  signal: AbortSignal,
): Promise<readonly NodeManifest[]> {
  const { listen } = run.parts;
  const repository = run.parts.repository.ofSigned;
  const { selfContained } = run.options;
  const sources = selfContained ? [] : dedupSources(run, hostId);
  const known = await Promise.all(
    sources.map(async (backup) => readable(() => ofNode(backup, hostId, repository, everyTable, signal), host, listen)),
  );
  const left = selfContained ? undefined : await leftBehind(run, hostId, host, signal);
  const attempt = await earlierAttempt(run, host, 'again', signal);
  return [...known, left, attempt?.manifest].filter((manifest) => manifest !== undefined);
}

/**
 * What the newest run of this series that did not get so far, or the failed part of a degraded backup, has stored of the node.
 * Nobody writes there any more: once this run is committed, neither is gone on with.
 */
async function leftBehind(run: Run, hostId: string, host: string, signal: AbortSignal): Promise<NodeManifest | undefined> {
  const { listen } = run.parts;
  const repository = run.parts.repository.ofSigned;
  for (const backup of seriesOfRun(run)
    .toReversed()
    .filter((each) => !isSame(each, run.ref))) {
    const nodes = backup.committed ? missingFrom(backup) : backup.progress.nodes;
    const node = nodes.find((each) => each.hostId === hostId);
    const found =
      node === undefined
        ? undefined
        : await readable(
            async () =>
              (backup.committed ? undefined : await repository.nodeManifest(backup, node.host, everyTable, signal)) ??
              repository.draft(backup, node.host, signal),
            host,
            listen,
          );
    if (found?.node.hostId === hostId && found.tables.length > 0) {
      return found;
    }
  }
  return undefined;
}

function isSame(backup: BackupRef, ref: BackupRef): boolean {
  return backup.id === ref.id && backup.parent === ref.parent;
}

/**
 * Whether all objects of a part that an earlier attempt finished are there: a prune that ran after somebody had broken the
 * lock may have read the manifests before this one was written.
 */
async function isWhole({ tables }: NodeManifest, { store }: Repository, signal: AbortSignal): Promise<boolean> {
  const files = tables.flatMap((table) => table.files);
  return files.every(await presentObjects(store, files, signal));
}

/** What cannot be read is as good as not there, but people hear of it. */
function readable(
  read: () => Promise<NodeManifest | undefined>,
  host: string,
  listen: Listen,
): Promise<NodeManifest | undefined> {
  return unlessDamaged(read, ({ message }) => {
    listen({ type: 'warning', host, text: `${host}: what it names is sent again: ${message}` });
    return undefined;
  });
}

/**
 * The newest backup that holds the node and is not of the future, and the newest of the same selection that does, with what their
 * chains need.
 */
function dedupSources({ ref, options, now, survey: { backups } }: Run, hostId: string): readonly CommittedBackup[] {
  const selection = options.filter.patterns.join(',');
  const past = withoutFuture(backups, now);
  const holding = past.filter(isCommitted).filter(({ manifest }) => manifest.nodes.some((node) => node.hostId === hostId));
  const same = holding.filter(({ manifest }) => manifest.selection.join(',') === selection);
  const newest = [latestCommitted(holding), latestCommitted(same)].filter((backup) => backup !== undefined);
  const parents = backups.filter((backup) => backup.id === ref.parent && backup.parent === undefined);
  const chains = [...newest, ...parents].flatMap((backup) => chainOf(backup, backups));
  return [...new Set(chains)].filter(isCommitted).toSorted(byTime);
}

/** What a backup holds of the node, by host id; undefined when nothing. */
export async function ofNode(
  backup: CommittedBackup,
  hostId: string,
  repository: Repository,
  wanted: WantedTables,
  signal: AbortSignal,
): Promise<NodeManifest | undefined> {
  const node = backup.manifest.nodes.find((each) => each.hostId === hostId);
  return node === undefined ? undefined : repository.nodeManifest(backup, node.host, wanted, signal);
}
