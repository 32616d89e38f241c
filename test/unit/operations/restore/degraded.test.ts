/** A backup that lacks a node, and what comes back of it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { tableFilter } from '../../../../src/model/options/table-filter.ts';
import type { RestoreOptions } from '../../../../src/operations/restore/options.ts';
import { tableOf } from '../../../support/manifests.ts';
import { fails, onCall, program } from '../../../support/scripted-remote.ts';
import { type RestoreStory, serviceStory } from '../../../support/scripted-restore.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);

/** Three nodes with as many copies of each row, a complete backup, and a degraded one without node3. */
async function degradedStory(t: TestContext) {
  const story = await serviceStory(t, 3, 3);
  const { cluster } = story;
  const whole = await cluster.backUp();
  cluster.node('node3').remote.on(program('nodetool', 'snapshot'), onCall(1, fails('error: it hangs')));
  const degraded = await cluster.backUp({ kind: 'snapshot' });
  assert.equal(degraded.state, 'degraded');
  return { story, cluster, whole, degraded };
}

async function planned(story: RestoreStory, changes: Partial<RestoreOptions>) {
  const result = await story.restore({ dryRun: true, ...changes });
  return result ?? assert.fail();
}

test('latest is the complete one, and the degraded one when it is newer by more than is allowed; both are said', async (t) => {
  const { story, cluster, whole, degraded } = await degradedStory(t);
  const plan = await planned(story, {});
  assert.equal(plan.backup, whole.id);
  assert.match(
    cluster.warnings.join('\n'),
    new RegExp(`latest is the complete backup ${whole.id}; the degraded one ${degraded.id} \\(without node3\\)`),
  );
  const other = await planned(story, { choice: { name: 'latest', maxDegradedAgeSeconds: 0 } });
  assert.equal(other.backup, degraded.id);
  assert.match(cluster.warnings.join('\n'), new RegExp(`latest is the degraded backup ${degraded.id} \\(without node3\\)`));
});

test('the plan says what it lacks and why, which ranges are thin, and offers repair', async (t) => {
  const { story, degraded } = await degradedStory(t);
  const plan = await planned(story, { choice: { name: degraded.id }, method: 'import' });
  assert.deepEqual(
    plan.coverage.map((each) => ('unknown' in each ? each : [each.keyspace, each.missingShare, each.thinShare])),
    [['shop', 0, 100]],
  );
  const [warning = ''] = plan.warnings;
  assert.match(
    warning,
    new RegExp(`^backup ${degraded.id} is degraded, it lacks node3 \\(nodetool snapshot failed on node3: it hangs\\)`),
  );
  assert.match(warning, /before a repair: --repair does it, or nodetool repair -full on every node; or restore by --method load/);
});

test('it is restored on the nodes that it has, though the ring has one that it lacks', async (t) => {
  const { story, cluster, degraded } = await degradedStory(t);
  const result = await story.restore({ choice: { name: degraded.id }, method: 'import' });
  assert.deepEqual(
    result?.nodes.map(({ host, error }) => [host, error]),
    [
      ['node1', undefined],
      ['node2', undefined],
    ],
  );
  assert.deepEqual(cluster.node('node3').remote.ran(program('nodetool', 'import')), []);
});

test('a schema that takes the place of the cluster’s must be on all of its nodes', async (t) => {
  const story = await serviceStory(t, 3, 3);
  const schema = tableOf('system_schema', 'tables', 9);
  for (const node of story.cluster.nodes) {
    node.view = { ...node.view, tables: [...node.view.tables, schema] };
    await node.writeSSTable(schema, 1);
  }
  story.cluster.node('node3').remote.on(program('nodetool', 'snapshot'), onCall(1, fails('error: it hangs')));
  await story.cluster.backUp();
  const filter = tableFilter(['shop', 'system_schema']);
  await assert.rejects(planned(story, { filter, method: 'node-restart' }), /the backup does not know the tokens of 10\.0\.0\.3/);
});

test('a node restart leaves the missing node as it is and says so', async (t) => {
  const { story, degraded } = await degradedStory(t);
  const plan = await planned(story, { choice: { name: degraded.id }, method: 'node-restart' });
  assert.deepEqual(plan.stops, ['node1', 'node2']);
  assert.match(plan.warnings.join('\n'), /what node3 held stays there, also what is newer than the backup/);
});

test('tables are emptied on all nodes only where all their replicas are filled', async (t) => {
  const { story, degraded } = await degradedStory(t);
  const options = { choice: { name: degraded.id }, truncate: true };
  await assert.rejects(story.restore({ ...options, method: 'import' }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.hint ?? '', /a degraded one goes to all replicas by --method load/);
    return true;
  });
  const plan = await planned(story, { ...options, method: 'load', hosts: story.cluster.hosts, filter: tableFilter(['shop']) });
  assert.match(plan.warnings.join('\n'), /they are streamed to every replica that lives now/);
});

test('an incremental backup that stands on one that lacked a node in the middle has all of that node', async (t) => {
  const story = await serviceStory(t, 3, 3);
  const { cluster } = story;
  cluster.nodes.forEach((node) => (node.keepsIncrementals = true));
  await cluster.backUp();
  const [table] = cluster.node('node3').view.tables;
  await Promise.all(cluster.nodes.map((node) => node.writeSSTable(table ?? assert.fail(), 2)));
  cluster.node('node3').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const middle = await cluster.backUp();
  await Promise.all(cluster.nodes.map((node) => node.writeSSTable(table ?? assert.fail(), 3)));
  const last = await cluster.backUp();
  assert.deepEqual([middle.state, last.kind, last.state], ['degraded', 'incremental', 'complete']);
  const plan = await planned(story, { choice: { name: last.id }, method: 'import' });
  // Two tables with an sstable of five components each in the parent, two more sstables since.
  assert.deepEqual(
    plan.nodes.map(({ files }) => files),
    [20, 20, 20],
  );
  assert.deepEqual(
    plan.coverage.map((each) => ('unknown' in each ? each : each.thinShare)),
    [0],
  );
});
