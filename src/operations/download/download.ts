import type { RestoreOptions } from '../restore/options.ts';
import { mkdir, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import PQueue from 'p-queue';
import type { LzoPool } from '../../codec/lzo/pool.ts';
import { type DownloadLayout, tablePlaces } from '../../model/restore/download-layout.ts';
import { coverageWarnings } from '../../model/target/coverage.ts';
import { UsageError } from '../../model/errors.ts';
import { told } from '../../model/node/told.ts';
import type { Listen } from '../../model/events.ts';
import { degradedWarnings } from '../../model/restore/degraded.ts';
import { sayLost } from '../../model/restore/lost-objects.ts';
import { partsOf, planParts } from '../../model/restore/plan.ts';
import type { RestoredNode, RestoreResult } from '../../model/restore/restore-result.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { fetchFiles, partialSuffix } from './fetch.ts';
import { lostFiles } from '../known-objects.ts';
import { oldTables, purgingWarnings } from '../../model/restore/purging.ts';
import { planCoverage, unevenWarnings } from '../restore/planning/coverage.ts';
import { ageOf } from '../restore/planning/purging.ts';
import { chooseSources, readableRing } from '../restore-sources.ts';

export interface LocalRestoreParts {
  readonly repository: Repository;
  readonly pool: LzoPool;
  readonly listen: Listen;
}

/** `transfers` files at once, of all nodes together. */
export interface LocalRestoreOptions extends Pick<RestoreOptions, 'choice' | 'only' | 'filter' | 'transfers' | 'dryRun'> {
  readonly directory: string;
  readonly layout: DownloadLayout;
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
  const work = await Promise.all(
    sources.manifests.map(async (manifest) => {
      const directory = join(root, told('address', manifest.host, 'the node of the backup'));
      return {
        manifest,
        directory,
        plan: planParts(partsOf(manifest, sources.tables, place), await stagedBefore(directory, label, options.dryRun)),
      };
    }),
  );
  const toFetch = work.flatMap(({ plan }) => plan.fetch);
  const lost = await lostFiles(parts, toFetch, signal);
  await refuseTooLittleSpace(
    root,
    work.reduce((sum, { plan }) => sum + plan.fetchBytes, 0),
  );
  if (!options.dryRun) {
    sayLost(lost, parts.listen);
  }
  const nodes = await Promise.all(
    work.map(async ({ manifest, directory, plan }): Promise<RestoredNode> => {
      const node = {
        host: manifest.host,
        source: manifest.host,
        files: plan.files,
        bytes: plan.bytes,
        presentFiles: plan.presentFiles,
        directory,
      };
      if (options.dryRun) {
        return node;
      }
      const error = await fetchFiles(manifest.host, directory, plan.fetch, { ...parts, queue }, signal);
      return error === undefined ? node : { ...node, error };
    }),
  );
  signal.throwIfAborted();
  const warnings = [
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

/**
 * Sizes of what an earlier run of the same restore brought here; what it was killed over is removed. So is what a restore of
 * another backup left: sstables of two moments must not be mixed. Files that no restore put there are refused.
 */
async function stagedBefore(directory: string, label: string, dryRun: boolean): Promise<ReadonlyMap<string, number>> {
  const mark = join(directory, markName);
  const found = await readFile(mark, 'utf8').catch(() => undefined);
  const names = await readdir(directory).catch(() => []);
  if (found === undefined && names.length > 0) {
    throw new UsageError(`${directory} holds files that no restore put there`, {
      hint: 'empty it, or give another directory',
    });
  }
  if (found?.trim() === label) {
    const sizes = await sizesBelow(directory);
    const partial = dryRun ? [] : [...sizes.keys()].filter((path) => path.endsWith(partialSuffix));
    await Promise.all(partial.map((path) => rm(join(directory, path), { force: true })));
    return sizes;
  }
  if (!dryRun) {
    await Promise.all(names.map((name) => rm(join(directory, name), { recursive: true, force: true })));
    await mkdir(directory, { recursive: true, mode: 0o750 });
    await writeFile(mark, `${label}\n`);
  }
  return new Map();
}

async function sizesBelow(directory: string): Promise<ReadonlyMap<string, number>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(
    files.map(async (file) => [file.slice(directory.length + 1), (await stat(file)).size] as const),
  );
  return new Map(sizes);
}

async function refuseTooLittleSpace(directory: string, bytes: number): Promise<void> {
  const disk = await statfs(await nearest(directory));
  const free = disk.bavail * disk.bsize;
  if (bytes > free) {
    throw new UsageError(`${directory} has ${free} bytes free, the restore needs ${bytes}`, {
      hint: 'give a directory on a larger disk',
    });
  }
}

/** The directory itself, or the nearest above it that is there. */
async function nearest(directory: string): Promise<string> {
  const there = await stat(directory).catch(() => undefined);
  return there === undefined && dirname(directory) !== directory ? nearest(dirname(directory)) : directory;
}

const markName = '.sstash-restore';
