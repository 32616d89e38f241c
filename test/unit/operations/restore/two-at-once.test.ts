/** Two restores at once, and the moments in between of one: what a second run, an interrupt or a kill there finds and leaves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { access, appendFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { placingScript } from '../../../../src/cluster/placing/placing-script.ts';
import { openStagingScript } from '../../../../src/cluster/placing/staging-script.ts';
import { runDetachedScript } from '../../../../src/cluster/tools/service.ts';
import { BackupError, LockedError } from '../../../../src/model/errors.ts';
import { tableDirectory } from '../../../../src/model/sstable.ts';
import { extractScript } from '../../../../src/transfer/relay/download.ts';
import { users } from '../../../support/scripted-cluster.ts';
import type { ScriptedNode } from '../../../support/scripted-node.ts';
import { afterwards, beforehand, cql, fails, loses, onCall, program, script } from '../../../support/scripted-remote.ts';
import { type RestoreStory, restoreStory, serviceCalls, stopCommand } from '../../../support/scripted-restore.ts';

const importing = program('nodetool', 'import');
const truncating = cql('TRUNCATE');
const unasked = async (): Promise<boolean> => assert.fail('nobody is to be asked');

function home(node: ScriptedNode): string {
  return join(dirname(node.data), 'sstash_restore');
}

async function runs(node: ScriptedNode): Promise<readonly string[]> {
  return readdir(home(node)).catch(() => []);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const isLocked = (error: unknown): boolean =>
  error instanceof LockedError &&
  error.exitCode === 11 &&
  /^node1 is locked: restore of backup .* by ops@bastion \(pid 4711\)/.test(error.message);

/** Of what the first one has: its later steps are answered as ever. */
async function whileStopping(story: RestoreStory, work: () => Promise<void>): Promise<void> {
  const { remote } = story.cluster.node('node1');
  remote.on(script(runDetachedScript, stopCommand), onCall(1, beforehand(work)));
}

test('a second restore, and an undo, are refused while one is stopping Cassandra, and nothing of it is touched', async (t) => {
  const story = await restoreStory(t, 2);
  await story.cluster.node('node1').writeSSTable(users, 2);
  await story.cluster.backUp({ selfContained: true });
  const [older = ''] = (await story.cluster.repository.backups(new AbortController().signal)).map(({ id }) => id);
  const staged = new Map<string, readonly string[]>();
  let tried = 0;
  await whileStopping(story, async () => {
    for (const node of story.cluster.nodes) {
      staged.set(node.host, await readdir(home(node), { recursive: true }));
    }
    const others = [
      () => story.restore({ method: 'node-restart', choice: { name: older } }, { agree: unasked }),
      () => story.restore({ method: 'import', choice: { name: older } }, { agree: unasked }),
      () =>
        story.restore(
          { method: 'stage', directory: join(dirname(home(story.cluster.node('node1'))), 'there') },
          { agree: unasked },
        ),
      () => story.undo(),
    ];
    for (const other of others) {
      await assert.rejects(other, isLocked);
      tried += 1;
    }
    for (const node of story.cluster.nodes) {
      assert.deepEqual(await readdir(home(node), { recursive: true }), staged.get(node.host));
    }
  });
  const result = await story.restore({ method: 'node-restart' });
  assert.equal(tried, 4);
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.deepEqual(
    story.phases.map(([, ...phases]) => phases),
    [['placed'], ['placed']],
  );
  // And now they are free.
  assert.equal((await story.undo())?.nodes.length, 2);
});

test('a restore is refused while an undo runs', async (t) => {
  const story = await restoreStory(t);
  await story.restore({ method: 'node-restart' });
  let refused = false;
  story.cluster.node('node1').remote.on(
    script(placingScript, 'undo'),
    beforehand(async () => {
      await assert.rejects(story.restore({}, { agree: unasked }), /node1 is locked: restore --undo, by ops@bastion/);
      refused = true;
    }),
  );
  await story.undo();
  assert.ok(refused);
});

test('what another run has left is shown, and goes when somebody has agreed and not before', async (t) => {
  const story = await restoreStory(t);
  const node = story.cluster.node('node1');
  node.remote.on(importing, onCall(1, loses()));
  await story.restore();
  const [left = ''] = await runs(node);
  await story.cluster.backUp({ selfContained: true });
  story.agrees = false;
  assert.equal(await story.restore(), undefined);
  assert.deepEqual(await runs(node), [left]);
  const clears = story.asked.flatMap((plan) => ('clears' in plan ? (plan.clears ?? []) : []));
  assert.deepEqual(
    clears.map(({ host, directory }) => [host, directory]),
    [['node1', join(home(node), left)]],
  );
  story.agrees = true;
  await story.restore();
  assert.deepEqual(await runs(node), []);
});

test('a run of the very same goes on in the directory of the one that died', async (t) => {
  const story = await restoreStory(t);
  const node = story.cluster.node('node1');
  node.remote.on(importing, onCall(1, loses()));
  const first = await story.restore();
  const again = await story.restore();
  assert.equal(again?.nodes[0]?.directory, first?.nodes[0]?.directory);
  assert.equal(again?.clears, undefined);
  assert.equal(again?.nodes[0]?.error, undefined);
});

test('a named directory that holds another backup is asked about, by stage too, and is left alone where the answer is no', async (t) => {
  const story = await restoreStory(t);
  const directory = join(dirname(home(story.cluster.node('node1'))), 'there');
  await story.restore({ method: 'stage', directory }, { agree: unasked });
  const file = join(directory, tableDirectory(users), 'nb-1-big-Data.db');
  assert.ok(await isThere(file));
  await story.cluster.node('node1').writeSSTable(users, 2);
  await story.cluster.backUp({ selfContained: true });
  const before = await readdir(directory, { recursive: true });
  story.agrees = false;
  assert.equal(await story.restore({ method: 'stage', directory }), undefined);
  assert.deepEqual(await readdir(directory, { recursive: true }), before);
  story.agrees = true;
  const result = await story.restore({ method: 'stage', directory });
  assert.equal(result?.nodes[0]?.error, undefined);
  assert.ok(await isThere(join(directory, tableDirectory(users), 'nb-2-big-Data.db')));
  assert.ok(!(await readdir(directory)).includes('.sstash-lock'));
});

test('no directory is made before somebody has agreed', async (t) => {
  const story = await restoreStory(t);
  const { remote } = story.cluster.node('node1');
  story.agrees = false;
  await story.restore();
  assert.deepEqual(remote.ran(script(openStagingScript, 'make')), []);
  assert.deepEqual(await runs(story.cluster.node('node1')), []);
});

test('what is staged and gone is not loaded: no table is emptied for it, and none is called restored', async (t) => {
  for (const truncate of [true, false]) {
    const story = await restoreStory(t);
    const node = story.cluster.node('node1');
    node.remote.on(
      program('nodetool', 'import', '--', 'shop', 'orders'),
      afterwards(async () => {
        const [run = ''] = await runs(node);
        await rm(join(home(node), run, tableDirectory(users), 'nb-1-big-Data.db'));
      }),
    );
    const wanted = /1 of the 5 files that were staged in .* are not there as they were: shop\/users-.*nb-1-big-Data\.db/;
    if (truncate) {
      await assert.rejects(
        story.restore({ truncate }),
        (error) =>
          error instanceof BackupError &&
          wanted.test(error.message) &&
          /no table is left empty: 1 of 2 are loaded/.test(error.message),
      );
      assert.equal(node.remote.calls.filter(truncating).length, 1);
    } else {
      assert.match((await story.restore({ truncate }))?.nodes[0]?.error ?? '', wanted);
    }
    assert.equal(node.remote.ran(importing).length, 1);
  }
});

test('an sstable that somebody puts into the staging directory is not loaded', async (t) => {
  const story = await restoreStory(t);
  const node = story.cluster.node('node1');
  node.remote.on(
    program('nodetool', 'import', '--', 'shop', 'orders'),
    afterwards(async () => {
      const [run = ''] = await runs(node);
      await appendFile(join(home(node), run, tableDirectory(users), 'nb-9-big-Data.db'), 'x');
    }),
  );
  assert.match((await story.restore())?.nodes[0]?.error ?? '', /nb-9-big-Data\.db is no file of this restore/);
});

test('an interrupt after TRUNCATE waits until that table is loaded everywhere, and says what has come of the others', async (t) => {
  for (const method of ['import', 'load'] as const) {
    const story = await restoreStory(t, 2);
    const abort = new AbortController();
    const { remote } = story.cluster.node('node1');
    remote.on(
      truncating,
      onCall(
        1,
        afterwards(() => abort.abort(new BackupError('interrupted'))),
      ),
    );
    await assert.rejects(
      story.restore({ truncate: true, method }, {}, abort.signal),
      (error) =>
        error instanceof BackupError && error.message.startsWith('interrupted; no table is left empty: 1 of 2 are loaded'),
      method,
    );
    assert.equal(remote.calls.filter(truncating).length, 1, method);
    assert.ok(
      story.cluster.warnings.some((text) => text.startsWith('shop.orders is emptied: it is loaded before this ends')),
      method,
    );
    if (method === 'import') {
      assert.deepEqual(
        story.cluster.nodes.map((node) => node.remote.ran(importing).length),
        [1, 1],
      );
    }
  }
});

test('a table that was emptied and not loaded is named: in the result, by the next plan, and no more once it is whole', async (t) => {
  const story = await restoreStory(t, 2);
  const node = story.cluster.node('node2');
  node.remote.on(importing, onCall(1, loses()));
  const result = await story.restore({ truncate: true });
  assert.match(result?.nodes[1]?.error ?? '', /^shop\.orders: /);
  assert.ok(
    result?.warnings.some((text) => text.startsWith('shop.orders: EMPTY OR IN PART')),
    result?.warnings.join('\n'),
  );
  const plan = await story.restore({ dryRun: true });
  assert.ok(
    plan?.warnings.some((text) => /^shop\.orders is empty or in part since a restore of .* on node2/.test(text)),
    plan?.warnings.join('\n'),
  );
  const again = await story.restore({ truncate: true });
  assert.deepEqual(
    again?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.ok(!again?.warnings.some((text) => /EMPTY OR IN PART/.test(text)));
  assert.deepEqual(await runs(node), []);
});

test('a TRUNCATE that nobody can say whether it was done leaves a table that is named', async (t) => {
  const story = await restoreStory(t);
  story.cluster.node('node1').remote.on(truncating, onCall(1, loses()));
  await assert.rejects(story.restore({ truncate: true }), /shop\.orders: EMPTY OR IN PART/);
});

test('where what was staged is gone when the nodes are down, they come up with their old files', async (t) => {
  const story = await restoreStory(t, 2);
  const { remote } = story.cluster.node('node2');
  remote.on(script(placingScript, 'prove'), fails('not staged any more: 1 of 5 files are (x)', 1));
  await assert.rejects(
    story.restore({ method: 'node-restart' }),
    /nothing was placed: .*1 of 5 files are \(x\).*: all nodes are up, with their old files/,
  );
  assert.deepEqual(
    story.phases.map(([, ...phases]) => phases),
    [['undone'], ['undone']],
  );
  assert.deepEqual(
    story.cluster.nodes.map(({ up }) => up),
    [true, true],
  );
  assert.deepEqual(
    serviceCalls(story.cluster.node('node1')).filter((call) => call.endsWith('-cassandra')),
    ['stop-cassandra', 'start-cassandra'],
  );
});

test('a restore that has lost a node to somebody else does nothing more', async (t) => {
  const story = await restoreStory(t);
  const node = story.cluster.node('node1');
  node.remote.on(
    script(extractScript),
    onCall(
      1,
      afterwards(async () => {
        await writeFile(join(node.data, '.sstash-lock'), 'token\tother\t12\troot\t2026\tan operation\n');
        const pids = execFileSync('pgrep', ['-f', `sh -c .*${node.data}/\\.sstash-lock`], { encoding: 'utf8' })
          .trim()
          .split('\n');
        pids.forEach((pid) => process.kill(Number(pid), 'SIGKILL'));
      }),
    ),
  );
  await assert.rejects(
    story.restore({ truncate: true }),
    (error) => error instanceof LockedError && /taken over: an operation, by root@other/.test(error.message),
  );
  assert.deepEqual([node.remote.ran(importing).length, node.remote.calls.filter(truncating).length], [0, 0]);
});

test('a restore whose lock file somebody removes does nothing more, whether or not another has begun since', async (t) => {
  const isLost = (error: unknown): boolean =>
    error instanceof LockedError &&
    error.exitCode === 11 &&
    /the lock of node1 is lost: .*\.sstash-lock was removed/.test(error.message);
  for (const method of ['import', 'node-restart'] as const) {
    const story = await restoreStory(t);
    const node = story.cluster.node('node1');
    const file = join(node.data, '.sstash-lock');
    node.remote.on(
      script(extractScript),
      onCall(
        1,
        afterwards(() => rm(file)),
      ),
    );
    await assert.rejects(story.restore({ method, truncate: method === 'import' }), isLost, method);
    await assert.rejects(access(file), method);
    assert.deepEqual(
      [node.remote.ran(importing).length, node.remote.calls.filter(truncating).length, serviceCalls(node)],
      [0, 0, []],
      method,
    );
  }
});

test('where the lock file goes while the nodes are down nothing is moved or started any more, and the way back is said', async (t) => {
  const story = await restoreStory(t, 2);
  const { remote, data } = story.cluster.node('node1');
  await whileStopping(story, () => rm(join(data, '.sstash-lock')));
  await assert.rejects(story.restore({ method: 'node-restart' }), (error) => {
    assert.ok(error instanceof BackupError && error.exitCode === 11);
    assert.match(error.message, /the lock of node1 is lost: .*\.sstash-lock was removed/);
    assert.match(error.hint ?? '', /--undo/);
    return true;
  });
  assert.equal(remote.calls.filter(script(placingScript, 'place')).length, 0);
  assert.ok(!serviceCalls(story.cluster.node('node1')).includes('start-cassandra'));
});

test('a directory of that name without a mark is not taken for that of a run, and nothing in it is touched', async (t) => {
  const story = await restoreStory(t);
  const node = story.cluster.node('node1');
  const theirs = join(home(node), 'restore-aaaaaaaaaaaa');
  await mkdir(theirs, { recursive: true });
  await writeFile(join(theirs, 'thesis.txt'), 'x');
  const result = await story.restore();
  assert.equal(result?.clears, undefined);
  assert.ok(await isThere(join(theirs, 'thesis.txt')));
});
