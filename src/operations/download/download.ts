import type { RestoreOptions } from '../restore/options.ts';
import { join, resolve } from 'node:path';
import PQueue from 'p-queue';
import type { LzoPool } from '../../codec/lzo/pool.ts';
import { type DownloadLayout, tablePlaces } from '../../model/restore/download-layout.ts';
import { coverageWarnings } from '../../model/target/coverage.ts';
import type { NodeManifest } from '../../model/backup/manifest.ts';
import { BackupError, LockedError } from '../../model/errors.ts';
import type { Owner } from '../../model/lock.ts';
import { told } from '../../model/node/told.ts';
import type { Listen } from '../../model/events.ts';
import { degradedWarnings } from '../../model/restore/degraded.ts';
import { sayLost } from '../../model/restore/lost-objects.ts';
import { type NodeRestorePlan, partsOf, planParts } from '../../model/restore/plan.ts';
import type { RestoredNode, RestoreResult } from '../../model/restore/restore-result.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { visibleInLine } from '../../model/visible.ts';
import { fetchFiles } from './fetch.ts';
import { lookAt, makeDirectory, makeReady, refuseTooLittleSpace, type Target } from './target.ts';
import { withTargetLocks } from './target-lock.ts';
import { lostFiles } from '../known-objects.ts';
import { oldTables, purgingWarnings } from '../../model/restore/purging.ts';
import { planCoverage, unevenWarnings } from '../restore/planning/coverage.ts';
import { ageOf } from '../restore/planning/purging.ts';
import { chooseSources, readableRing } from '../restore-sources.ts';

export interface LocalRestoreParts {
  readonly repository: Repository;
  readonly pool: LzoPool;
  readonly listen: Listen;
  readonly owner: Owner;
  /** Asks whether what lies there may be removed: a text for each directory. */
  readonly mayClear: (texts: readonly string[]) => Promise<boolean>;
}

/** `transfers` files at once, of all nodes together. */
export interface LocalRestoreOptions extends Pick<RestoreOptions, 'choice' | 'only' | 'filter' | 'transfers' | 'dryRun'> {
  readonly directory: string;
  readonly layout: DownloadLayout;
}

interface LocalWork {
  readonly manifest: NodeManifest;
  readonly directory: string;
  readonly plan: NodeRestorePlan;
}

/** The data of each node into `DIR/<host>/` on the control host; no node is asked for anything. */
export async function restoreLocal(
  options: LocalRestoreOptions,
  parts: LocalRestoreParts,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const sources = await chooseSources(options, parts, signal);
  const coverage = planCoverage(sources, { ring: await readableRing(parts.repository, sources.ref, signal), gone: [] });
  const { tables, schema = [], manifests } = sources;
  const pastGrace = oldTables({
    tables,
    copies: [],
    live: [],
    backup: schema,
    holds: [],
    ageSeconds: ageOf(manifests, await parts.repository.now(signal)),
  });
  const queue = new PQueue({ concurrency: options.transfers });
  const root = resolve(options.directory);
  const place = tablePlaces(options.layout, sources.tables);
  const label = `${parts.repository.store.url}/${sources.id}${options.layout === 'plain' ? '' : ` ${options.layout}`}`;
  const directoryOf = ({ host }: NodeManifest): string => join(root, told('address', host, 'the node of the backup'));
  const found = await Promise.all(manifests.map((manifest) => lookAt(directoryOf(manifest), label)));
  const workOn = (targets: readonly Target[]) =>
    manifests.map((manifest, index) => {
      const present = targets[index]?.present ?? new Map<string, number>();
      return { manifest, directory: directoryOf(manifest), plan: planParts(partsOf(manifest, tables, place), present) };
    });
  const planned = workOn(found);
  const toFetch = planned.flatMap(({ plan }) => plan.fetch);
  const lost = await lostFiles(parts, toFetch, signal);
  await refuseTooLittleSpace(
    root,
    planned.reduce((sum, { plan }) => sum + plan.fetchBytes, 0),
  );
  const fetchAll = async (): Promise<readonly RestoredNode[]> => {
    const targets = await lookAgain(found, label);
    await Promise.all(targets.map((target) => makeReady(target, label)));
    const fetched = workOn(targets).map(async (work): Promise<RestoredNode> => {
      const error = await fetchFiles(work.manifest.host, work.directory, work.plan.fetch, { ...parts, queue }, signal);
      return error === undefined ? nodeOf(work) : { ...nodeOf(work), error };
    });
    return Promise.all(fetched);
  };
  let nodes = planned.map(nodeOf);
  if (!options.dryRun) {
    await agreeToClear(found, parts);
    sayLost(lost, parts.listen);
    const directories = found.map(({ directory }) => directory);
    await Promise.all(directories.map(makeDirectory));
    nodes = [...(await withTargetLocks(directories, parts.owner, `download of ${sources.id}`, fetchAll))];
  }
  signal.throwIfAborted();
  const warnings = [
    ...(options.dryRun ? clearedTexts(found).map((text) => `${text}, which would be removed first`) : []),
    ...(sources.complete ? [] : [`backup ${sources.id} is not complete: only the nodes that it finished can be restored`]),
    ...degradedWarnings(sources.id, sources.missing, 'local'),
    ...unevenWarnings(sources),
    ...coverageWarnings(coverage),
    ...purgingWarnings(pastGrace, 'local', { repair: false, othersServe: false }),
  ];
  return {
    backup: sources.id,
    method: 'local' as const,
    reason: 'a directory on this host is named',
    dryRun: options.dryRun,
    nodes,
    tables: sources.tables,
    coverage,
    lost,
    pastGrace,
    commands: '',
    warnings,
  };
}

function nodeOf({ manifest: { host }, directory, plan: { files, bytes, presentFiles } }: LocalWork): RestoredNode {
  return { host, source: host, files, bytes, presentFiles, directory };
}

/** Where what another restore has left would have to go. Throws BackupError when nobody agrees to that. */
async function agreeToClear(targets: readonly Target[], { mayClear }: LocalRestoreParts): Promise<void> {
  const texts = clearedTexts(targets);
  if (texts.length > 0 && !(await mayClear(texts))) {
    throw new BackupError('nothing was fetched, and what lies there stays', { hint: 'give another directory' });
  }
}

function clearedTexts(targets: readonly Target[]): readonly string[] {
  return targets.flatMap(({ directory, other }) =>
    other === undefined ? [] : [`${directory} holds ${other.files} files of ${visibleInLine(other.label)}`],
  );
}

/** The same, with what lies there now that nobody else is at work: not what was agreed to is nothing to be removed. */
async function lookAgain(targets: readonly Target[], label: string): Promise<readonly Target[]> {
  const now = await Promise.all(targets.map(({ directory }) => lookAt(directory, label)));
  const changed = now.find(({ other }, index) => other !== undefined && other.label !== targets[index]?.other?.label);
  if (changed !== undefined) {
    throw new LockedError(`another run has put files into ${changed.directory} meanwhile`, { hint: 'run the command again' });
  }
  return now;
}
