import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { cp, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FilesDocument } from './program.ts';

/**
 * A bucket (or a directory location) seen from behind: every object is a file, its key the path. What S3Proxy is still writing
 * is no object yet: it has a name of its own, which is gone a moment later. Nor is what is deleted while this looks.
 */
export async function objectsBelow(directory: string): Promise<ReadonlyMap<string, number>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const objects = entries.filter((entry) => entry.isFile() && !beingWritten.test(entry.name));
  const sizes = await Promise.all(
    objects.map(async ({ parentPath, name }): Promise<readonly (readonly [string, number])[]> => {
      const path = join(parentPath, name);
      const found = await stat(path).catch((error: unknown) => absent(error));
      return found === undefined ? [] : [[path.slice(directory.length + 1), found.size]];
    }),
  );
  return new Map(sizes.flat());
}

const beingWritten = /-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
    return undefined;
  }
  throw error;
}

/** The tag of the snapshots of a run, as its mark says it, or its manifest where it is committed. */
export async function tagOfRun(directory: string, id: string): Promise<string> {
  const said = await readFile(join(directory, id, 'in-progress.json'), 'utf8').catch((error: unknown) => absent(error));
  const told: unknown = JSON.parse(said ?? (await readFile(join(directory, id, 'manifest.json'), 'utf8')));
  const tag = typeof told === 'object' && told !== null && 'snapshot' in told ? told.snapshot : undefined;
  return typeof tag === 'string' ? tag : assert.fail(`${id} names no snapshot`);
}

/** What a file holds. */
export interface Content {
  readonly bytes: number;
  readonly crc32: number;
  readonly sha256: string;
}

export async function contentOf(path: string): Promise<Content> {
  const sha = createHash('sha256');
  let bytes = 0;
  let crc = 0;
  for await (const chunk of createReadStream(path)) {
    bytes += chunk.length;
    crc = crc32(chunk, crc);
    sha.update(chunk);
  }
  return { bytes, crc32: crc, sha256: sha.digest('hex') };
}

/** Runs the real lzop on files; throws with its complaint about the first that is wrong. */
async function lzop(args: readonly string[], paths: readonly string[]): Promise<void> {
  const child = spawn('xargs', ['-0', '-r', 'lzop', ...args], { stdio: ['pipe', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  child.stdin.end(paths.map((path) => `${path}\0`).join(''));
  const [status] = await closed;
  assert.equal(status, 0, `lzop ${args.join(' ')}: ${complaint}`);
}

export interface StoredComponent {
  /** `<host>/<keyspace>/<table>-<id>/<component>`, without `.lzo`. */
  readonly name: string;
  readonly plain: Content;
}

/**
 * Checks a backup from the bucket alone: the components in it are exactly those that `files` lists, with their sizes;
 * each is readable by the real lzop; each Data.db has the CRC-32 that Cassandra wrote into the Digest file beside it.
 * `directory` holds the backup, `url` is the backup's place as users see it.
 */
export async function checkBackup(
  directory: string,
  url: string,
  files: FilesDocument['files'],
): Promise<readonly StoredComponent[]> {
  const objects = await objectsBelow(directory);
  assert.ok(objects.has('manifest.json'), 'the backup has no manifest.json');
  assert.ok(!objects.has('in-progress.json'), 'the mark of the run was left behind');
  const stored = [...objects.keys()].filter((key) => key.split('/').length > 2).toSorted();
  const listed = files.map((file) => file.url.slice(url.length + 1)).toSorted();
  assert.deepEqual(stored, listed);
  await lzop(
    ['-t'],
    stored.filter((key) => key.endsWith('.lzo')).map((key) => join(directory, key)),
  );

  const copy = await mkdtemp(join(tmpdir(), 'sstash-test-'));
  try {
    await cp(directory, copy, { recursive: true });
    await lzop(
      ['-d', '-U'],
      stored.filter((key) => key.endsWith('.lzo')).map((key) => join(copy, key)),
    );
    return await checkPlain(copy, url, files);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function checkPlain(directory: string, url: string, files: FilesDocument['files']): Promise<readonly StoredComponent[]> {
  const components: StoredComponent[] = [];
  for (const file of files) {
    const name = file.url.slice(url.length + 1).replace(/\.lzo$/, '');
    const plain = await contentOf(join(directory, name));
    assert.equal(plain.bytes, file.bytes, name);
    components.push({ name, plain });
    if (name.endsWith('-Data.db')) {
      const digest = await readFile(join(directory, name.replace(/-Data\.db$/, '-Digest.crc32')), 'utf8');
      assert.equal(plain.crc32, Number(digest), `Cassandra's digest of ${name}`);
    }
  }
  return components;
}
