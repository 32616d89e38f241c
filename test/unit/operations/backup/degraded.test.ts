/** A node is down and the others hold enough: the backup is committed, says what it lacks, and nothing stands still for it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { LockedError, NotFoundError, RemoteError, UsageError } from '../../../../src/model/errors.ts';
import { stateOf } from '../../../../src/model/backup/backup.ts';
import { tableFilter } from '../../../../src/model/options/table-filter.ts';
import { planBackup } from '../../../../src/operations/backup/dry-run.ts';
import type { BackupParts } from '../../../../src/operations/backup/options.ts';
import { everyTable } from '../../../../src/storage/backups/node-manifest-format.ts';
import { backupManifestKey, inProgressKey, nodeManifestKey } from '../../../../src/storage/keys.ts';
import { textOf } from '../../../support/bodies.ts';
import { tableOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { cql, fails, onCall, program, says } from '../../../support/scripted-remote.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);
const snapshot = program('nodetool', 'snapshot');
const broken = 'cat: Input/output error';

/** Three nodes with as many copies of each row. */
async function threefold(t: TestContext): Promise<ScriptedCluster> {
  return scriptedCluster(t, { nodes: 3, copies: 3 });
}

/** Who wants to reach one of these hosts is refused. */
function without({ parts }: ScriptedCluster, ...hosts: readonly string[]): { readonly parts: Partial<BackupParts> } {
  const connect: BackupParts['connect'] = async (host, signal) => {
    if (hosts.includes(host)) {
      throw new RemoteError(`${host}: connection refused`, { host, transient: true });
    }
    return parts.connect(host, signal);
  };
  return { parts: { connect } };
}

async function manifestOf(cluster: ScriptedCluster, id: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await textOf(cluster.store, backupManifestKey({ id }))) as Readonly<Record<string, unknown>>;
}

test('a node that cannot be reached makes the backup degraded, and it is committed', async (t) => {
  const cluster = await threefold(t);
  const result = await cluster.backUp({}, without(cluster, 'node3'));
  assert.deepEqual([result.state, result.complete, result.shortfall, result.ringNodes], ['degraded', false, [], undefined]);
  assert.deepEqual(await cluster.listing(), [`${result.id} degraded, node3: node3: connection refused`]);
  const { format, state, missing, thin, ringNodes } = await manifestOf(cluster, result.id);
  assert.deepEqual([format, state, ringNodes], [2, 'degraded', undefined]);
  // Nobody has told yet which member of the ring node3 is.
  assert.deepEqual(missing, [{ host: 'node3', hostId: '', reason: 'node3: connection refused' }]);
  assert.deepEqual(thin, [{ keyspace: 'shop', share: 100 }]);
  assert.deepEqual(await cluster.keys(inProgressKey(result)), []);
});

test('a missing node is known by its host id where an earlier backup has its name', async (t) => {
  const cluster = await threefold(t);
  await cluster.backUp();
  // Again without it: a backup or run that did not reach it either takes nothing away from that.
  for (const require of ['quorum', 'all', 'quorum'] as const) {
    const { missing } = await cluster.backUp({ require }, without(cluster, 'node3'));
    assert.deepEqual(
      missing.map(({ hostId }) => hostId),
      [cluster.node('node3').node.hostId],
    );
  }
});

test('whatever a node fails for, it is a missing one: nodetool, a file that cannot be read, Cassandra that is down', async (t) => {
  for (const breakIt of [
    (cluster: ScriptedCluster) => cluster.node('node3').remote.on(snapshot, fails('error: No space left on device')),
    (cluster: ScriptedCluster) => cluster.node('node3').remote.on(reading, fails(broken, 123)),
    (cluster: ScriptedCluster) => (cluster.node('node3').up = false),
  ]) {
    const cluster = await threefold(t);
    breakIt(cluster);
    const { state, missing, nodes } = await cluster.backUp();
    assert.deepEqual([state, missing.map(({ host }) => host)], ['degraded', ['node3']]);
    assert.equal(missing[0]?.reason, nodes.find(({ host }) => host === 'node3')?.error);
  }
});

test('two of three are no quorum, and the reason is said with the keyspace', async (t) => {
  const cluster = await threefold(t);
  const { state, shortfall } = await cluster.backUp({}, without(cluster, 'node2', 'node3'));
  assert.deepEqual([state, shortfall], ['incomplete', ['keyspace shop: 100 % of the ring is without a quorum of the replicas']]);
});

test('with one copy of each row every node is needed, and the text says why', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 3 });
  const { state, shortfall } = await cluster.backUp({}, without(cluster, 'node3'));
  assert.equal(state, 'incomplete');
  assert.match(
    shortfall[0] ?? '',
    /^keyspace shop: .* is without a quorum of the replicas, which with replication factor 1 is all of them$/,
  );
});

test('--require all commits nothing that lacks a node, any is content with one replica of each range', async (t) => {
  const cluster = await threefold(t);
  const all = await cluster.backUp({ require: 'all' }, without(cluster, 'node3'));
  assert.deepEqual([all.state, all.shortfall], ['incomplete', ['every node is required (--require all)']]);
  const any = await cluster.backUp({ require: 'any' }, without(cluster, 'node2', 'node3'));
  assert.equal(any.state, 'degraded');
});

test('a dry run says what it would come to without the nodes that do not answer', async (t) => {
  for (const [copies, foreseen] of [
    [3, /^without node3 the backup would be degraded: the others hold replicas enough/],
    [1, /^without node3 the backup would not be committed: keyspace shop: .* is without a quorum of the replicas/],
  ] as const) {
    const cluster = await scriptedCluster(t, { nodes: 3, copies });
    const plan = await planBackup(cluster.backupOptions(), { ...cluster.parts, ...without(cluster, 'node3').parts }, never);
    assert.match(plan.warnings.join('\n'), foreseen);
    assert.deepEqual((await planBackup(cluster.backupOptions(), cluster.parts, never)).warnings, []);
  }
});

test('a system keyspace counts only where -K names it; what it lacks is a warning', async (t) => {
  const roles = tableOf('system_auth', 'roles', 7);
  const cluster = await threefold(t);
  for (const node of cluster.nodes) {
    node.view = { ...node.view, tables: [...node.view.tables, roles] };
    await node.writeSSTable(roles, 1);
    const row = JSON.stringify({
      keyspace_name: 'system_auth',
      replication: { class: 'org.apache.cassandra.locator.SimpleStrategy', replication_factor: '1' },
    });
    node.remote.on(cql('keyspace_name, replication FROM'), says(` [json]\n------\n ${row}\n\n(1 rows)\n`));
  }
  const plain = await cluster.backUp({}, without(cluster, 'node3'));
  assert.equal(plain.state, 'degraded');
  assert.match(
    plain.warnings.join('\n'),
    /keyspace system_auth: .* without a quorum of the replicas, .*; it is not named with -K/,
  );
  assert.deepEqual(
    plain.thin.map(({ keyspace }) => keyspace),
    ['shop', 'system_auth'],
  );
  const named = await cluster.backUp({ filter: tableFilter(['shop', 'system_auth']) }, without(cluster, 'node3'));
  assert.deepEqual([named.state, named.shortfall.length], ['incomplete', 1]);
});

test('a host of another cluster is no missing node: nothing is committed', async (t) => {
  const cluster = await threefold(t);
  const hostId = '0000000f-0000-4000-8000-000000000000';
  cluster.node('node3').remote.on(program('nodetool', 'info'), says(`ID : ${hostId}\nData Center : dc1\nRack : rack1\n`));
  const { state, shortfall } = await cluster.backUp();
  assert.deepEqual([state, shortfall], ['incomplete', ['node3 can be no member of the cluster Test Cluster']]);
});

test('nodes that --hosts leaves out are not missing', async (t) => {
  const cluster = await threefold(t);
  const result = await cluster.backUp({ hosts: ['node1', 'node2'] });
  assert.deepEqual([result.state, result.ringNodes], ['complete', 3]);
});

test('an incremental backup that lacks a node takes the files of the others only, and the next one has those of all', async (t) => {
  const cluster = await threefold(t);
  cluster.nodes.forEach((node) => (node.keepsIncrementals = true));
  const parent = await cluster.backUp();
  await Promise.all(cluster.nodes.map((node) => node.writeSSTable(users, 2)));
  cluster.node('node3').remote.on(reading, onCall(1, fails(broken, 123)));
  const first = await cluster.backUp();
  assert.deepEqual([first.kind, first.state], ['incremental', 'degraded']);
  const second = await cluster.backUp();
  assert.deepEqual([second.kind, second.parent, second.state], ['incremental', parent.id, 'complete']);
  assert.deepEqual(
    second.nodes.map(({ files }) => files),
    [0, 0, 5],
  );
});

test('it is a parent for the nodes that it has; when the missing one is up again a snapshot follows', async (t) => {
  const cluster = await threefold(t);
  cluster.nodes.forEach((node) => (node.keepsIncrementals = true));
  const whole = await cluster.backUp();
  const degraded = await cluster.backUp({}, without(cluster, 'node3'));
  assert.deepEqual([degraded.kind, degraded.state], ['snapshot', 'degraded']);
  const next = await cluster.backUp({}, without(cluster, 'node3'));
  assert.deepEqual([next.kind, next.parent, next.state], ['incremental', degraded.id, 'degraded']);
  const again = await cluster.backUp();
  assert.deepEqual([again.kind, again.state], ['snapshot', 'complete']);
  assert.equal(again.reason, `the last snapshot backup ${degraded.id} is degraded, and nodes that it lacks are up again`);
  assert.notEqual(again.id, whole.id);
  assert.equal((await cluster.backUp()).parent, again.id);
});

test('what a missing node had stored before it failed is not sent again by the next backup', async (t) => {
  const cluster = await threefold(t);
  const whole = await cluster.backUp();
  await cluster.backUp({ kind: 'snapshot' }, without(cluster, 'node3'));
  const again = await cluster.backUp();
  assert.deepEqual([again.state, again.nodes.map(({ newFiles }) => newFiles)], ['complete', [0, 0, 0]]);
  const { tables } = (await cluster.repository.nodeManifest(again, 'node3', everyTable, never)) ?? assert.fail();
  assert.deepEqual([...new Set(tables.flatMap(({ files }) => files.map(({ since }) => since)))], [whole.id]);
});

test('retention goes on after a degraded backup, and keeps the last complete one', async (t) => {
  const cluster = await threefold(t);
  const whole = await cluster.backUp();
  const first = await cluster.backUp({ kind: 'snapshot', retention: 1 }, without(cluster, 'node3'));
  const second = await cluster.backUp({ kind: 'snapshot', retention: 1 }, without(cluster, 'node3'));
  assert.deepEqual(
    (await cluster.repository.backups(never)).map((each) => [each.id, stateOf(each)]),
    [
      [whole.id, 'complete'],
      [second.id, 'degraded'],
    ],
    `${first.id} is gone`,
  );
  const third = await cluster.backUp({ retention: 1 });
  assert.deepEqual(await cluster.listing(), [`${third.id} complete`]);
});

test('a degraded backup that goes while its missing node is away leaves a word of the snapshot there', async (t) => {
  const cluster = await threefold(t);
  cluster.node('node3').remote.on(reading, onCall(1, fails(broken, 123)));
  const first = await cluster.backUp();
  const { warnings } = await cluster.backUp({ kind: 'snapshot', retention: 1 }, without(cluster, 'node3'));
  assert.deepEqual(await cluster.node('node3').snapshots(), [cluster.tagOf(first.id)]);
  assert.equal(
    warnings.join(),
    `node3: a snapshot ${cluster.tagOf(first.id)} may have been left there (nodetool clearsnapshot -t ${cluster.tagOf(first.id)} clears it)`,
  );
});

test('--resume adds the node that was missing, with the time of its own snapshot, and leaves the others alone', async (t) => {
  const cluster = await threefold(t);
  const degraded = await cluster.backUp({}, without(cluster, 'node3'));
  const schema = await textOf(cluster.store, `${degraded.id}/schema.cql`);
  cluster.store.calls.length = 0;
  const result = await cluster.backUp({ resume: true });
  assert.deepEqual([result.id, result.state, result.nodes.length], [degraded.id, 'complete', 3]);
  assert.equal(result.reason, `asked for by --resume; adding nodes to ${degraded.id}`);
  assert.deepEqual(result.warnings, []);
  assert.deepEqual(await cluster.listing(), [`${degraded.id} complete`]);
  const { format, state, missing, nodes } = await manifestOf(cluster, degraded.id);
  assert.deepEqual([format, state, missing], [1, undefined, undefined]);
  const takenAt = (nodes as readonly { readonly takenAt?: string }[]).map((node) => node.takenAt);
  const own = await cluster.repository.nodeManifest(degraded, 'node3', everyTable, never);
  assert.deepEqual(takenAt, [undefined, undefined, own?.takenAt]);
  assert.equal(await textOf(cluster.store, `${degraded.id}/schema.cql`), schema);
  for (const host of ['node1', 'node2']) {
    assert.equal(cluster.node(host).remote.ran(snapshot).length, 1);
  }
  assert.deepEqual(
    cluster.store.calls.filter(({ verb, key }) => verb === 'put' && !/\/node3\/|^lock/.test(key)).map(({ key }) => key),
    [backupManifestKey(degraded)],
  );
  assert.deepEqual(await cluster.node('node3').snapshots(), []);
});

test('of two that were missing one may come first, and the backup stays degraded until the other is there', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 5, copies: 5 });
  const degraded = await cluster.backUp({}, without(cluster, 'node4', 'node5'));
  const one = await cluster.backUp({ resume: true }, without(cluster, 'node5'));
  assert.deepEqual([one.state, one.missing.map(({ host }) => host)], ['degraded', ['node5']]);
  // Only the node that is to be added need be named.
  const both = await cluster.backUp({ resume: true, resumeId: degraded.id, hosts: ['node1', 'node5'] });
  assert.deepEqual([both.id, both.state, both.nodes.length], [degraded.id, 'complete', 5]);
});

test('a node that is still missing, or that fails once more, leaves the degraded backup as it was', async (t) => {
  const cluster = await threefold(t);
  const degraded = await cluster.backUp({}, without(cluster, 'node3'));
  const before = await manifestOf(cluster, degraded.id);
  await assert.rejects(
    cluster.backUp({ resume: true }, without(cluster, 'node3')),
    new RegExp(`none of the nodes that ${degraded.id} lacks can be added: node3: node3: connection refused`),
  );
  cluster.node('node3').remote.on(reading, onCall(1, fails(broken, 123)));
  const failed = await cluster.backUp({ resume: true });
  assert.deepEqual([failed.id, failed.state], [degraded.id, 'degraded']);
  assert.deepEqual(await manifestOf(cluster, degraded.id), before);
  assert.deepEqual(await cluster.keys(nodeManifestKey(degraded, 'node3')), []);
  assert.deepEqual(await cluster.keys(inProgressKey(degraded)), []);
  assert.equal((await cluster.backUp({ resume: true })).state, 'complete');
});

test('a node is not added once a table of the backup was dropped: the parts of the others hold it', async (t) => {
  const cluster = await threefold(t);
  const degraded = await cluster.backUp({}, without(cluster, 'node3'));
  cluster.nodes.forEach((node) => (node.view = { ...node.view, tables: node.view.tables.slice(1) }));
  const later = await cluster.backUp({ resume: true });
  assert.deepEqual([later.id, later.state], [degraded.id, 'degraded']);
  assert.match(later.missing[0]?.reason ?? '', /^node3: its part lacks \S+, which other nodes hold$/);
});

test('nothing is added to what is complete, is not the newest, is older than six hours, or is of something else', async (t) => {
  const cluster = await threefold(t);
  const whole = await cluster.backUp();
  const degraded = await cluster.backUp({}, without(cluster, 'node3'));
  const resume = (resumeId?: string, changes = {}) => cluster.backUp({ resume: true, resumeId, ...changes });
  await assert.rejects(resume('b1'), NotFoundError);
  await assert.rejects(resume(degraded.id, { policy: 'weekly' }), /of another -K or of another --policy/);
  cluster.store.aheadMs = 7 * 3_600_000;
  await assert.rejects(resume(degraded.id, { allowClockSkew: true }), /older than 6 h/);
  await assert.rejects(resume(undefined, { allowClockSkew: true }), NotFoundError);
  cluster.store.aheadMs = 0;
  await assert.rejects(resume(whole.id), (error) => error instanceof UsageError && error.message.includes('came after it'));
  await assert.rejects(resume(degraded.id, { selfContained: true }), /points at objects of earlier backups/);
  const added = await resume(degraded.id);
  await assert.rejects(resume(added.id), /it is complete/);
});

test('a manifest that another run has changed meanwhile is not written over', async (t) => {
  const cluster = await threefold(t);
  const degraded = await cluster.backUp({}, without(cluster, 'node3'));
  const key = backupManifestKey(degraded);
  const other = { ...(await manifestOf(cluster, degraded.id)), writtenBy: 'somebody else' };
  cluster.node('node3').remote.on(snapshot, async function* (_, next) {
    await cluster.store.put(key, Buffer.from(JSON.stringify(other)), {}, never);
    yield* next();
  });
  await assert.rejects(cluster.backUp({ resume: true }), LockedError);
  assert.deepEqual(await manifestOf(cluster, degraded.id), other);
  assert.deepEqual(await cluster.keys(inProgressKey(degraded)), []);
});
