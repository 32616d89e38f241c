/** A run that breaks off at some step: what is left says so, and nobody takes it for a backup. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../../../src/model/events.ts';
import { NotFoundError, StorageError } from '../../../../src/model/errors.ts';
import { planBackup } from '../../../../src/operations/backup/dry-run.ts';
import { chooseBackup } from '../../../../src/operations/choose-backup.ts';
import { inProgressKey, nodeManifestKey } from '../../../../src/storage/keys.ts';
import { lockKey } from '../../../../src/storage/location-keys.ts';
import type { Call } from '../../../support/hooked-store.ts';
import { never } from '../../../support/never.ts';
import { storeLike } from '../../../support/one-node.ts';
import { type ScriptedCluster, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { beforehand, fails, hangs, program } from '../../../support/scripted-remote.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const snapshot = program('nodetool', 'snapshot');
const clearing = program('nodetool', 'clearsnapshot');
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

/** An interrupt at the first event of the store that this holds of. */
function interruptAt(cluster: ScriptedCluster, holds: (call: Call) => boolean): AbortSignal {
  const abort = new AbortController();
  cluster.store.hook = (call) => {
    if (holds(call)) {
      abort.abort(interrupt);
    }
  };
  return abort.signal;
}

test('interrupted with everything stored but what commits it, it is not a backup yet', async (t) => {
  const cluster = await scriptedCluster(t);
  const signal = interruptAt(cluster, ({ verb, key }) => verb === 'put' && key.endsWith('/schema.cql'));
  await assert.rejects(cluster.backUp({}, { signal }), interrupt);
  const id = await assertBrokenOff(cluster, 'interrupted');
  assert.deepEqual(await cluster.node('node1').snapshots(), [cluster.tagOf(id)]);
});

test('interrupted at its last object it is complete: the result says so, and which snapshot stays where', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const signal = interruptAt(cluster, ({ verb, key }) => verb === 'put' && key.endsWith('/manifest.json'));
  const result = await cluster.backUp({}, { signal });
  assert.deepEqual([result.complete, result.interrupted], [true, true]);
  const tag = cluster.tagOf(result.id);
  assert.deepEqual(result.warnings.slice(0, 2), [
    `node1: snapshot ${tag} could not be cleared: interrupted`,
    `node2: snapshot ${tag} could not be cleared: interrupted`,
  ]);
  assert.match(result.warnings.at(-1) ?? '', /^interrupted: backup \S+ is committed all the same/);
  assert.deepEqual(await cluster.listing(), [`${result.id} complete`]);
  assert.deepEqual(await cluster.keys(lockKey()), [], 'the lock is free');
  assert.deepEqual(await cluster.node('node1').snapshots(), [tag]);

  cluster.store.hook = () => undefined;
  const next = await cluster.backUp();
  assert.deepEqual([next.complete, next.interrupted, next.warnings], [true, undefined, []]);
  assert.deepEqual(await Promise.all(cluster.nodes.map((node) => node.snapshots())), [[], []]);
});

test('a backup whose mark cannot be removed is complete, and its snapshots are cleared', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.store.hook = ({ verb, key }) => {
    if (verb === 'delete' && key.endsWith('/in-progress.json')) {
      throw new StorageError('access denied', { key });
    }
  };
  const result = await cluster.backUp();
  assert.deepEqual(
    [result.complete, result.warnings],
    [true, ['the mark of the run could not be removed, which nobody minds: access denied']],
  );
  assert.deepEqual(await cluster.listing(), [`${result.id} complete`]);
  assert.deepEqual(await cluster.node('node1').snapshots(), []);
});

test('interrupted while snapshots are cleared, those that stay are named', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const abort = new AbortController();
  cluster.node('node2').remote.on(clearing, hangs());
  cluster.node('node2').remote.on(
    clearing,
    beforehand(() => abort.abort(interrupt)),
  );
  const result = await cluster.backUp({ retention: 1 }, { signal: abort.signal });
  assert.deepEqual([result.complete, result.interrupted], [true, true]);
  assert.ok(result.warnings.includes(`node2: snapshot ${cluster.tagOf(result.id)} could not be cleared: interrupted`));
});

test('with clear on failure a snapshot that cannot be cleared is named', async (t) => {
  const cluster = await scriptedCluster(t);
  const abort = new AbortController();
  const { remote } = cluster.node('node1');
  remote.on(clearing, fails('JMX is gone'));
  remote.on(reading, hangs());
  remote.on(
    reading,
    beforehand(() => abort.abort(interrupt)),
  );
  await assert.rejects(cluster.backUp({ clearOnFailure: true }, { signal: abort.signal }), interrupt);
  const id = await assertBrokenOff(cluster, 'interrupted');
  assert.match(
    cluster.warnings.join('\n'),
    new RegExp(`^node1: snapshot ${cluster.tagOf(id)} could not be cleared: .*JMX is gone`),
  );
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

for (const [what, isIt] of [
  ['last object', (key: string) => key.endsWith('/manifest.json')],
  ['seal', (key: string, body: string) => key.endsWith('/in-progress.json') && body.includes('"manifest":')],
  ['mark', (key: string) => key.endsWith('/in-progress.json')],
] as const) {
  test(`where only the answer to its ${what} was lost, the backup goes on and leaves nothing behind`, async (t) => {
    let lost = false;
    const cluster = await scriptedCluster(t, {
      wrap: (store) =>
        storeLike(store, {
          put: async (key, body, ...rest) => {
            const object = await store.put(key, body, ...rest);
            if (!lost && isIt(key, body instanceof Uint8Array ? Buffer.from(body).toString() : '')) {
              lost = true;
              throw new StorageError('the answer was lost', { key, transient: true });
            }
            return object;
          },
        }),
    });
    const result = await cluster.backUp();
    assert.ok(lost);
    assert.deepEqual([result.complete, result.warnings, cluster.warnings], [true, [], []]);
    assert.deepEqual(await cluster.listing(), [`${result.id} complete`]);
    assert.deepEqual(await cluster.keys(inProgressKey(result)), []);
    assert.deepEqual(await cluster.node('node1').snapshots(), []);
  });
}

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
