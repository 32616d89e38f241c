import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { objectsBelow } from './bucket.ts';
import { undoFaults } from './host-faults.ts';
import { type BackupDocument, type ListDocument, type ProgramOptions, resultOf, runProgram } from './program.ts';
import { type Sandbox, cql, dumpRows, ensureSandbox, loadBlobs } from './sandbox.ts';

/** A cluster with one table of large sstables (faults.blobs), and a place in the bucket for one test file's backups. */
export interface BlobsStory {
  readonly sandbox: Sandbox;
  /** The program's options for a location of that name, below the test file's own place. */
  at(location: string): ProgramOptions & { readonly env: Readonly<Record<string, string>> };
  /** The directory that holds a location's objects. */
  objects(location: string): string;
  /** Removes everything that was stored. */
  clear(): Promise<void>;
}

export const blobs: readonly string[] = ['-K', 'faults.blobs', '--json'];

/** 96 rows of 256 KiB, three copies: 24 MiB of data on each node. */
const rows = 96;

export async function openBlobsStory(): Promise<BlobsStory> {
  const sandbox = await ensureSandbox();
  await undoFaults(sandbox.hosts);
  await cql(await readFile(new URL('../fixtures/faults.cql', import.meta.url), 'utf8'));
  const found = await dumpRows({ keyspaces: ['faults'] });
  if (found['faults.blobs']?.rows !== rows) {
    await loadBlobs(rows, 256 * 1024);
  }
  const base = `it-${randomBytes(4).toString('hex')}`;
  return {
    sandbox,
    at: (location) => ({ env: { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}/${location}` } }),
    objects: (location) => join(sandbox.bucket, base, location),
    clear: () => rm(join(sandbox.bucket, base), { recursive: true, force: true }),
  };
}

/** The node that a degraded backup must lack. */
export interface FailedNode {
  readonly host: string;
  readonly error: RegExp;
}

/**
 * Checks that a run reported this one node failed and the others complete, and that the backup, of which two of three copies
 * are there, is listed as what it is: degraded, with nothing of the failed node that looks whole. Gives the run's document.
 */
export async function assertOneFailed(
  story: BlobsStory,
  location: string,
  ran: Awaited<ReturnType<typeof runProgram>>,
  failed: FailedNode,
): Promise<BackupDocument> {
  const backup = resultOf<BackupDocument>(ran, 3);
  assert.deepEqual([backup.state, backup.complete], ['degraded', false]);
  const bad = backup.nodes.filter((node) => !node.complete);
  assert.deepEqual(
    bad.map(({ host }) => host),
    [failed.host],
  );
  assert.equal(backup.nodes.length, 3);
  assert.match(bad[0]?.error ?? '', failed.error);
  // People are told too, while it happens.
  assert.match(ran.stderr, failed.error);

  const directory = join(story.objects(location), backup.id);
  const keys = [...(await objectsBelow(directory)).keys()];
  assert.ok(!keys.includes(`${failed.host}/manifest.json.gz`), 'the failed node has a manifest, as if it were complete');
  for (const { host } of backup.nodes.filter((node) => node.complete)) {
    assert.ok(keys.includes(`${host}/manifest.json.gz`), `${host} has no manifest`);
  }
  const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
  assert.equal(manifest.format, 2);
  assert.deepEqual(
    manifest.missing.map(({ host }: FailedNode) => host),
    [failed.host],
  );
  assert.ok(!keys.includes('in-progress.json'), 'it has a mark, as if it were unfinished');

  const { backups } = resultOf<ListDocument>(await runProgram(['list', '--json'], story.at(location)));
  const [listed] = backups;
  assert.equal(backups.length, 1);
  assert.deepEqual([listed?.state, listed?.complete], ['degraded', false]);
  assert.match(listed?.missing?.[0]?.reason ?? '', failed.error);
  const latest = await runProgram(['show', 'latest'], story.at(location));
  assert.match(latest.stdout, new RegExp(`^state +degraded: lacks ${failed.host}$`, 'm'));
  return backup;
}

/** Keys below a failed run's directory that belong to one host. */
export async function keysOf(story: BlobsStory, location: string, backup: string, host: string): Promise<readonly string[]> {
  const keys = [...(await objectsBelow(join(story.objects(location), backup))).keys()];
  return keys.filter((key) => key.startsWith(`${host}/`));
}
