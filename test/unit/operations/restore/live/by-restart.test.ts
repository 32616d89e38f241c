/** Restores for which the nodes are stopped: from the first stop on, every failure says the way back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placingScript } from '../../../../../src/cluster/placing/placing-script.ts';
import { readDisksScript } from '../../../../../src/cluster/placing/placing.ts';
import { findServerScript, runDetachedScript } from '../../../../../src/cluster/tools/service.ts';
import { BackupError } from '../../../../../src/model/errors.ts';
import { tableFilter } from '../../../../../src/model/options/table-filter.ts';
import { openMembers } from '../../../../../src/operations/nodes/members.ts';
import { never } from '../../../../support/never.ts';
import { fails, loses, onCall, program, says, script } from '../../../../support/scripted-remote.ts';
import {
  type RestoreStory,
  restoreStory,
  serviceCalls,
  startCommand,
  stopCommand,
} from '../../../../support/scripted-restore.ts';
import { extractScript } from '../../../../../src/transfer/relay/download.ts';

const method = 'node-restart';
const stopping = script(runDetachedScript, stopCommand);
const starting = script(runDetachedScript, startCommand);

const ups = ({ cluster }: RestoreStory): readonly boolean[] => cluster.nodes.map(({ up }) => up);
const marks = ({ journals }: RestoreStory) => [...journals.values()].flatMap((own) => [...own.values()].map(({ down }) => down));

/** The restore broke off with this message, and the hint takes it back on all nodes. */
async function assertBreaksOff({ restore, cluster, journals }: RestoreStory, message: RegExp): Promise<void> {
  await assert.rejects(restore({ method }), (error) => {
    assert.ok(error instanceof BackupError);
    assert.match(error.message, message);
    const [id = ''] = journals.get('node1')?.keys() ?? [];
    assert.equal(error.hint, `back to before, nodes up again: sstash restore --undo ${id} --hosts ${cluster.hosts.join(',')}`);
    return true;
  });
}

test('nodes are drained, stopped and started again, a seed alone before the others', async (t) => {
  const story = await restoreStory(t, 3);
  const { cluster } = story;
  const result = await story.restore({ method });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(story.phases, [
    ['node1', 'placed'],
    ['node2', 'placed'],
    ['node3', 'placed'],
  ]);
  for (const node of cluster.nodes) {
    assert.deepEqual(serviceCalls(node), ['drain', stopCommand, startCommand]);
  }
  const steps = cluster.events.flatMap((event) => (event.type === 'step' ? [event.text] : []));
  assert.deepEqual(steps.slice(-5), [
    'stopping Cassandra on node1, node2, node3',
    'moving old files aside and restored ones in',
    'starting Cassandra on node1',
    'starting Cassandra on node2, node3',
    'reading the restored tables by CQL',
  ]);
});

test('a node that cannot be given its files stops nobody', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(script(extractScript), fails('tar: write error', 2));
  const result = await story.restore({ method });
  assert.match(result?.nodes[1]?.error ?? '', /tar: write error/);
  assert.equal(result?.undo, undefined);
  assert.deepEqual(story.cluster.nodes.flatMap(serviceCalls), []);
  assert.deepEqual(story.phases, [['node1'], ['node2']]);
});

test('nothing is stopped where the plan cannot be written to every node', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(script(placingScript, 'begin'), fails('flock (util-linux) is not there'));
  await assert.rejects(story.restore({ method }), /flock \(util-linux\) is not there$/);
  assert.deepEqual(story.cluster.nodes.flatMap(serviceCalls), []);
});

test('a server that cannot be drained is not stopped, and no file is moved', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(program('nodetool', 'drain'), fails('error: it hangs'));
  await assertBreaksOff(story, /^the restore broke off with nodes stopped, .*: nodetool drain failed on node2: it hangs$/);
  assert.deepEqual(story.cluster.node('node2').remote.ran(stopping), []);
  assert.deepEqual(story.phases, [
    ['node1', 'begun'],
    ['node2', 'begun'],
  ]);
});

test('a stop command that fails breaks off before a file is moved', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(stopping, fails('Failed to stop cassandra.service: Access denied'));
  await assertBreaksOff(story, /node2: stop-cassandra failed: Failed to stop cassandra\.service: Access denied/);
  assert.deepEqual(story.phases, [
    ['node1', 'begun'],
    ['node2', 'begun'],
  ]);
});

test('a server that somebody starts again while all are being stopped keeps every file where it is', async (t) => {
  const story = await restoreStory(t, 2);
  // Asked before the stop, after it, and once more when all are stopped.
  story.cluster.node('node1').remote.on(script(findServerScript), onCall(3, says('yes\n')));
  await assertBreaksOff(story, /: node1: Cassandra runs again; something starts it/);
  assert.ok(story.phases.every(([, phase]) => phase === 'begun'));
});

test('a server that dies after the plan is started again, and keeps every file where it is', async (t) => {
  const story = await restoreStory(t, 2);
  await assert.rejects(story.restore({ method }, story.diesAt(/^stopping/, 'node2')), (error) => {
    assert.ok(error instanceof BackupError);
    assert.match(
      error.message,
      /^nothing was placed: node2: Cassandra was up when .* died since.*: all nodes are up, with their old files$/,
    );
    return true;
  });
  assert.deepEqual(
    story.phases.map(([, phase]) => phase),
    ['undone', 'undone'],
  );
  assert.deepEqual(
    [ups(story), marks(story)],
    [
      [true, true],
      [false, false],
    ],
  );
});

test('files that cannot be placed on one node keep all nodes down', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(script(placingScript, 'place'), fails('cannot move a to b: it is there already'));
  await assertBreaksOff(
    story,
    /^the restore broke off with nodes stopped, and maybe half of the files in place: .*cannot move a/,
  );
  assert.deepEqual(story.phases, [
    ['node1', 'placed'],
    ['node2', 'begun'],
  ]);
  assert.deepEqual(
    story.cluster.nodes.flatMap(({ remote }) => remote.ran(starting)),
    [],
  );
});

test('so does a connection that is lost while they are placed', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(script(placingScript, 'place'), loses());
  await assertBreaksOff(story, /: the connection to node2 was lost$/);
});

test('where the first seed does not start, the others are not started either', async (t) => {
  const story = await restoreStory(t, 3);
  story.cluster.node('node1').remote.on(starting, fails('Unit cassandra.service not found.', 5));
  const result = await story.restore({ method });
  assert.match(result?.nodes[0]?.error ?? '', /^node1: start-cassandra failed: Unit cassandra\.service not found/);
  const notStarted = 'not started, since node1 did not come up';
  assert.deepEqual(
    result?.nodes.slice(1).map(({ error }) => error),
    [notStarted, notStarted],
  );
  assert.deepEqual(story.cluster.node('node2').remote.ran(starting), []);
  assert.ok(result?.undo, 'it can be taken back');
});

test('a node that does not start is named, and the others are up', async (t) => {
  const story = await restoreStory(t, 3);
  story.cluster.node('node3').remote.on(starting, fails('Unit cassandra.service not found.', 5));
  const result = await story.restore({ method });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error === undefined),
    [true, true, false],
  );
  assert.deepEqual(
    story.cluster.nodes.map(({ up }) => up),
    [true, true, false],
  );
});

test('a repair that fails is said of its node, whose rows are in place', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(program('nodetool', 'repair'), fails('error: Repair job has failed'));
  const result = await story.restore({ method, repair: true });
  assert.equal(result?.nodes[1]?.error, 'its rows are in place, but nodetool repair failed on node2: Repair job has failed');
  assert.deepEqual(story.cluster.node('node1').remote.ran(program('nodetool', 'repair')), [
    'nodetool repair -full -pr -- shop orders users',
  ]);
});

test('the remains of a restore that broke off are not built upon', async (t) => {
  const story = await restoreStory(t, 2);
  story.journals.get('node2')?.set('20261121T031500Z', { phase: 'placing', plan: 'host\tnode1\t\nhost\tnode2\t\n' });
  await assert.rejects(story.restore({ method }), (error) => {
    assert.ok(error instanceof BackupError);
    assert.equal(error.message, 'restore 20261121T031500Z broke off on node2 (placing)');
    assert.match(error.hint ?? '', /sstash restore --undo 20261121T031500Z --hosts node1,node2$/);
    return true;
  });
  assert.deepEqual(story.cluster.nodes.flatMap(serviceCalls), []);
});

test('a node that is down and does not know who it was would start as another', async (t) => {
  const story = await restoreStory(t, 2);
  const node = story.cluster.node('node2');
  node.up = false;
  node.remote.on(script(readDisksScript), says('no\n1\n1 2000000 1000000\n'));
  await assert.rejects(
    story.restore({ method, filter: tableFilter(['shop.users']) }),
    /^UsageError: node2: its data directories hold no system\.local, so it would start as a new node$/,
  );
  assert.deepEqual(serviceCalls(story.cluster.node('node1')), []);
});

const interrupts: readonly (readonly [when: string, step: RegExp, phase: string, says: RegExp, undone: boolean])[] = [
  ['while nodes are stopped', /^stopping/, 'undone', /^interrupted: all nodes are up, with their old files$/, true],
  ['while files are moved', /^moving old files aside/, 'undone', /^interrupted: all nodes are up, with their old files$/, true],
  [
    'while nodes start',
    /^starting Cassandra on node1$/,
    'placed',
    /^interrupted: all nodes are up, with the restored files$/,
    false,
  ],
];
for (const [when, step, phase, ends, undone] of interrupts) {
  test(`an interrupt ${when} leaves no node down`, async (t) => {
    const story = await restoreStory(t, 2);
    const { parts, signal } = story.interruptAt(step);
    await assert.rejects(story.restore({ method, repair: true }, parts, signal), (error) => {
      assert.ok(error instanceof BackupError);
      assert.match(error.message, ends);
      assert.equal(error.hint === undefined, undone);
      return true;
    });
    assert.deepEqual(story.phases, [
      ['node1', phase],
      ['node2', phase],
    ]);
    assert.deepEqual(ups(story), [true, true]);
    assert.deepEqual(marks(story), [false, false]);
    assert.match(story.cluster.warnings.join('\n'), /^nodes are down: .*sstash restore --undo \w+ --hosts node1,node2$/m);
    for (const node of story.cluster.nodes) {
      assert.deepEqual(serviceCalls(node), ['drain', stopCommand, startCommand]);
    }
  });
}

test('a node that does not come up after an interrupt is named, with the way back', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').remote.on(starting, fails('Unit cassandra.service not found.', 5));
  const { parts, signal } = story.interruptAt(/^moving old files aside/);
  await assert.rejects(story.restore({ method }, parts, signal), (error) => {
    assert.ok(error instanceof BackupError);
    assert.match(error.message, /^interrupted: nodes have their old files, but 1 are not up, such as node2: .*not found/);
    assert.match(error.hint ?? '', /--undo/);
    return true;
  });
  assert.deepEqual(marks(story), [false, true]);
});

test('an interrupt before anything is stopped stops nothing', async (t) => {
  const story = await restoreStory(t, 2);
  const { parts, signal } = story.interruptAt(/^method/);
  await assert.rejects(story.restore({ method }, parts, signal), /^BackupError: interrupted$/);
  assert.deepEqual(story.cluster.nodes.flatMap(serviceCalls), []);
});

for (const [phase, why, hint] of [
  ['placing', /node2: restore 20261121T031500Z stopped Cassandra there and broke off with half of the files/, /do not start it/],
  ['begun', /node2: restore 20261121T031500Z stopped .* before it moved a file/, /--undo 20261121T031500Z --hosts node1,node2$/],
  ['placed', /node2: restore 20261121T031500Z .*before the node was up/, /start Cassandra there/],
  ['undone', /node2: restore 20261121T031500Z was taken back there/, /--undo/],
] as const) {
  test(`the next run says of a node that a restore left down (${phase}) that it was that`, async (t) => {
    const story = await restoreStory(t, 2);
    const node = story.cluster.node('node2');
    node.up = false;
    story.journals.get('node2')?.set('20261121T031500Z', { phase, plan: 'host\tnode1\t\nhost\tnode2\t\n', down: true });
    const { absent } = await openMembers(story.cluster.hosts, true, story.cluster.parts, never);
    const [{ host, error } = assert.fail('it was let in')] = absent;
    assert.ok(error instanceof BackupError);
    assert.equal(host, 'node2');
    assert.match(error.message, why);
    assert.match(error.hint ?? '', hint);
  });
}

test('a node that is down for another reason is not said to be down for a restore that ended well', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').up = false;
  story.journals.get('node2')?.set('20261121T031500Z', { phase: 'placed', plan: 'host\tnode1\t\nhost\tnode2\t\n' });
  const { absent } = await openMembers(story.cluster.hosts, true, story.cluster.parts, never);
  assert.doesNotMatch(String(absent[0]?.error), /restore/);
});
