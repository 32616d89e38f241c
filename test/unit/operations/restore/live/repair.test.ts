/** Where replicas, or the age of the backup, ask for more than loading: what is refused, repaired, held back and let go. */
import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { endWithUsScript } from '../../../../../src/cluster/placing/table-load.ts';
import type { RestoreResult } from '../../../../../src/model/restore/restore-result.ts';
import { UsageError } from '../../../../../src/model/errors.ts';
import { parseRenames } from '../../../../../src/model/restore/table-copy.ts';
import { tableFilter } from '../../../../../src/model/options/table-filter.ts';
import { restoreText } from '../../../../../src/report/restore-report.ts';
import { afterwards, cql, fails, inputOf, program, says, script } from '../../../../support/scripted-remote.ts';
import { type RestoreStory, restoreStory, startCommand, stopCommand } from '../../../../support/scripted-restore.ts';
import { schemaText } from '../../../../support/scripted-texts.ts';
import { extractScript } from '../../../../../src/transfer/relay/download.ts';

const importing = program('nodetool', 'import');
const repairing = program('nodetool', 'repair');

/** What the cluster says of its schema, after ALTER statements too. */
interface LiveSchema {
  copies: number;
  grace: number;
  /** Every statement that altered a table, and what had been loaded by then. */
  readonly altered: { readonly statement: string; readonly imports: number; readonly repairs: number }[];
}

/** A backup of tables of one copy that keep tombstones for ten days; what has changed since is up to the test. */
async function changedStory(t: TestContext, nodes = 2): Promise<{ readonly story: RestoreStory; readonly live: LiveSchema }> {
  const story = await restoreStory(t, nodes);
  const live: LiveSchema = { copies: 1, grace: 864_000, altered: [] };
  const count = (match: typeof importing) => story.cluster.nodes.flatMap(({ remote }) => remote.ran(match)).length;
  for (const { remote, view } of story.cluster.nodes) {
    remote.on(
      cql('DESCRIBE SCHEMA'),
      says(() =>
        schemaText(view.tables)
          .replaceAll("'replication_factor': '1'", `'replication_factor': '${live.copies}'`)
          .replaceAll("comment = ''", `gc_grace_seconds = ${live.grace}`),
      ),
    );
    remote.on(
      cql('ALTER TABLE'),
      says(async (call) => {
        for (const statement of (await inputOf(call)).split('\n').filter((line) => line !== '')) {
          live.altered.push({ statement, imports: count(importing), repairs: count(repairing) });
          live.grace = Number(/gc_grace_seconds = (\d+);$/.exec(statement)?.[1]);
        }
        return '';
      }),
    );
  }
  return { story, live };
}

function recordOf({ cluster }: RestoreStory, host: string): Promise<string | undefined> {
  return readFile(join(cluster.node(host).data, '.sstash-grace'), 'utf8').catch(() => undefined);
}

function textOf(result: RestoreResult | undefined): string {
  return restoreText(result ?? assert.fail('nothing was restored'));
}

const isUsage = (message: RegExp, hint: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UsageError, String(error));
  assert.match(error.message, message);
  assert.match(error.hint ?? '', hint);
  return true;
};

test('with more copies now nothing is fetched without a way out, and --repair repairs the tables on every node', async (t) => {
  const { story, live } = await changedStory(t);
  live.copies = 2;
  for (const method of ['auto', 'import', 'node-restart'] as const) {
    await assert.rejects(
      story.restore({ method }),
      isUsage(
        /^keyspace shop: it was replicated SimpleStrategy 1 at the backup, and is SimpleStrategy 2 now/,
        /--repair.*--accept-thin/,
      ),
    );
  }
  assert.deepEqual(
    story.cluster.nodes.flatMap(({ remote }) => remote.ran(script(extractScript))),
    [],
  );
  const repaired = await story.restore({ repair: true });
  assert.deepEqual([repaired?.method, repaired?.repair, repaired?.warnings], ['import', 'done', []]);
  for (const { remote } of story.cluster.nodes) {
    assert.deepEqual(remote.ran(repairing), ['nodetool repair -full -pr -- shop orders users']);
  }
  assert.match(textOf(repaired), /^2 tables of backup \S+ restored and checked, then repaired, and read by CQL$/m);
  const thin = await story.restore({ acceptThin: true });
  assert.match(thin?.warnings.join() ?? '', /miss rows until nodetool repair -full has run on every node/);
  assert.match(textOf(thin), /nodes that have become replicas since the backup get no rows before a repair/);
});

test('with fewer copies now the rows are streamed, and import is refused', async (t) => {
  const { story, live } = await changedStory(t);
  for (const { remote, view } of story.cluster.nodes) {
    // The backup is made with two copies.
    remote.on(
      cql('DESCRIBE SCHEMA'),
      says(() => schemaText(view.tables).replaceAll("_factor': '1'", `_factor': '${live.copies}'`)),
    );
  }
  live.copies = 2;
  await story.cluster.backUp();
  live.copies = 1;
  await assert.rejects(story.restore({ method: 'import' }), isUsage(/^nodetool import refuses rows/, /^--method load/));
  const result = await story.restore();
  assert.equal(result?.method, 'load');
  assert.match(result?.reason ?? '', /replicated SimpleStrategy 2 at the backup, and is SimpleStrategy 1 now/);
  assert.deepEqual(result?.coverage, [{ keyspace: 'shop', missing: [], missingShare: 0, thinShare: 0 }]);
  const loads = story.cluster.nodes.flatMap(({ remote }) => remote.ran(script(endWithUsScript)));
  assert.ok(loads.length > 0);
  // A copy goes to a keyspace that is to be made as the backup's was.
  const renames = parseRenames(['shop.orders=copies.orders']);
  const copy = await story.restore({ renames, dryRun: true });
  assert.equal(copy?.method, 'import');
  const beside = await story.restore({ renames: parseRenames(['shop.orders=shop.orders_old']), dryRun: true });
  assert.equal(beside?.method, 'load');
});

test('a failed repair leaves the rows, is said of its node, and purging stays held back', async (t) => {
  const { story, live } = await changedStory(t);
  live.grace = 0;
  story.cluster.node('node2').remote.on(repairing, fails('error: Repair job has failed'));
  const result = await story.restore({ repair: true });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, 'its rows are in place, but nodetool repair failed on node2: Repair job has failed'],
  );
  assert.match(textOf(result), /restored and checked, but NOT repaired: run nodetool repair -full/);
  assert.match(result?.warnings.join() ?? '', /gc_grace_seconds of shop\.orders is 2592\d{3} since a restore.*its own is 0\./);
  assert.equal(live.altered.length, 2);
});

test('purging is held back before the first file is loaded, noted on every node, and goes on after the repair', async (t) => {
  const { story, live } = await changedStory(t);
  live.grace = 0;
  const first = await story.restore();
  assert.deepEqual(
    live.altered.map(({ statement, imports }) => [statement.replace(/\d+;$/, 'N'), imports]),
    ['orders', 'users'].map((name) => [`ALTER TABLE "shop"."${name}" WITH gc_grace_seconds = N`, 0]),
  );
  assert.deepEqual(
    first?.pastGrace?.map(({ table, graceSeconds }) => [table, graceSeconds]),
    [
      ['orders', 0],
      ['users', 0],
    ],
  );
  assert.match(
    first?.warnings.join('\n') ?? '',
    /When nodetool repair -full -- shop orders has run .*: ALTER TABLE "shop"\."orders" WITH gc_grace_seconds = 0;/,
  );
  const record = await recordOf(story, 'node1');
  assert.equal(record, `shop\torders\t0\t${live.grace}\nshop\tusers\t0\t${live.grace}\n`);
  assert.equal(await recordOf(story, 'node2'), record);

  // As after a crash: another run knows what the tables had before the first.
  live.altered.length = 0;
  const again = await story.restore({ repair: true });
  assert.deepEqual(
    live.altered.map(({ statement, repairs }) => [statement, repairs]),
    ['orders', 'users'].map((name) => [`ALTER TABLE "shop"."${name}" WITH gc_grace_seconds = 0;`, 2]),
  );
  assert.deepEqual([again?.warnings, await recordOf(story, 'node1'), await recordOf(story, 'node2')], [[], undefined, undefined]);
});

test('what is held back for other tables is named by every later restore, until somebody has set it', async (t) => {
  const { story, live } = await changedStory(t);
  live.grace = 0;
  await story.restore();
  const held = live.grace;
  const plan = await story.restore({ renames: parseRenames(['shop.orders=shop.orders_old']), dryRun: true, repair: true });
  assert.match(plan?.warnings.join('\n') ?? '', new RegExp(`gc_grace_seconds of shop\\.users is ${held} since a restore`));
  live.grace = 864_000;
  const later = await story.restore({ dryRun: true });
  assert.deepEqual(later?.warnings, []);
});

test('nothing is loaded where the own values cannot be noted, nor where the tables cannot be altered', async (t) => {
  const { story, live } = await changedStory(t, 1);
  live.grace = 0;
  const { remote } = story.cluster.node('node1');
  remote.on(cql('ALTER TABLE'), fails('<stdin>:2:Unauthorized: you may not'));
  await assert.rejects(story.restore(), /Unauthorized/);
  assert.deepEqual(remote.ran(importing), []);
});

test('without cqlsh the plan says that purging cannot be held back, and the rows come back all the same', async (t) => {
  const { story, live } = await changedStory(t, 1);
  live.grace = 0;
  const { id } = await story.cluster.backUp({ kind: 'snapshot' });
  const { remote } = story.cluster.node('node1');
  remote.on(program('cqlsh'), fails('cqlsh: not found', 127));
  const result = await story.restore({ choice: { name: id } });
  assert.match(
    story.asked[0]?.warnings.join('\n') ?? '',
    /shop\.orders \(0s\).*there purging cannot be held back: repair at once/,
  );
  assert.deepEqual([result?.nodes[0]?.error, result?.statements], [undefined, []]);
});

test('nodes that are restarted serve no client before they are repaired', async (t) => {
  const { story, live } = await changedStory(t);
  live.grace = 0;
  for (const { remote } of story.cluster.nodes) {
    remote.on(program('nodetool', 'statusbinary'), says('running\n'));
    remote.on(program('nodetool', 'disablebinary'), says(''));
    remote.on(program('nodetool', 'enablebinary'), says(''));
  }
  const result = await story.restore({ method: 'node-restart', repair: true });
  assert.equal(result?.repair, 'done');
  for (const { remote } of story.cluster.nodes) {
    const verbs = ['disablebinary', 'repair', 'enablebinary'];
    const order = remote.calls.map(({ argv }) => (argv[0] === 'nodetool' ? argv[1] : argv[4]) ?? '');
    assert.deepEqual(
      order.filter((word) => [...verbs, stopCommand, startCommand].includes(word)),
      [stopCommand, startCommand, ...verbs],
    );
  }
  assert.equal(live.grace, 0);
  assert.match(live.altered[0]?.statement ?? '', /= 2592\d{3};$/);
  await assert.rejects(access(join(story.cluster.node('node1').data, '.sstash-grace')));
});

test('clients are let in again when a repair fails', async (t) => {
  const { story, live } = await changedStory(t, 1);
  live.grace = 0;
  const { remote } = story.cluster.node('node1');
  remote.on(program('nodetool', 'statusbinary'), says('running\n'));
  remote.on(program('nodetool', 'disablebinary'), says(''));
  remote.on(program('nodetool', 'enablebinary'), says(''));
  remote.on(repairing, fails('error: Repair job has failed'));
  const result = await story.restore({ method: 'node-restart', repair: true });
  assert.equal(result?.repair, 'failed');
  assert.equal(remote.ran(program('nodetool', 'enablebinary')).length, 1);
});

test('what an earlier restore brought is held back until all nodes are repaired, not only those of this one', async (t) => {
  const { story, live } = await changedStory(t);
  live.grace = 0;
  await story.restore();
  const held = live.grace;
  const result = await story.restore({ hosts: ['node1'], only: ['node1'], repair: true });
  assert.deepEqual([result?.repair, live.grace], ['done', held]);
  assert.match(
    result?.warnings.join('\n') ?? '',
    /^only node1 repaired: .*\n(.*\n)*gc_grace_seconds of shop\.orders is \d+ since a restore.*its own is 0\./m,
  );
  assert.match((await recordOf(story, 'node1')) ?? '', /^shop\torders\t0\t/);
});

test('a table made anew from a schema that has the value of a restore gets its own after the repair, too', async (t) => {
  const { story, live } = await changedStory(t, 1);
  live.grace = 0;
  await story.restore();
  await story.cluster.backUp();
  const node = story.cluster.node('node1');
  const whole = node.view;
  node.view = { ...whole, tables: whole.tables.filter(({ table }) => table !== 'orders') };
  node.remote.on(
    cql('CREATE TABLE'),
    afterwards(() => void (node.view = whole)),
  );
  const filter = tableFilter(['shop.orders']);
  assert.equal((await story.restore({ filter, repair: true }))?.repair, 'done');
  assert.equal(live.altered.at(-1)?.statement, 'ALTER TABLE "shop"."orders" WITH gc_grace_seconds = 0;');
});

test('whoever places staged files is told that the backup is older than gc_grace_seconds', async (t) => {
  const { story, live } = await changedStory(t, 1);
  live.grace = 0;
  const plan = await story.restore({ method: 'stage', dryRun: true });
  assert.match(plan?.warnings.join('\n') ?? '', /more than gc_grace_seconds of shop\.orders \(0s\).*before the rows get there/);
  assert.equal(plan?.pastGrace?.length, 2);
  assert.deepEqual(live.altered, []);
});

test('--repair is refused where no live table is changed', async (t) => {
  const { story } = await changedStory(t, 1);
  await assert.rejects(
    story.restore({ method: 'stage', repair: true, dryRun: true }),
    isUsage(/^--repair goes with a restore into live tables/, /^method stage/),
  );
});
