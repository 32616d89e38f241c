import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lutimes, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LockedError } from '../../../../src/model/errors.ts';
import { olderTag, snapshotTag } from '../../../../src/model/node/snapshot-tag.ts';
import type { ClearWish } from '../../../../src/model/retention/leftovers/leftover.ts';
import { clearLeftovers, type ClearOptions } from '../../../../src/operations/leftovers/clear.ts';
import { leftovers } from '../../../../src/operations/leftovers/leftovers.ts';
import type { ClearResult, Leftovers } from '../../../../src/operations/leftovers/options.ts';
import { acquireLock } from '../../../../src/storage/lock/lock.ts';
import { inProgressKey } from '../../../../src/storage/keys.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';
import { bytesOf } from '../../../support/bodies.ts';
import { progressOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { fails, onCall, program, says } from '../../../support/scripted-remote.ts';

const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);
const clearing = program('nodetool', 'clearsnapshot');
const nothing: ClearWish = { unfinished: [], undoData: [], staged: false };
const owner = { host: 'bastion', pid: process.pid, user: 'ops' };

interface Asked {
  readonly options?: Partial<ClearOptions>;
  readonly confirm?: (found: Leftovers) => Promise<boolean>;
}

async function tryClear(cluster: ScriptedCluster, { options = {}, confirm = async () => true }: Asked = {}) {
  const { repository, listen } = cluster.parts;
  const lockRequest = { owner, operation: 'clear', timeoutSeconds: 0, listen };
  return clearLeftovers(
    { hosts: cluster.hosts, wish: nothing, dryRun: false, ...options },
    confirm,
    { ...cluster.parts, repository, lockRequest },
    never,
  );
}

async function clear(cluster: ScriptedCluster, wish: Partial<ClearWish> = {}): Promise<ClearResult> {
  return (await tryClear(cluster, { options: { wish: { ...nothing, ...wish } } })) ?? assert.fail('it did not agree');
}

/** `node2 staging removed`, `node1 snapshot kept`. */
function fates({ found }: ClearResult): readonly string[] {
  return found.map(
    ({ host = 'location', kind, cleared, error }) =>
      `${host} ${kind} ${error === undefined ? (cleared ? 'removed' : 'kept') : 'failed'}`,
  );
}

async function unfinished(t: TestContext) {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const { id } = await cluster.backUp();
  return { cluster, id };
}

const longAgo = new Date(Date.now() - 7200_000);

/** A file with its directories, last changed two hours ago. */
async function plant(path: string, content = ''): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await utimes(path, longAgo, longAgo);
  await utimes(dirname(path), longAgo, longAgo);
}

test('what can be gone on with is named and stays; given up, it is removed, and nothing else', async (t) => {
  const { cluster, id } = await unfinished(t);
  const node = cluster.node('node2');
  await node.takeSnapshot('weekly-1');
  const foreign = snapshotTag(id, 'beef1234');
  await node.takeSnapshot(foreign);
  const seen = await clear(cluster);
  assert.deepEqual(fates(seen), ['node2 snapshot kept', 'node2 snapshot kept']);
  assert.deepEqual(node.remote.ran(clearing), []);
  assert.ok(
    seen.found.every(({ bytes = 0 }) => bytes < 1000),
    'the live tables hold the files',
  );
  assert.deepEqual(fates(await clear(cluster, { unfinished: [id] })).toSorted(), [
    'node2 snapshot kept',
    'node2 snapshot removed',
  ]);
  assert.deepEqual(await node.snapshots(), [foreign, 'weekly-1']);
  assert.deepEqual(await cluster.keys('lock.json'), []);
});

test('what a finished backup, a deleted run and an older version have left is removed', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const { id } = await cluster.backUp();
  const [one, two] = [cluster.node('node1'), cluster.node('node2')];
  await one.takeSnapshot(cluster.tagOf(id));
  await two.takeSnapshot(cluster.tagOf('20250101T000000Z'));
  await two.takeSnapshot(olderTag('20250101T000000Z'));
  const result = await clear(cluster);
  assert.deepEqual(fates(result).toSorted(), ['node1 snapshot removed', 'node2 snapshot kept', 'node2 snapshot removed']);
  assert.deepEqual([await one.snapshots(), await two.snapshots()], [[], [olderTag('20250101T000000Z')]]);
});

test('a dry run, a no and a second look change nothing', async (t) => {
  const { cluster, id } = await unfinished(t);
  const wish = { ...nothing, unfinished: [id] };
  const dry = (await tryClear(cluster, { options: { wish, dryRun: true } })) ?? assert.fail();
  assert.deepEqual([dry.dryRun, dry.found.map(({ remove, cleared }) => [remove, cleared])], [true, [[true, false]]]);
  assert.equal(await tryClear(cluster, { options: { wish }, confirm: async () => false }), undefined);
  const node = cluster.node('node2');
  assert.deepEqual(await node.snapshots(), [cluster.tagOf(id)]);
  // While somebody thinks, another run makes a backup of which it is a node that is lacking.
  const late = await tryClear(cluster, {
    confirm: async () => {
      await cluster.backUp({ resume: true });
      await node.takeSnapshot(cluster.tagOf('20250101T000000Z'));
      return true;
    },
    options: { wish },
  });
  assert.deepEqual(
    late?.found.map(({ name, cleared }) => [name, cleared]),
    [[cluster.tagOf('20250101T000000Z'), false]],
    'nobody agreed to that',
  );
});

test('nothing is cleared while somebody else works in the location, nor after the lock is lost', async (t) => {
  const { cluster, id } = await unfinished(t);
  const options = { wish: { ...nothing, unfinished: [id] } };
  const other = await acquireLock(cluster.store, { owner, operation: 'backup', timeoutSeconds: 0 }, () => undefined, never);
  await assert.rejects(tryClear(cluster, { options }), LockedError);
  const dry = await tryClear(cluster, { options: { ...options, dryRun: true } });
  assert.match(dry?.found.find(({ kind }) => kind === 'lock')?.because ?? '', /somebody is at work here/);
  await other.release();
  // Somebody takes it over while the second look is at work, which is under the lock.
  cluster.store.hook = async ({ verb, key }) => {
    if (verb === 'list' && key === 'reading/' && (await cluster.keys('lock.json')).length > 0) {
      cluster.store.hook = () => undefined;
      await cluster.store.put('lock.json', Buffer.from('taken'), {}, never);
    }
  };
  await assert.rejects(tryClear(cluster, { options }), LockedError);
  assert.deepEqual(await cluster.node('node2').snapshots(), [cluster.tagOf(id)]);
});

test('a node that is away is named, one whose Cassandra is down keeps its snapshots, and the others are done', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 3 });
  for (const { host } of cluster.nodes) {
    await cluster.node(host).takeSnapshot(cluster.tagOf('20250101T000000Z'));
  }
  cluster.node('node2').up = false;
  const { connect } = cluster.parts;
  const away = {
    connect: async (host: string, signal: AbortSignal) => (host === 'node3' ? assert.fail('no route') : connect(host, signal)),
  };
  const request = { owner, operation: 'clear', timeoutSeconds: 0, listen: () => undefined };
  const options = { hosts: cluster.hosts, wish: nothing, dryRun: false };
  const result = await clearLeftovers(options, async () => true, { ...cluster.parts, ...away, lockRequest: request }, never);
  assert.deepEqual(result?.absent, [{ host: 'node3', reason: 'no route' }]);
  assert.deepEqual(fates(result), ['node1 snapshot removed', 'node2 snapshot kept']);
  const list = await leftovers({ hosts: [], wish: nothing }, cluster.parts, never);
  assert.deepEqual([list.found, list.warnings], [[], ['no nodes are named: only the location was looked at']]);
});

test('nodetool that says it has cleared a snapshot and has not is not believed', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 1 });
  const node = cluster.node('node1');
  await node.takeSnapshot(cluster.tagOf('20250101T000000Z'));
  node.remote.on(clearing, says(''));
  const { found } = await clear(cluster);
  assert.match(found[0]?.error ?? '', /node1: nodetool clearsnapshot has left snapshot /);
});

test('what restores have left: staging goes, what was moved aside only by name, and links lead nowhere', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 1 });
  const node = cluster.node('node1');
  const root = dirname(node.data);
  const staging = join(root, 'sstash_restore');
  await plant(join(staging, 'shop/users-1/nb-1-big-Data.db'), 'rows');
  await utimes(join(staging, 'shop'), longAgo, longAgo);
  const outside = join(root, 'precious');
  await plant(join(outside, 'data'), 'precious');
  await symlink(outside, join(staging, 'shop/users-1/linked'));
  await lutimes(join(staging, 'shop/users-1/linked'), longAgo, longAgo);
  await utimes(join(staging, 'shop/users-1'), longAgo, longAgo);
  await plant(join(staging, '.sstash-restore'), 's3://b/x/1\n');
  await mkdir(join(node.data, '.sstash-staging'));
  await symlink(join(outside), join(node.data, '.sstash-staging/restore-0123456789ab'));
  await plant(join(node.data, '.sstash-grace.abcdefgh'), 'x');
  await plant(join(node.data, '.sstash-placed'), '');
  await plant(join(node.live(users), 'snapshots/before-restore-R1/nb-1-big-Data.db'), 'old rows');
  await plant(join(root, 'commitlog/before-restore-R1/CommitLog.log'), 'log');
  await plant(join(node.data, '.sstash-undo/R1/phase'), 'placed\n');
  await plant(join(node.data, '.sstash-undo/R1/plan'), '');
  await plant(join(node.data, '.sstash-undo/R2/phase'), 'placing\n');
  await plant(join(node.data, '.sstash-undo/R2/plan'), '');
  // A restore that broke off in the middle needs what is staged.
  assert.deepEqual(fates(await clear(cluster, { undoData: ['R2'] })), [
    'node1 undo kept',
    'node1 undo kept',
    'node1 staging kept',
    'node1 temporary removed',
  ]);
  await plant(join(node.data, '.sstash-undo/R2/phase'), 'undone\n');
  // What an operator calls so, and no restore can have called so.
  const operators = ['before-restore-20261130T214522X', 'restored-20261199T000000Z', 'before-restore-the-upgrade'];
  for (const name of operators) {
    await plant(join(node.live(users), 'snapshots', name, 'nb-1-big-Data.db'), 'of the operator');
  }
  const result = await clear(cluster, { undoData: ['R1'] });
  assert.deepEqual(fates(result), ['node1 undo removed', 'node1 undo kept', 'node1 staging removed']);
  assert.deepEqual(result.found[0]?.bytes, 'old rows'.length + 'log'.length + 'placed\n'.length);
  assert.equal(result.found[1]?.bytes, 'undone\n'.length);
  assert.ok((result.found[1]?.ageSeconds ?? 0) > 3600, `its journal is from ${longAgo.toISOString()}`);
  assert.equal(result.found[2]?.belongsTo, 'a restore of s3://b/x/1');
  assert.deepEqual((await readdir(root)).includes('sstash_restore'), false);
  assert.deepEqual(await readdir(outside), ['data']);
  assert.deepEqual(await readdir(join(node.data, '.sstash-undo')), ['R2']);
  assert.deepEqual((await readdir(node.data)).filter((name) => name.startsWith('.')).toSorted(), [
    '.sstash-lock',
    '.sstash-placed',
    '.sstash-staging',
    '.sstash-undo',
  ]);
  assert.deepEqual((await readdir(join(node.live(users), 'snapshots'))).toSorted(), operators.toSorted());
  assert.deepEqual(await readdir(join(root, 'commitlog')), []);
});

/** Another process that has a lock, and says so, until its input ends. */
function holding(path: string) {
  const words = ['-c', 'exec flock "$1" sh -c "echo held; read -r _"', 'sh', path];
  return spawn('sh', words, { stdio: ['pipe', 'pipe', 'ignore'] });
}

test('a directory for the journal of a restore that died while it began is named by its moment, and goes', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 1 });
  const { data } = cluster.node('node1');
  const id = '20261121T030008Z';
  await plant(join(data, '.sstash-undo', id, 'plan'), 'host\tnode1\t\n');
  await plant(join(data, '.sstash-undo/notes/plan'), 'of the operator');
  assert.deepEqual(fates(await clear(cluster)), ['node1 undo kept']);
  assert.deepEqual(fates(await clear(cluster, { undoData: [id] })), ['node1 undo removed']);
  assert.deepEqual(await readdir(join(data, '.sstash-undo')), ['notes']);
});

test('where a restore is at work on a node nothing of restores is touched', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 1 });
  const node = cluster.node('node1');
  const staging = join(dirname(node.data), 'sstash_restore');
  await plant(join(staging, '.sstash-restore'), 's3://b/x/1\n');
  await plant(join(node.data, '.sstash-grace.abcdefgh'), 'x');
  await plant(join(node.data, '.sstash-undo/R1/phase'), 'placed\n');
  await plant(join(node.data, '.sstash-undo/R1/plan'), '');
  await writeFile(join(node.data, '.sstash-lock'), '');
  const holder = holding(join(node.data, '.sstash-lock'));
  t.after(() => holder.kill());
  await once(holder.stdout, 'data');
  const { found } = await clear(cluster, { undoData: ['R1'] });
  assert.deepEqual(
    found.map(({ because }) => because),
    Array.from({ length: 3 }, () => 'a restore is at work on the node'),
  );
  // One that begins between the look and the clearing.
  holder.stdin.end('\n');
  await once(holder, 'close');
  let busy: ReturnType<typeof spawn> | undefined;
  t.after(() => busy?.kill());
  let looks = 0;
  cluster.store.hook = async ({ verb, key }) => {
    if (verb === 'list' && key === 'reading/' && (looks += 1) === 2) {
      const again = holding(join(node.data, '.sstash-lock'));
      busy = again;
      await once(again.stdout, 'data');
    }
  };
  const late = await clear(cluster, { undoData: ['R1'] });
  assert.deepEqual(
    late.found.map(({ kind, error }) => [kind, error?.slice('node1: '.length).replace(/ \(.*/, '')]),
    [
      ['undo', 'a restore is at work there, or nobody can say whether one is'],
      ['staging', 'a restore is at work there, or nobody can say whether one is'],
      ['temporary', 'a restore is at work there, or nobody can say whether one is'],
    ],
  );
});

test('in the location marks of backups, forgotten probes and what was never finished go', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 1 });
  const { id } = await cluster.backUp();
  await cluster.store.put(inProgressKey({ id }), Buffer.from(JSON.stringify(progressOf({ id }))), {}, never);
  await cluster.store.put('sstash-probe-01234567', Buffer.from('x'), {}, never);
  await cluster.store.put('sstash-probe-notes.txt', Buffer.from('mine'), {}, never);
  await cluster.store.put('reading/01234567-0123-0123-0123-0123456789ab.json', Buffer.from('{}'), {}, never);
  const base = new URL(cluster.store.url).pathname;
  const key = Buffer.from(`${id}/node1/half`).toString('base64url');
  const half = join(base, `.sstash-tmp/01234567-0123-0123-0123-0123456789ab.${key}`);
  await plant(half, 'half');
  assert.deepEqual(fates(await clear(cluster)), [
    'location mark removed',
    'location reading kept',
    'location probe kept',
    'location upload kept',
  ]);
  const days = new Date(Date.now() - 2 * 86_400_000);
  for (const path of ['sstash-probe-01234567', 'reading/01234567-0123-0123-0123-0123456789ab.json']) {
    await utimes(join(base, path), days, days);
  }
  await utimes(half, days, days);
  const { found } = await clear(cluster);
  assert.deepEqual(
    found.map(({ kind, name, cleared }) => [kind, name, cleared]),
    [
      ['reading', 'reading/01234567-0123-0123-0123-0123456789ab.json', true],
      ['probe', 'sstash-probe-01234567', true],
      ['upload', `${id}/node1/half`, true],
    ],
  );
  assert.deepEqual(fates(await clear(cluster)), []);
  assert.deepEqual(await cluster.keys('sstash-probe'), ['sstash-probe-notes.txt']);
  assert.deepEqual(await cluster.listing(), [`${id} complete`]);
  assert.ok((await bytesOf(cluster.store.get(`${id}/manifest.json`, {}, never))).byteLength > 0);
});
