/** A restore looks at what the store still has before it asks, stops or touches anything. */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { IntegrityError, StorageError } from '../../../../../src/model/errors.ts';
import type { RestoreResult } from '../../../../../src/model/restore/restore-result.ts';
import { tableFilter } from '../../../../../src/model/options/table-filter.ts';
import { restoreLocal } from '../../../../../src/operations/download/download.ts';
import { LzoPool } from '../../../../../src/codec/lzo/pool.ts';
import { Readable } from 'node:stream';
import { here } from '../../../../support/local-target.ts';
import { never } from '../../../../support/never.ts';
import { script } from '../../../../support/scripted-remote.ts';
import {
  type RestoreStory,
  restoreOptions,
  restoreStory,
  serviceCalls,
  serviceStory,
} from '../../../../support/scripted-restore.ts';
import { users } from '../../../../support/scripted-cluster.ts';
import { temporaryDirectory } from '../../../../support/temporary.ts';
import { runDetachedScript } from '../../../../../src/cluster/tools/service.ts';
import { extractScript } from '../../../../../src/transfer/relay/download.ts';

async function keyOf({ cluster }: RestoreStory, pattern: RegExp): Promise<string> {
  return (await cluster.keys()).find((key) => pattern.test(key)) ?? assert.fail(`no key like ${pattern.source}`);
}

function details(result: RestoreResult | undefined): readonly (readonly [string, string])[] {
  return (result?.lost ?? []).map(({ key, detail }) => [key, detail] as const);
}

test('a dry run of a backup that is whole finds nothing lost', async (t) => {
  const { restore } = await restoreStory(t, 2);
  assert.deepEqual(details(await restore({ dryRun: true })), []);
});

test('a dry run names an object that is missing, and one that has another size', async (t) => {
  const story = await restoreStory(t, 2);
  const gone = await keyOf(story, /node2\/shop\/users.*-Data\.db$/);
  const short = await keyOf(story, /node1\/shop\/orders.*-Data\.db$/);
  await story.cluster.store.delete([gone], never);
  await story.cluster.store.put(short, Readable.from([Buffer.from('x')]), {}, never);
  const lost = details(await story.restore({ dryRun: true }));
  assert.deepEqual(lost.map(([key]) => key).toSorted(), [gone, short].toSorted());
  assert.ok(lost.some(([key, detail]) => key === gone && detail === 'is missing'));
  assert.ok(lost.some(([key, detail]) => key === short && /^has 1 bytes, its manifest says \d+$/.test(detail)));
});

test('a store that lists what nobody understands keeps nobody from restoring: that is said', async (t) => {
  const story = await restoreStory(t, 2);
  const { store } = story.cluster;
  store.hook = ({ verb, key }) => {
    if (verb === 'list' && /\/node2\//.test(key)) {
      throw new StorageError('it lists an object without size', { key });
    }
  };
  const result = await story.restore();
  assert.deepEqual([result?.nodes.map(({ error }) => error), result?.lost ?? []], [[undefined, undefined], []]);
  assert.ok(
    story.cluster.warnings.includes('nobody can say beforehand whether all objects are there: it lists an object without size'),
  );
});

test('of a chain the objects of every part are looked for', async (t) => {
  const story = await serviceStory(t, 1);
  const node = story.cluster.node('node1');
  node.keepsIncrementals = true;
  await story.cluster.backUp();
  const gone = await keyOf(story, /node1\/shop\/users.*-Data\.db$/);
  await node.writeSSTable(users, 2);
  assert.equal((await story.cluster.backUp()).kind, 'incremental');
  await story.cluster.store.delete([gone], never);
  const plan = await story.restore({ dryRun: true });
  assert.notEqual(plan?.backup, gone.split('/')[0], 'it is the incremental backup that is restored');
  assert.deepEqual(details(plan), [[gone, 'is missing']]);
});

test('what tables that are not chosen lack is no matter, and their directories are not listed', async (t) => {
  const story = await restoreStory(t);
  const gone = await keyOf(story, /node1\/shop\/users.*-Data\.db$/);
  await story.cluster.store.delete([gone], never);
  const before = story.cluster.store.calls.length;
  const plan = await story.restore({ dryRun: true, filter: tableFilter(['shop.orders']) });
  assert.deepEqual(details(plan), []);
  const lists = story.cluster.store.calls.slice(before).filter(({ verb, key }) => verb === 'list' && key.includes('node1/'));
  assert.deepEqual(
    lists.map(({ key }) => /node1\/shop\/orders-[0-9a-f]+\/$/.test(key)),
    [true],
  );
});

for (const method of ['import', 'refresh', 'load', 'node-restart'] as const) {
  test(`by ${method} a damaged backup is refused before anybody is asked and before anything is stopped or made`, async (t) => {
    const story = await restoreStory(t, 2);
    const gone = await keyOf(story, /node2\/shop\/users.*-Data\.db$/);
    await story.cluster.store.delete([gone], never);
    await assert.rejects(story.restore({ method }), (error: unknown) => {
      assert.ok(error instanceof IntegrityError);
      assert.equal(error.message, `the backup is damaged: ${gone} is missing; nothing was restored`);
      assert.equal(error.exitCode, 4);
      return true;
    });
    assert.deepEqual(story.asked, []);
    for (const node of story.cluster.nodes) {
      assert.deepEqual(serviceCalls(node), []);
      assert.deepEqual(node.remote.ran(script(runDetachedScript)), []);
      assert.deepEqual(node.remote.ran(script(extractScript)), []);
    }
  });
}

test('to stage, the damage is said before the fetching begins', async (t) => {
  const story = await restoreStory(t);
  const gone = await keyOf(story, /node1\/shop\/users.*-Data\.db$/);
  await story.cluster.store.delete([gone], never);
  const directory = join(await temporaryDirectory(t), 'staged');
  const result = await story.restore({ method: 'stage', directory });
  assert.deepEqual(details(result), [[gone, 'is missing']]);
  const said = story.cluster.events.findIndex(
    (event) => event.type === 'warning' && event.text.startsWith(`the backup is damaged: ${gone} is missing (`),
  );
  const begun = story.cluster.events.findLastIndex(({ type }) => type === 'planned');
  assert.ok(said !== -1 && said < begun, `said at ${said}, begun at ${begun}`);
  assert.match(result?.nodes[0]?.error ?? '', /-Data\.db/);
});

test('a download to this host says it, planned and done', async (t) => {
  const story = await restoreStory(t, 2);
  const gone = await keyOf(story, /node2\/shop\/users.*-Data\.db$/);
  await story.cluster.store.delete([gone], never);
  const directory = join(await temporaryDirectory(t), 'copy');
  const pool = new LzoPool({ threads: 1 });
  t.after(() => pool.close());
  const parts = { repository: story.cluster.repository, pool, listen: story.cluster.parts.listen, ...here };
  const options = { ...restoreOptions(), directory, layout: 'plain' as const };
  assert.deepEqual(details(await restoreLocal({ ...options, dryRun: true }, parts, never)), [[gone, 'is missing']]);
  await assert.rejects(access(directory));
  assert.deepEqual(details(await restoreLocal(options, parts, never)), [[gone, 'is missing']]);
});
