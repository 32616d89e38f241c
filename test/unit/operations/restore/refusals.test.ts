/** What a restore refuses before it fetches anything, and that nothing is changed then. */
import assert from 'node:assert/strict';
import { access, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openStagingScript } from '../../../../src/cluster/placing/staging-script.ts';
import { BackupError, RemoteError, UsageError } from '../../../../src/model/errors.ts';
import { cql, says, script } from '../../../support/scripted-remote.ts';
import { type RestoreStory, restoreStory, serviceCalls } from '../../../support/scripted-restore.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { extractScript } from '../../../../src/transfer/relay/download.ts';

/** `node2` cannot be reached. */
function without(story: RestoreStory) {
  return {
    connect: async (host: string, signal: AbortSignal) => {
      if (host === 'node2') {
        throw new RemoteError('node2: connection refused', { host, transient: true });
      }
      return story.cluster.parts.connect(host, signal);
    },
  };
}

/** Nothing was fetched, loaded, stopped or created. */
function assertUntouched({ cluster }: RestoreStory): void {
  for (const node of cluster.nodes) {
    assert.deepEqual(serviceCalls(node), []);
    assert.deepEqual(node.remote.ran(script(extractScript)), []);
  }
}

async function stagingPlace(t: TestContext): Promise<string> {
  return join(await temporaryDirectory(t), 'staging');
}

test('staging goes on without a node that cannot be reached, names it, and gives no commands to place files', async (t) => {
  const story = await restoreStory(t, 2);
  const directory = await stagingPlace(t);
  const result = await story.restore({ method: 'stage', directory }, without(story));
  assert.deepEqual(
    result?.nodes.map(({ host, files, error }) => [host, files, error]),
    [
      ['node1', 10, undefined],
      ['node2', 0, 'node2: connection refused'],
    ],
  );
  assert.equal(result?.commands, '');
  assert.ok((await readdir(directory)).includes('shop'));
});

test('what changes live tables needs every node', async (t) => {
  const story = await restoreStory(t, 2);
  for (const method of ['import', 'load'] as const) {
    await assert.rejects(story.restore({ method }, without(story)), /node2/);
  }
  await assert.rejects(story.restore({ method: 'node-restart' }, without(story)), (error) => {
    assert.ok(error instanceof BackupError);
    assert.equal(error.message, 'node2 cannot be reached: node2: connection refused');
    assert.equal(error.hint, 'it needs every node; --host restores the data of single nodes');
    return true;
  });
  assertUntouched(story);
  assert.deepEqual(story.asked, []);
});

test('where Cassandra is down on a node, files are put beside the live data and nothing is loaded', async (t) => {
  const story = await restoreStory(t, 2);
  story.cluster.node('node2').up = false;
  const planned = await story.restore({ dryRun: true });
  assert.deepEqual(
    [planned?.method, planned?.reason],
    ['stage', 'Cassandra does not run on node2, so nothing can be restored online'],
  );
  await assert.rejects(story.restore({ method: 'import' }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.deepEqual([error.message, error.hint], ['Cassandra does not run on node2', 'start it, or use --method stage']);
    return true;
  });
  assertUntouched(story);
});

test('with Cassandra down everywhere no live table is replaced', async (t) => {
  const story = await restoreStory(t);
  story.cluster.node('node1').up = false;
  await assert.rejects(
    story.restore({ method: 'node-restart' }),
    /^UsageError: no node can say what the cluster looks like: Cassandra is down$/,
  );
  assertUntouched(story);
});

test('a disk with too little room is seen before anything is fetched', async (t) => {
  const story = await restoreStory(t);
  const directory = await stagingPlace(t);
  story.cluster.node('node1').remote.on(
    script(openStagingScript),
    says(({ argv }) => `ok\0${argv[6] ?? ''}\x001:1\x001\0`),
  );
  await assert.rejects(
    story.restore({ method: 'stage', directory }),
    /^UsageError: node1: .*staging has 1024 bytes free, the restore needs \d{5}$/,
  );
  assertUntouched(story);
});

test('a staging directory that is a link could lead anywhere', async (t) => {
  const story = await restoreStory(t);
  const directory = await stagingPlace(t);
  await symlink('/var', directory);
  await assert.rejects(story.restore({ method: 'stage', directory }), /^UsageError: node1: .*staging is a symbolic link$/);
  assertUntouched(story);
});

test('one within the live data is refused, and so is one around it', async (t) => {
  const story = await restoreStory(t);
  const { data } = story.cluster.node('node1');
  for (const directory of [join(data, 'shop'), dirname(data)]) {
    await assert.rejects(
      story.restore({ method: 'stage', directory }),
      /^UsageError: node1: .* is, is in or holds a live data directory$/,
    );
  }
  assertUntouched(story);
});

test('files that no restore put there stay there', async (t) => {
  const story = await restoreStory(t);
  const directory = await stagingPlace(t);
  await mkdir(directory);
  await writeFile(join(directory, 'letters'), 'dear');
  await assert.rejects(
    story.restore({ method: 'stage', directory }),
    /^UsageError: node1: .*staging holds files that no restore put there$/,
  );
  assert.deepEqual(await readdir(directory), ['letters']);
});

test('whoever does not agree to the plan gets nothing changed', async (t) => {
  const story = await restoreStory(t, 2);
  story.agrees = false;
  for (const method of ['import', 'load', 'node-restart'] as const) {
    assert.equal(await story.restore({ method, truncate: method === 'import' }), undefined);
  }
  assert.equal(story.asked.length, 3);
  assertUntouched(story);
  for (const { remote } of story.cluster.nodes) {
    assert.deepEqual(
      remote.calls.filter((call) => cql('CREATE')(call) || cql('TRUNCATE')(call)),
      [],
    );
  }
});

test('a dry run asks nobody and makes no directory', async (t) => {
  const story = await restoreStory(t);
  const directory = await stagingPlace(t);
  const plan = await story.restore({ method: 'import', directory, dryRun: true });
  assert.deepEqual([plan?.dryRun, plan?.nodes[0]?.files, story.asked], [true, 10, []]);
  await assert.rejects(access(directory));
  assertUntouched(story);
});

test('data of one node alone cannot replace what all nodes hold', async (t) => {
  const story = await restoreStory(t, 2);
  await assert.rejects(
    story.restore({ method: 'import', only: ['node1'], truncate: true }),
    /^UsageError: --truncate empties tables on all nodes, and only some nodes would get their data back$/,
  );
  assertUntouched(story);
});
