import assert from 'node:assert/strict';
import { cp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RemoteError } from '../../../../src/model/errors.ts';
import type { NodeManifest, StoredFile } from '../../../../src/model/backup/manifest.ts';
import { type VerifyResult, isSound } from '../../../../src/model/verify/verify-result.ts';
import { type VerifyRepairOptions, verify, verifyAndRepair } from '../../../../src/operations/verify/verify.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { lzop } from '../../../support/lzop.ts';
import { flipByte, idAfter, oneNode, storeLike, type OneNode } from '../../../support/one-node.ts';
import { never } from '../../../support/never.ts';
import { everyTable } from '../../../../src/storage/backups/node-manifest-format.ts';

const everything = { sample: { percent: 100, seed: 'x' } };

async function mend(node: OneNode, options: Partial<VerifyRepairOptions> = {}): Promise<VerifyResult> {
  const { repository, pool, programs, connect, transferFor } = node;
  const owner = { host: 'bastion', pid: process.pid, user: 'ops' };
  return verifyAndRepair(
    { backup: 'latest', transfers: 2, hosts: [], owner, lockTimeoutSeconds: 0, ...everything, ...options },
    { repository, pool, programs, connect, transferFor, listen: () => {} },
    AbortSignal.timeout(300_000),
  );
}

async function assertSound(node: OneNode, backup = 'all'): Promise<void> {
  const { repository, pool } = node;
  const options = { backup, transfers: 2, ...everything };
  const { problems } = await verify(options, { repository, pool, listen: () => {} }, AbortSignal.timeout(300_000));
  assert.deepEqual(problems, []);
}

/** Per problem: the component, and how it was mended or why it was not. */
function outcomes({ problems, mendings }: VerifyResult): readonly string[] {
  return problems
    .map(({ kind, path, key }) => {
      const mending = mendings.get(key);
      const name = path.slice(path.lastIndexOf('/') + 1);
      return `${kind.replace('container', 'checksum')} ${name}: ${mending?.mended === true ? 'mended' : (mending?.detail ?? 'left')}`;
    })
    .toSorted();
}

function fileOf(manifest: NodeManifest | undefined, name: string): StoredFile {
  const file = manifest?.tables.flatMap((table) => table.files).find(({ path }) => path.endsWith(name));
  assert.ok(file !== undefined, `${name} is not in the manifest`);
  return file;
}

/** A node with two sstables, live and in a snapshot, and one backup of them. */
async function backedUp(t: TestContext, wrap?: (store: ObjectStore) => ObjectStore) {
  const node = await oneNode(t, wrap);
  await node.writeSSTable(1, 1_500_000);
  await node.writeSSTable(2);
  const manifest = await node.backUp(idAfter(0));
  const objectOf = (name: string): string => join(node.bucket, fileOf(manifest, name).key);
  return { node, manifest, objectOf, snapshot: join(node.table, 'snapshots') };
}

test('lost, cut off and flipped objects are stored again from the node', async (t) => {
  const { node, objectOf } = await backedUp(t);
  await rm(objectOf('nb-1-big-Data.db'));
  await rm(objectOf('nb-1-big-Filter.db'));
  await truncate(objectOf('nb-1-big-Digest.crc32'), 20);
  await flipByte(objectOf('nb-2-big-Data.db'));
  await flipByte(objectOf('nb-2-big-Statistics.db'));
  const result = await mend(node);
  assert.deepEqual(outcomes(result), [
    'checksum nb-2-big-Data.db: mended',
    'checksum nb-2-big-Statistics.db: mended',
    'missing nb-1-big-Data.db: mended',
    'missing nb-1-big-Filter.db: mended',
    'size nb-1-big-Digest.crc32: mended',
  ]);
  assert.equal(isSound(result), true);
  await assertSound(node);
  const plain = await lzop(['-d', '-c'], await readFile(objectOf('nb-1-big-Data.db')));
  assert.deepEqual(plain, await readFile(join(node.table, 'nb-1-big-Data.db')));
});

test('components are taken from the live directory, any snapshot or the incremental files', async (t) => {
  const { node, manifest, objectOf, snapshot } = await backedUp(t);
  await node.keepIncremental(2);
  await rename(join(snapshot, manifest.snapshot), join(snapshot, 'weekly'));
  await rm(join(node.table, 'nb-1-big-Data.db'));
  await rm(join(node.table, 'nb-2-big-Data.db'));
  await rm(join(snapshot, 'weekly', 'nb-2-big-Data.db'));
  await rm(join(snapshot, 'weekly', 'nb-2-big-TOC.txt'));
  await rm(join(node.table, 'backups', 'nb-2-big-TOC.txt'));
  for (const name of ['nb-1-big-Data.db', 'nb-2-big-Data.db', 'nb-2-big-TOC.txt']) {
    await rm(objectOf(name));
  }
  const { mendings } = await mend(node);
  const places = [...mendings.values()].map(({ detail }) => detail.slice(detail.indexOf(node.table) + node.table.length));
  assert.deepEqual(places.toSorted(), [
    '/backups/nb-2-big-Data.db on node1',
    '/nb-2-big-TOC.txt on node1',
    '/snapshots/weekly/nb-1-big-Data.db on node1',
  ]);
  await assertSound(node);
});

test('a file that is not the same component is never stored in its place', async (t) => {
  const { node, objectOf, snapshot } = await backedUp(t);
  await rm(snapshot, { recursive: true });
  for (const name of ['nb-1-big-Data.db', 'nb-1-big-Statistics.db', 'nb-2-big-Statistics.db', 'nb-2-big-TOC.txt']) {
    await rm(objectOf(name));
  }
  const at = (name: string): string => join(node.table, name);
  // Gone; rewritten under the same name and size at another time; and an sstable of another digest, sizes and times alike.
  await rm(at('nb-1-big-Data.db'));
  await writeFile(at('nb-1-big-Statistics.db'), Buffer.alloc(5000));
  await writeFile(at('nb-2-big-Digest.crc32'), '1234');
  const { problems, mendings } = await mend(node);
  const reasons = Object.fromEntries(
    problems.map(({ key, path }) => [path.slice(path.lastIndexOf('/') + 1), mendings.get(key)?.detail]),
  );
  assert.deepEqual(reasons, {
    'nb-1-big-Data.db': 'the node does not have it any more, neither live nor in a snapshot',
    'nb-1-big-Statistics.db': 'the node has another version of this file: its size or time differs',
    'nb-2-big-Statistics.db': 'the node has a file of this name, size and time that belongs to another sstable',
    'nb-2-big-TOC.txt': 'the node has a file of this name, size and time that belongs to another sstable',
  });
  assert.deepEqual(
    [...mendings.values()].filter(({ mended }) => mended),
    [],
  );
});

test('a Data.db that is damaged on the node is refused, and what can be mended is mended', async (t) => {
  const { node, objectOf } = await backedUp(t);
  // Live file and snapshot are the same file; its size and time stay.
  await flipByte(join(node.table, 'nb-2-big-Data.db'));
  for (const name of ['nb-2-big-Data.db', 'nb-2-big-Statistics.db', 'nb-2-big-Filter.db', 'nb-2-big-TOC.txt']) {
    await rm(objectOf(name));
  }
  const result = await mend(node);
  assert.equal(isSound(result), false);
  const [damaged, ...others] = outcomes(result);
  assert.match(damaged ?? '', /^missing nb-2-big-Data\.db: .*is damaged on the node/);
  assert.deepEqual(others, [
    'missing nb-2-big-Filter.db: mended',
    'missing nb-2-big-Statistics.db: mended',
    'missing nb-2-big-TOC.txt: mended',
  ]);
});

test('every manifest that names the object learns what is new about it', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  await node.writeSSTable(3);
  await node.backUp(idAfter(10), { earlier: [manifest] });
  await node.backUp(idAfter(20), { earlier: [manifest], unfinished: true });
  const key = fileOf(manifest, 'nb-1-big-Data.db').key;
  await rm(objectOf('nb-1-big-Data.db'));
  // Without lzop on the node this host compresses: other bytes, another size.
  const result = await mend({ ...node, transferFor: node.transferForHost });
  assert.deepEqual(outcomes(result), ['dangling nb-1-big-Data.db: mended']);
  const old = fileOf(manifest, 'nb-1-big-Data.db');
  for (const id of [idAfter(0), idAfter(10), idAfter(20)]) {
    const file = fileOf(await node.repository.nodeManifest({ id }, 'node1', everyTable, never), 'nb-1-big-Data.db');
    assert.deepEqual([file.key, file.since, file.digest], [key, idAfter(0), old.digest]);
    assert.notDeepEqual([file.storedBytes, file.storedCrc32], [old.storedBytes, old.storedCrc32]);
    await assertSound(node, id);
  }
  // Others are as they were.
  assert.deepEqual(
    fileOf(await node.repository.nodeManifest({ id: idAfter(0) }, 'node1', everyTable, never), 'nb-2-big-Data.db'),
    fileOf(manifest, 'nb-2-big-Data.db'),
  );
});

test('a repair that breaks off before the manifests are written is seen, and another one finishes it', async (t) => {
  let refuse = false;
  const { node, objectOf } = await backedUp(t, (store) =>
    storeLike(store, {
      put: (key, ...rest) => {
        if (refuse && key.endsWith('manifest.json.gz')) {
          throw new RemoteError('the power went', { host: 'bastion' });
        }
        return store.put(key, ...rest);
      },
    }),
  );
  await rm(objectOf('nb-1-big-Data.db'));
  refuse = true;
  const byHost = { ...node, transferFor: node.transferForHost };
  await assert.rejects(mend(byHost), /the power went/);
  refuse = false;
  const { repository, pool } = node;
  const seen = await verify(
    { backup: 'latest', transfers: 1 },
    { repository, pool, listen: () => {} },
    AbortSignal.timeout(300_000),
  );
  assert.deepEqual(
    seen.problems.map(({ kind }) => kind),
    ['size'],
  );
  assert.deepEqual(outcomes(await mend(byHost)), ['size nb-1-big-Data.db: mended']);
  await assertSound(node);
});

test('an object that was only written again keeps its place, and its new etag is recorded', async (t) => {
  const { node, objectOf } = await backedUp(t, (store) => watching(store, []));
  await rm(join(node.table, 'snapshots'), { recursive: true });
  await rm(join(node.table, 'nb-1-big-Data.db'));
  await cp(objectOf('nb-1-big-Data.db'), join(node.bucket, 'copy'));
  await rename(join(node.bucket, 'copy'), objectOf('nb-1-big-Data.db'));
  // No node is asked: the contents prove themselves.
  const result = await mend({ ...node, connect: () => Promise.reject(new Error('no node is needed')) }, {});
  assert.deepEqual(outcomes(result), ['etag nb-1-big-Data.db: mended']);
  await assertSound(node);
  const { repository, pool } = node;
  const again = await verify(
    { backup: 'latest', transfers: 1 },
    { repository, pool, listen: () => {} },
    AbortSignal.timeout(300_000),
  );
  assert.deepEqual(again.problems, []);
});

test('nothing is written when nothing is wrong', async (t) => {
  const puts: string[] = [];
  const { node } = await backedUp(t, (store) => watching(store, puts));
  puts.length = 0;
  const result = await mend(node);
  assert.deepEqual([result.problems, result.mendings.size], [[], 0]);
  assert.deepEqual(
    puts.filter((key) => key !== 'lock.json'),
    [],
  );
});

test('a node is known by its host id, and one that does not answer keeps no other from being mended', async (t) => {
  const { node, objectOf } = await backedUp(t);
  await rm(objectOf('nb-1-big-Data.db'));
  const down = new RemoteError('connection refused', { host: 'node1' });
  const silent = await mend({ ...node, connect: () => Promise.reject(down) });
  assert.deepEqual(outcomes(silent), ['missing nb-1-big-Data.db: connection refused']);
  // Under a new name or address it is the same node.
  const renamed = await mend(node, { hosts: ['node1-new'] });
  assert.deepEqual(outcomes(renamed), ['missing nb-1-big-Data.db: mended']);
  await assertSound(node);
});

test('a node with another host id is not asked for the data', async (t) => {
  const { node, manifest, objectOf } = await backedUp(t);
  await rm(objectOf('nb-1-big-Data.db'));
  await node.repository.saveNodeManifest({ ...manifest, node: { ...manifest.node, hostId: 'another' } }, never);
  const result = await mend(node);
  const reason = outcomes(result).find((each) => each.includes('Data.db'));
  assert.match(reason ?? '', /none of the nodes has host id another, which node1 had/);
});

test('a repair is the only writer of its location', async (t) => {
  const { node } = await backedUp(t);
  await writeFile(
    join(node.bucket, 'lock.json'),
    JSON.stringify({
      format: 1,
      token: 'x',
      owner: { host: 'elsewhere', pid: 1, user: 'ops' },
      operation: 'backup',
      since: new Date().toISOString(),
      heartbeatAt: new Date().toISOString(),
    }),
  );
  await assert.rejects(mend(node), /backup by ops@elsewhere/);
});

/** A store whose etags are taken at their word, and whose puts are noted. */
function watching(store: ObjectStore, puts: string[]): ObjectStore {
  return storeLike(store, { etagsOfContent: true, put: (key, ...rest) => (puts.push(key), store.put(key, ...rest)) });
}
