/** A run that breaks off at some step: what is left says so, and nobody takes it for a backup. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../../../src/model/events.ts';
import { LockedError, NotFoundError, StorageError } from '../../../../src/model/errors.ts';
import { planBackup } from '../../../../src/operations/backup/dry-run.ts';
import { chooseBackup } from '../../../../src/operations/choose-backup.ts';
import { backupManifestKey, inProgressKey, lockKey, nodeManifestKey } from '../../../../src/storage/keys.ts';
import { never } from '../../../support/never.ts';
import { storeLike } from '../../../support/one-node.ts';
import { type ScriptedCluster, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { beforehand, hangs, program } from '../../../support/scripted-remote.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const snapshot = program('nodetool', 'snapshot');
const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);
const interrupt = new Error('interrupted');

/** The one run of the location is not complete, for this reason on every node, and `latest` is nothing. */
async function assertBrokenOff(cluster: ScriptedCluster, reason: string): Promise<string> {
  const [run = '', ...others] = await cluster.listing();
  const [id = ''] = run.split(' ');
  assert.deepEqual(others, []);
  assert.equal(run, `${id} ${cluster.hosts.map((host) => `${host} failed: ${reason}`).join(', ')}`);
  await assert.rejects(chooseBackup(cluster.parts, { name: 'latest' }, never), NotFoundError);
  return id;
}

test('interrupted while snapshots are taken, the mark says so, and people hear what is left on the nodes', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const abort = new AbortController();
  const { remote } = cluster.node('node2');
  remote.on(snapshot, hangs());
  remote.on(
    snapshot,
    beforehand(() => abort.abort(interrupt)),
  );
  await assert.rejects(cluster.backUp({}, { signal: abort.signal }), interrupt);
  const id = await assertBrokenOff(cluster, 'interrupted');
  assert.deepEqual(cluster.warnings, [
    `backup ${id} is not complete; the same command goes on with it; its snapshots (${cluster.tagOf(id)}) stay on the nodes until then`,
  ]);
  assert.deepEqual(await cluster.keys(lockKey()), [], 'the lock is free');
});

test('what a result would have warned of is said when there is none', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const abort = new AbortController();
  cluster.node('node1').remote.on(reading, hangs());
  cluster.node('node1').remote.on(
    reading,
    beforehand(() => abort.abort(interrupt)),
  );
  await assert.rejects(cluster.backUp({ hosts: ['node1'] }, { signal: abort.signal }), interrupt);
  assert.match(cluster.warnings.join('\n'), /the ring has 2 nodes; not named and not backed up: /);
});

test('interrupted in the middle of an upload, what other nodes have finished stays', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const abort = new AbortController();
  cluster.node('node2').remote.on(reading, hangs());
  const listen = (event: Event) => {
    if (event.type === 'node' && event.host === 'node1' && event.state === 'done') {
      abort.abort(interrupt);
    }
  };
  await assert.rejects(cluster.backUp({}, { parts: { listen }, signal: abort.signal }), interrupt);
  const id = await assertBrokenOff(cluster, 'interrupted');
  assert.equal((await cluster.keys(nodeManifestKey({ id }, 'node1'))).length, 1);
  assert.deepEqual(await cluster.keys(nodeManifestKey({ id }, 'node2')), []);
  assert.deepEqual(await cluster.node('node2').snapshots(), [cluster.tagOf(id)]);
});

test('interrupted with everything stored but the last object, it is not a backup yet', async (t) => {
  const cluster = await scriptedCluster(t);
  const abort = new AbortController();
  cluster.store.hook = ({ verb, key }) => {
    if (verb === 'put' && key === backupManifestKey({ id: key.split('/')[0] ?? '' })) {
      abort.abort(interrupt);
    }
  };
  await assert.rejects(cluster.backUp({}, { signal: abort.signal }), interrupt);
  const id = await assertBrokenOff(cluster, 'interrupted');
  assert.deepEqual(await cluster.node('node1').snapshots(), [cluster.tagOf(id)]);
});

test('with clear on failure an interrupt leaves no snapshot, and promises nothing', async (t) => {
  const cluster = await scriptedCluster(t);
  const abort = new AbortController();
  cluster.node('node1').remote.on(reading, hangs());
  cluster.node('node1').remote.on(
    reading,
    beforehand(() => abort.abort(interrupt)),
  );
  await assert.rejects(cluster.backUp({ clearOnFailure: true }, { signal: abort.signal }), interrupt);
  await assertBrokenOff(cluster, 'interrupted');
  assert.deepEqual(await cluster.node('node1').snapshots(), []);
  assert.deepEqual(cluster.warnings, []);
});

test('where only the answer to the last object was lost, the backup counts and the next one builds upon it', async (t) => {
  let lost = false;
  const cluster = await scriptedCluster(t, {
    wrap: (store) =>
      storeLike(store, {
        put: async (key, ...rest) => {
          const object = await store.put(key, ...rest);
          if (!lost && key === backupManifestKey({ id: key.split('/')[0] ?? '' })) {
            lost = true;
            throw new StorageError('the answer was lost', { key, transient: true });
          }
          return object;
        },
      }),
  });
  await assert.rejects(cluster.backUp(), /the answer was lost/);
  const [first = ''] = await cluster.listing();
  assert.match(first, / complete$/);
  assert.deepEqual(cluster.warnings, [], 'nobody is told that it is not complete');
  const second = await cluster.backUp();
  assert.deepEqual([second.complete, second.nodes[0]?.newFiles], [true, 0]);
});

test('a lock that is lost while files travel keeps the backup from being committed', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.node('node1').remote.on(
    reading,
    beforehand(() => cluster.store.delete([lockKey()], never)),
  );
  await assert.rejects(cluster.backUp(), (error) => error instanceof LockedError && error.message === 'the lock was removed');
  await assertBrokenOff(
    cluster,
    'the lock was removed (what was done so far is kept; run the command again when nobody else works on this location)',
  );
});

test('a store that fails in the middle of one node breaks that node off, not the run', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.store.hook = ({ verb, key }) => {
    if (verb === 'put' && key.includes('/node2/shop/')) {
      throw new StorageError('the bucket is full', { key });
    }
  };
  const result = await cluster.backUp();
  assert.deepEqual(await cluster.listing(), [`${result.id} node1 done, node2 failed: the bucket is full`]);
});

test('nothing is touched on the nodes when the mark cannot be written', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.store.hook = ({ verb, key }) => {
    if (verb === 'put' && key === inProgressKey({ id: key.split('/')[0] ?? '' })) {
      throw new StorageError('access denied', { key });
    }
  };
  await assert.rejects(cluster.backUp(), /access denied/);
  assert.deepEqual(await cluster.keys(), []);
  assert.deepEqual(cluster.node('node1').remote.ran(snapshot), []);
});

test('a dry run says what would be done, and asks only', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const plan = await planBackup(cluster.backupOptions(), cluster.parts, never);
  assert.deepEqual(
    plan.nodes.map(({ host, files, error }) => [host, files, error]),
    [
      ['node1', 10, undefined],
      ['node2', 10, undefined],
    ],
  );
  assert.deepEqual(Object.keys(plan.nodes[0]?.bytesByTable ?? {}).toSorted(), ['shop.orders', `shop.${users.table}`]);
  assert.deepEqual([...new Set(cluster.store.calls.map(({ verb }) => verb))], ['directories']);
  const verbs = cluster.nodes.flatMap(({ remote }) => remote.ran(program('nodetool')));
  assert.deepEqual([...new Set(verbs)].toSorted(), ['nodetool info -T', 'nodetool ring', 'nodetool statusbackup']);
});

test('a dry run names the node whose disk is too full for a snapshot', async (t) => {
  const cluster = await scriptedCluster(t);
  const plan = await planBackup(cluster.backupOptions({ minFreePercent: 60 }), cluster.parts, never);
  assert.match(plan.nodes[0]?.error ?? '', /^no snapshot would be taken: /);
});
