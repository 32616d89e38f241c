import { crcText } from '../../../../src/model/backup/stored-sum.ts';
import assert from 'node:assert/strict';
import { cp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { NotFoundError, StorageError } from '../../../../src/model/errors.ts';
import type { Event } from '../../../../src/model/events.ts';
import type { NodeManifest, StoredFile } from '../../../../src/model/backup/manifest.ts';
import { type VerifyResult, isSound } from '../../../../src/model/verify/verify-result.ts';
import { type VerifyOptions, verify } from '../../../../src/operations/verify/verify.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { verifyText } from '../../../../src/report/verify-report.ts';
import { flipByte, idAfter, oneNode, storeLike, type OneNode } from '../../../support/one-node.ts';
import { never } from '../../../support/never.ts';

const everything = { sample: { percent: 100, seed: 'x' } };

async function look(node: OneNode, options: Partial<VerifyOptions> = {}, events: Event[] = []): Promise<VerifyResult> {
  const { repository, pool } = node;
  const parts = { repository, pool, listen: (event: Event) => void events.push(event) };
  return verify({ backup: 'latest', transfers: 2, ...options }, parts, AbortSignal.timeout(300_000));
}

function kindsOf({ problems }: VerifyResult): readonly string[] {
  return problems.map(({ kind, path, key }) => `${kind} ${path === '' ? key : path.slice(path.lastIndexOf('/') + 1)}`).toSorted();
}

/** Of a flipped byte the object's checksum tells, or the block's: whichever is seen first. */
function flippedIn(result: VerifyResult): readonly string[] {
  return kindsOf(result).map((kind) => kind.replace(/^(checksum|container) /, 'flipped '));
}

function fileOf(manifest: NodeManifest, name: string): StoredFile {
  const file = manifest.tables.flatMap((table) => table.files).find(({ path }) => path.endsWith(name));
  assert.ok(file !== undefined, `${name} is not in the manifest`);
  return file;
}

/** A node with two sstables and one backup of them. */
async function backedUp(t: TestContext, wrap?: (store: ObjectStore) => ObjectStore) {
  const node = await oneNode(t, wrap);
  await node.writeSSTable(1);
  await node.writeSSTable(2);
  const manifest = await node.backUp(idAfter(0));
  const objectOf = (name: string): string => join(node.bucket, fileOf(manifest, name).key);
  return { node, manifest, objectOf };
}

/** A store that notes its requests by method and key. */
function counting(calls: string[]) {
  return (store: ObjectStore): ObjectStore =>
    storeLike(store, {
      put: (key, ...rest) => (calls.push(`put ${key}`), store.put(key, ...rest)),
      get: (key, ...rest) => (calls.push(`get ${key}`), store.get(key, ...rest)),
      stat: (key, ...rest) => (calls.push(`stat ${key}`), store.stat(key, ...rest)),
      list: (prefix, ...rest) => (calls.push(`list ${prefix}`), store.list(prefix, ...rest)),
      directories: (prefix, ...rest) => (calls.push(`directories ${prefix}`), store.directories(prefix, ...rest)),
      files: (prefix, ...rest) => (calls.push(`files ${prefix}`), store.files(prefix, ...rest)),
    });
}

test('a backup that nobody touched is sound, by listing and by reading', async (t) => {
  const { node, manifest } = await backedUp(t);
  const files = manifest.tables.flatMap((table) => table.files);
  const stored = files.reduce((sum, file) => sum + file.storedBytes, 0);

  const listed = await look(node);
  assert.deepEqual(listed.problems, []);
  assert.equal(isSound(listed), true);
  assert.deepEqual(
    [listed.backup, listed.backups, listed.objects, listed.bytes, listed.readBytes],
    [idAfter(0), [idAfter(0)], files.length, stored, 0],
  );

  const events: Event[] = [];
  const read = await look(node, everything, events);
  assert.deepEqual(read.problems, []);
  assert.deepEqual([read.readObjects, read.readBytes], [files.length, stored]);
  const moved = events.filter((event) => event.type === 'transferred').reduce((sum, event) => sum + event.bytes, 0);
  assert.equal(
    moved,
    files.reduce((sum, file) => sum + file.bytes, 0),
  );
});

test('a degraded backup is sound as far as it goes, and what it lacks is said', async (t) => {
  const { node } = await backedUp(t);
  const key = join(node.bucket, `${idAfter(0)}/manifest.json`);
  const missing = [{ host: 'node3', hostId: '', reason: 'it is down' }];
  const degraded = { ...JSON.parse(await readFile(key, 'utf8')), format: 2, state: 'degraded', missing, thin: [] };
  await writeFile(key, JSON.stringify(degraded));
  const found = await look(node);
  assert.deepEqual([found.problems, found.degraded], [[], [{ id: idAfter(0), missing: ['node3'] }]]);
  assert.equal(isSound(found), true);
});

test('missing, cut off and lengthened objects are found by listing', async (t) => {
  const { node, objectOf } = await backedUp(t);
  await rm(objectOf('nb-1-big-Data.db'));
  await truncate(objectOf('nb-2-big-Data.db'), 1000);
  await writeFile(objectOf('nb-2-big-Statistics.db'), 'x', { flag: 'a' });
  const result = await look(node);
  assert.deepEqual(kindsOf(result), ['missing nb-1-big-Data.db', 'size nb-2-big-Data.db', 'size nb-2-big-Statistics.db']);
  assert.equal(isSound(result), false);
});

test('listing costs no request per object', async (t) => {
  const calls: string[] = [];
  const { node } = await backedUp(t, counting(calls));
  calls.length = 0;
  await look(node, { backup: idAfter(0) });
  const id = idAfter(0);
  assert.deepEqual(calls.toSorted(), [
    `directories ${id}/`,
    `files ${id}/`,
    `get ${id}/manifest.json`,
    `get ${id}/node1/manifest.json.gz`,
    `get ${id}/ring.json`,
    `get ${id}/schema.cql`,
    `list ${id}/node1/`,
  ]);
});

test('a flipped byte that changes neither size nor etag is found by reading alone', async (t) => {
  const { node, objectOf } = await backedUp(t);
  await flipByte(objectOf('nb-1-big-Data.db'));
  assert.deepEqual((await look(node)).problems, []);
  const result = await look(node, everything);
  assert.deepEqual(flippedIn(result), ['flipped nb-1-big-Data.db']);
});

test('a container that was damaged before it was recorded is found by its own sums', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  const file = fileOf(manifest, 'nb-1-big-Data.db');
  await flipByte(objectOf('nb-1-big-Data.db'));
  const storedCrc32 = crcText(crc32(await readFile(objectOf('nb-1-big-Data.db'))));
  await replaceFile(node, manifest, { ...file, storedCrc32 });
  assert.deepEqual(kindsOf(await look(node, everything)), ['container nb-1-big-Data.db']);
});

test('bytes of an object that was stored without a container are held against its checksum', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  // As if it had been stored with --compression none.
  const plain = Buffer.from('TOC');
  const file = { ...fileOf(manifest, 'nb-1-big-TOC.txt'), compression: 'none' as const, bytes: 3, storedBytes: 3 };
  await writeFile(objectOf('nb-1-big-TOC.txt'), plain);
  await replaceFile(node, manifest, { ...file, storedCrc32: '00000000' });
  assert.deepEqual(
    kindsOf(await look(node, everything)).filter((kind) => !kind.startsWith('manifest')),
    ['checksum nb-1-big-TOC.txt'],
  );
});

test('a whole container of other data is told by size or by digest', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  // An object that agrees with its manifest in everything but what Cassandra says of the data.
  const file = fileOf(manifest, 'nb-1-big-Data.db');
  await replaceFile(node, manifest, { ...file, digest: '01234567' });
  assert.deepEqual(kindsOf(await look(node, everything)), ['digest nb-1-big-Data.db']);
  await replaceFile(node, manifest, { ...file, bytes: file.bytes + 1 });
  const kinds = kindsOf(await look(node, everything));
  assert.ok(kinds.includes('plain-size nb-1-big-Data.db'), kinds.join());
  assert.ok(objectOf('nb-1-big-Data.db').endsWith('.lzo'));
});

async function replaceFile(node: OneNode, manifest: NodeManifest, file: StoredFile): Promise<void> {
  const tables = manifest.tables.map((table) => ({
    ...table,
    files: table.files.map((each) => (each.path === file.path ? file : each)),
  }));
  await node.repository.saveNodeManifest({ ...manifest, tables }, never);
}

test('an object that was written again is suspicious where etags are of contents, until it is read', async (t) => {
  const { node, objectOf } = await backedUp(t, (store) => storeLike(store, { etagsOfContent: true }));
  const [same, other] = [objectOf('nb-1-big-Data.db'), objectOf('nb-2-big-Data.db')];
  for (const path of [same, other]) {
    await cp(path, `${path}.copy`);
    await rename(`${path}.copy`, path);
  }
  await flipByte(other);
  assert.deepEqual(kindsOf(await look(node)), ['etag nb-1-big-Data.db', 'etag nb-2-big-Data.db']);
  const sample = { percent: 0.001, seed: 'x' };
  assert.deepEqual(flippedIn(await look(node, { sample })), ['flipped nb-2-big-Data.db']);
});

test('a directory that was copied to another disk is as sound as before', async (t) => {
  const { node } = await backedUp(t);
  await cp(node.bucket, `${node.bucket}-copy`, { recursive: true });
  await rm(node.bucket, { recursive: true });
  await rename(`${node.bucket}-copy`, node.bucket);
  assert.deepEqual((await look(node)).problems, []);
});

test('an object that no manifest names is an orphan, which takes room and harms nothing', async (t) => {
  const { node, objectOf } = await backedUp(t);
  await cp(objectOf('nb-1-big-Data.db'), objectOf('nb-1-big-Data.db').replace('nb-1-', 'nb-9-'));
  const result = await look(node);
  assert.deepEqual(
    kindsOf(result).map((kind) => kind.replace(/ .*\//, ' ')),
    ['orphan nb-9-big-Data.db.lzo'],
  );
  assert.equal(isSound(result), true);
});

test('what somebody else has laid into a backup is named, and no fault of it', async (t) => {
  const { node, objectOf } = await backedUp(t);
  const component = objectOf('nb-1-big-Data.db');
  const foreign = ['notes.txt', 'node1/notes.txt', 'node1/shop/left-over.lzo', 'photos/1.jpg', 'photos/2026/2.jpg'];
  const beside = component.replace(/[^/]*$/, 'notes.txt').slice(node.bucket.length + 1);
  for (const key of [...foreign.map((name) => `${idAfter(0)}/${name}`), beside]) {
    await node.repository.store.put(key, Buffer.from('not ours'), {}, never);
  }
  const result = await look(node);
  assert.deepEqual(kindsOf(result), [...foreign.map((name) => `foreign ${idAfter(0)}/${name}`), `foreign ${beside}`].toSorted());
  assert.equal(isSound(result), true);
  assert.match(verifyText(result), /^6 objects not stored by sstash: no fault of the backup, and nothing deletes them$/m);
});

test('a reference to an object of another backup that is gone is dangling, and no orphan is seen there', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  await node.writeSSTable(3);
  const second = await node.backUp(idAfter(10), { earlier: [manifest] });
  assert.equal(fileOf(second, 'nb-1-big-Data.db').since, idAfter(0));
  assert.deepEqual((await look(node)).problems, []);
  await rm(objectOf('nb-1-big-Data.db'));
  const result = await look(node);
  assert.equal(result.backup, idAfter(10));
  assert.deepEqual(kindsOf(result), ['dangling nb-1-big-Data.db']);
  assert.deepEqual(kindsOf(await look(node, { backup: 'all' })), ['dangling nb-1-big-Data.db', 'missing nb-1-big-Data.db']);
});

test('of all backups every object is read once, and what is wrong with it is said of each that points at it', async (t) => {
  const calls: string[] = [];
  const { node, manifest, objectOf } = await backedUp(t, counting(calls));
  await node.writeSSTable(3);
  await node.backUp(idAfter(10), { earlier: [manifest] });
  await flipByte(objectOf('nb-2-big-Data.db'));
  const result = await look(node, { backup: 'all', ...everything });
  assert.deepEqual(flippedIn(result), ['flipped nb-2-big-Data.db', 'flipped nb-2-big-Data.db']);
  assert.deepEqual(result.problems.map(({ backup }) => backup).toSorted(), [idAfter(0), idAfter(10)]);
  const reads = calls.filter((call) => call.startsWith('get ') && call.endsWith('.lzo'));
  assert.equal(new Set(reads).size, reads.length);
  assert.equal(reads.length, 15);
});

test('what a deleted backup left to others is read with them', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  await node.backUp(idAfter(10), { earlier: [manifest] });
  await Promise.all(
    ['manifest.json', 'ring', 'ring.json', 'schema.cql', 'node1/manifest.json.gz'].map((name) =>
      rm(join(node.bucket, idAfter(0), name)),
    ),
  );
  await flipByte(objectOf('nb-2-big-Data.db'));
  const result = await look(node, { backup: 'all', ...everything });
  assert.deepEqual(result.backups, [idAfter(10)]);
  assert.deepEqual(flippedIn(result), ['flipped nb-2-big-Data.db']);
});

test('an incremental backup is verified with its parent and those between', async (t) => {
  const { node, objectOf } = await backedUp(t);
  const id = idAfter(0);
  await node.writeSSTable(3);
  await node.keepIncremental(3);
  const first = await node.backUp(idAfter(10), { parent: id });
  await node.writeSSTable(4);
  await node.keepIncremental(4);
  await node.backUp(idAfter(20), { parent: id, earlier: [first] });
  const sound = await look(node, { backup: idAfter(20) });
  assert.deepEqual([sound.backups, sound.problems], [[id, idAfter(10), idAfter(20)], []]);
  await rm(objectOf('nb-1-big-Data.db'));
  await rm(join(node.bucket, fileOf(first, 'nb-3-big-Statistics.db').key));
  // It is seen as dangling from the later one too, which points at it instead of storing it again.
  const result = await look(node, { backup: idAfter(20) });
  assert.deepEqual(result.problems.map(({ kind, backup }) => `${kind} ${backup}`).toSorted(), [
    `dangling ${idAfter(20)}`,
    `missing ${id}`,
    `missing ${idAfter(10)}`,
  ]);
  await rm(join(node.bucket, id, 'manifest.json'));
  const orphaned = await look(node, { backup: idAfter(20) });
  assert.ok(orphaned.problems.some(({ kind, key }) => kind === 'manifest' && key === `${id}/manifest.json`));
});

test('a damaged or missing manifest is a problem of its own and hides no other', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  await node.backUp(idAfter(10), { earlier: [manifest] });
  await writeFile(join(node.bucket, idAfter(10), 'node1', 'manifest.json.gz'), 'no gzip');
  await rm(objectOf('nb-1-big-Data.db'));
  await rm(join(node.bucket, idAfter(0), 'schema.cql'));
  await writeFile(join(node.bucket, idAfter(0), 'ring.json'), '{}');
  const result = await look(node, { backup: 'all' });
  assert.deepEqual(kindsOf(result), [
    `manifest ${idAfter(0)}/ring.json`,
    `manifest ${idAfter(10)}/node1/manifest.json.gz`,
    `missing ${idAfter(0)}/schema.cql`,
    'missing nb-1-big-Data.db',
  ]);
  await rm(join(node.bucket, idAfter(10), 'node1', 'manifest.json.gz'));
  assert.deepEqual(kindsOf(await look(node, { backup: idAfter(10) })), [`manifest ${idAfter(10)}/node1/manifest.json.gz`]);
});

test('a backup whose own manifest is damaged or gone is reported, by its name, as the latest and among all', async (t) => {
  const { node, manifest } = await backedUp(t);
  await node.backUp(idAfter(10), { earlier: [manifest] });
  const key = `${idAfter(10)}/manifest.json`;
  for (const damage of [() => writeFile(join(node.bucket, key), '{"format": 1}'), () => rm(join(node.bucket, key))]) {
    await damage();
    for (const backup of [idAfter(10), 'latest', 'all']) {
      const result = await look(node, { backup });
      assert.deepEqual(kindsOf(result), [`manifest ${key}`], backup);
      assert.equal(isSound(result), false);
    }
  }
});

test('a manifest that says something else than the backup is told', async (t) => {
  const { node, manifest } = await backedUp(t);
  const [table] = manifest.tables;
  assert.ok(table !== undefined);
  await node.repository.saveNodeManifest({ ...manifest, tables: [{ ...table, files: table.files.slice(1) }] }, never);
  const result = await look(node);
  assert.deepEqual(
    result.problems.map(({ kind }) => kind),
    ['manifest', 'orphan'],
  );
});

test('of an unfinished run the whole nodes are looked at, and what it is storing is no orphan', async (t) => {
  const { node } = await backedUp(t);
  const manifest = await node.backUp(idAfter(10), { unfinished: true });
  await cp(join(node.bucket, fileOf(manifest, 'nb-1-big-Data.db').key), join(node.bucket, idAfter(10), 'node1', 'new.lzo'));
  await rm(join(node.bucket, fileOf(manifest, 'nb-2-big-Data.db').key));
  const result = await look(node, { backup: idAfter(10) });
  assert.deepEqual([kindsOf(result), result.unfinished], [['missing nb-2-big-Data.db'], [idAfter(10)]]);
  // The latest is a complete one.
  assert.equal((await look(node)).backup, idAfter(0));
});

test('a sample reads its share of the bytes, the same one for the same seed', async (t) => {
  const calls: string[] = [];
  const { node } = await backedUp(t, counting(calls));
  const objectsRead = async (seed: string) => {
    const before = calls.length;
    const { readBytes, bytes } = await look(node, { sample: { percent: 10, seed } });
    assert.ok(readBytes >= bytes / 10 && readBytes < bytes);
    return calls
      .slice(before)
      .filter((call) => call.endsWith('.lzo'))
      .toSorted();
  };
  assert.deepEqual(await objectsRead('a'), await objectsRead('a'));
  const others = new Set<string>();
  for (const seed of ['b', 'c', 'd', 'e', 'f', 'g']) {
    others.add((await objectsRead(seed)).join());
  }
  assert.ok(others.size > 1);
});

test('an object that the store cannot give is a problem of the object as long as the store answers', async (t) => {
  let down = false;
  let goesDown = false;
  const { node } = await backedUp(t, (store) =>
    storeLike(store, {
      get: (key, range, signal) => {
        if (key.endsWith('nb-1-big-Data.db.lzo')) {
          down = goesDown;
          throw new StorageError(`cannot read ${key}: InvalidObjectState`, { key });
        }
        return store.get(key, range, signal);
      },
      directories: (prefix, signal) => {
        if (down) {
          throw new StorageError('cannot list: connection refused', { key: prefix });
        }
        return store.directories(prefix, signal);
      },
    }),
  );
  const result = await look(node, { backup: idAfter(0), ...everything });
  assert.deepEqual(kindsOf(result), ['unreadable nb-1-big-Data.db']);
  assert.equal(result.readObjects, result.objects - 1);
  goesDown = true;
  await assert.rejects(look(node, { backup: idAfter(0), ...everything }), /InvalidObjectState/);
});

test('a backup that is pruned while it is looked at was not damaged', async (t) => {
  let prune: (() => Promise<void>) | undefined;
  const { node } = await backedUp(t, (store) =>
    storeLike(store, {
      async *list(prefix, signal) {
        await prune?.();
        yield* store.list(prefix, signal);
      },
    }),
  );
  prune = () => rm(join(node.bucket, idAfter(0)), { recursive: true, force: true });
  await assert.rejects(look(node), NotFoundError);
});

test('there is no such backup', async (t) => {
  const node = await oneNode(t);
  // That nothing is wrong with nothing would be no good news: it may be another path than was meant.
  for (const backup of ['latest', '20260101T000000Z', 'nonsense', 'all']) {
    await assert.rejects(look(node, { backup }), NotFoundError, backup);
  }
});

test('an abort ends the reading with its reason', async (t) => {
  const { node } = await backedUp(t);
  const abort = new AbortController();
  const parts = {
    repository: node.repository,
    pool: node.pool,
    listen: (event: Event) => {
      if (event.type === 'planned') {
        abort.abort(new Error('enough'));
      }
    },
  };
  await assert.rejects(verify({ backup: 'latest', transfers: 1, ...everything }, parts, abort.signal), /enough/);
});
