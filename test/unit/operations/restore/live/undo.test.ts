/** Taking a restore by restart back: on all its nodes or on none. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { placingScript } from '../../../../../src/cluster/placing/placing-script.ts';
import { runDetachedScript } from '../../../../../src/cluster/tools/service.ts';
import { BackupError, NotFoundError, RemoteError, UsageError } from '../../../../../src/model/errors.ts';
import { fails, loses, onCall, program, script } from '../../../../support/scripted-remote.ts';
import {
  type RestoreStory,
  serviceStory,
  serviceCalls,
  startCommand,
  stopCommand,
} from '../../../../support/scripted-restore.ts';

const early = '20261120T031500Z';
const late = '20261121T031500Z';

/** Two nodes that were restored together. */
async function restored(t: TestContext): Promise<RestoreStory> {
  const story = await serviceStory(t, 2);
  for (const journals of story.journals.values()) {
    journals.set(early, { phase: 'placed', plan: planOf('shop/users-1') });
  }
  return story;
}

function planOf(table: string): string {
  return `host\tnode1\t\nhost\tnode2\t\nplace\t/data/${table}\t/staging/${table}\n`;
}

function assertUntouched({ cluster }: RestoreStory): void {
  assert.deepEqual(cluster.nodes.flatMap(serviceCalls), []);
  assert.deepEqual(
    cluster.nodes.flatMap(({ remote }) => remote.ran(script(placingScript, 'undo'))),
    [],
  );
}

test('the old files come back on all nodes, and the nodes are up again', async (t) => {
  const story = await restored(t);
  const result = await story.undo();
  assert.deepEqual(
    [result?.id, result?.nodes],
    [
      early,
      [
        { host: 'node1', phase: 'undone' },
        { host: 'node2', phase: 'undone' },
      ],
    ],
  );
  assert.deepEqual(result?.tables, ['/data/shop/users-1']);
  for (const node of story.cluster.nodes) {
    assert.deepEqual(serviceCalls(node), ['drain', stopCommand, startCommand]);
  }
});

test('without a restore that can be taken back nothing is stopped', async (t) => {
  const story = await serviceStory(t, 2);
  await assert.rejects(story.undo(), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.deepEqual(
      [error.message, error.hint],
      ['no restore to take back on these nodes', 'they know of none, or all are undone'],
    );
    return true;
  });
  assertUntouched(story);
});

test('one that the nodes do not know is answered with those that they do', async (t) => {
  const story = await restored(t);
  await assert.rejects(
    story.undo({ id: late }),
    (error) => error instanceof NotFoundError && error.hint === `they know of ${early}`,
  );
  assertUntouched(story);
});

test('a later restore of the same tables goes first', async (t) => {
  const story = await restored(t);
  story.journals.get('node2')?.set(late, { phase: 'placed', plan: planOf('shop/users-1') });
  await assert.rejects(
    story.undo({ id: early }),
    new RegExp(`^UsageError: restore ${late}, a later one, replaced files of the same tables$`),
  );
  assertUntouched(story);
});

test('a later one of other tables, or that moved nothing, is no obstacle', async (t) => {
  const story = await restored(t);
  story.journals.get('node1')?.set(late, { phase: 'placed', plan: planOf('shop/orders-2') });
  story.journals.get('node2')?.set(late, { phase: 'begun', plan: planOf('shop/users-1') });
  assert.equal((await story.undo({ id: early }))?.id, early);
});

test('a node of the restore that is not named would be left as it is', async (t) => {
  const story = await restored(t);
  await assert.rejects(story.undo({ hosts: ['node1'] }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.equal(error.message, `restore ${early} was on node2 too`);
    return true;
  });
  assertUntouched(story);
});

test('a node that cannot be reached keeps the others as they are', async (t) => {
  const story = await restored(t);
  const { connect } = story.cluster.parts;
  const parts = {
    connect: async (host: string, signal: AbortSignal) => {
      if (host === 'node2') {
        throw new RemoteError('node2: connection refused', { host });
      }
      return connect(host, signal);
    },
  };
  await assert.rejects(story.undo({}, parts), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^node2 cannot be reached: node2: connection refused/);
    return true;
  });
  assertUntouched(story);
});

test('old files that somebody has cleared on one node are missed before any node is stopped', async (t) => {
  const story = await restored(t);
  const cleared = `only 0 of the 5 files that restore ${early} moved aside are left; were they cleared?`;
  story.cluster.node('node2').remote.on(script(placingScript, 'check'), fails(cleared));
  await assert.rejects(story.undo(), /only 0 of the 5 files .* were they cleared\?$/);
  assertUntouched(story);
});

test('nobody is asked by a dry run, and who says no keeps the restore', async (t) => {
  const story = await restored(t);
  assert.equal((await story.undo({ dryRun: true }))?.dryRun, true);
  assert.deepEqual(story.asked, []);
  story.agrees = false;
  assert.equal(await story.undo(), undefined);
  assert.equal(story.asked.length, 1);
  assertUntouched(story);
});

test('one that breaks off while files are moved back says how to go on, and goes on', async (t) => {
  const story = await restored(t);
  story.cluster.node('node2').remote.on(script(placingScript, 'undo'), onCall(1, loses()));
  await assert.rejects(story.undo(), (error) => {
    assert.ok(error instanceof BackupError);
    assert.equal(error.message, `taking restore ${early} back broke off: the connection to node2 was lost`);
    assert.equal(error.hint, `go on with it: sstash restore --undo ${early} --hosts node1,node2`);
    return true;
  });
  assert.deepEqual(story.phases, [
    ['node1', 'undone'],
    ['node2', 'placed'],
  ]);
  assert.deepEqual(
    story.cluster.nodes.map(({ up }) => up),
    [false, false],
  );
  const result = await story.undo({ id: early });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.deepEqual(
    story.cluster.nodes.map(({ up }) => up),
    [true, true],
  );
});

test('a server that gives no answer is stopped all the same, and people hear that it was not drained', async (t) => {
  const story = await restored(t);
  const { remote } = story.cluster.node('node2');
  remote.on(program('nodetool', 'info'), onCall(1, fails('error: it hangs')));
  remote.on(program('nodetool', 'info'), onCall(2, fails('error: it hangs')));
  const result = await story.undo();
  assert.deepEqual(result?.warnings, [
    'Cassandra gives no answer on node2: what its commit log holds of other tables is moved aside unread',
  ]);
  assert.deepEqual(story.cluster.warnings, [
    'node2: stopped without nodetool drain, since it gave no answer: what its commit log holds of other tables is moved aside unread',
  ]);
  assert.deepEqual(serviceCalls(story.cluster.node('node2')), [stopCommand, startCommand]);
});

test('a server that dies after the plan is started again, and the restore stays', async (t) => {
  const story = await restored(t);
  await assert.rejects(story.undo({}, story.diesAt(/^stopping/, 'node2')), (error) => {
    assert.ok(error instanceof BackupError);
    assert.match(error.message, /^nothing was taken back: node2: Cassandra was up when .* died since.*; all nodes are up$/);
    assert.equal(error.hint, `go on with it: sstash restore --undo ${early} --hosts node1,node2`);
    return true;
  });
  assert.deepEqual(story.phases, [
    ['node1', 'placed'],
    ['node2', 'placed'],
  ]);
  assert.deepEqual(
    story.cluster.nodes.map(({ up }) => up),
    [true, true],
  );
});

test('of files that are half of one and half of another none is left for a server that dies', async (t) => {
  const story = await restored(t);
  story.journals.get('node1')?.set(early, { phase: 'back', plan: planOf('shop/users-1') });
  const result = await story.undo({}, story.diesAt(/^stopping/, 'node2'));
  assert.deepEqual(
    result?.nodes.map(({ phase }) => phase),
    ['undone', 'undone'],
  );
});

test('a node that does not start with its old files is named', async (t) => {
  const story = await restored(t);
  story.cluster.node('node2').remote.on(script(runDetachedScript, startCommand), fails('Unit cassandra.service not found.', 5));
  const result = await story.undo();
  assert.match(result?.nodes[1]?.error ?? '', /^node2: start-cassandra failed: /);
  assert.equal(result?.nodes[1]?.phase, 'undone');
});

for (const step of [/^stopping/, /^moving the old files back/, /^starting/]) {
  test(`an interrupt at the step ${step.source} changes nothing of what it comes to`, async (t) => {
    const story = await restored(t);
    const { parts, signal } = story.interruptAt(step);
    const result = await story.undo({}, parts, signal);
    assert.deepEqual(
      result?.nodes.map(({ phase, error }) => [phase, error]),
      [
        ['undone', undefined],
        ['undone', undefined],
      ],
    );
    assert.deepEqual(
      story.cluster.nodes.map(({ up }) => up),
      [true, true],
    );
    assert.match(story.cluster.warnings.join('\n'), /go on with it: sstash restore --undo/);
  });
}

test('what was taken back by a run that ended before the nodes were up is gone on with', async (t) => {
  const story = await restored(t);
  for (const own of story.journals.values()) {
    for (const journal of own.values()) {
      Object.assign(journal, { phase: 'undone', down: true });
    }
  }
  for (const node of story.cluster.nodes) {
    node.up = false;
  }
  const result = await story.undo();
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.deepEqual(
    story.cluster.nodes.map(({ up }) => up),
    [true, true],
  );
});
