/** A table that lives in another shape than the backup's is refused by every method, before anything is created, loaded or fetched. */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tableFilter } from '../../../../../src/model/options/table-filter.ts';
import { UsageError } from '../../../../../src/model/errors.ts';
import { tableIdOf, uuidOf } from '../../../../../src/model/sstable.ts';
import { orders, users } from '../../../../support/scripted-cluster.ts';
import { cql, fails, says, script } from '../../../../support/scripted-remote.ts';
import { type RestoreStory, restoreStory, serviceCalls } from '../../../../support/scripted-restore.ts';
import { createTable, schemaText } from '../../../../support/scripted-texts.ts';
import { temporaryDirectory } from '../../../../support/temporary.ts';
import { extractScript } from '../../../../../src/transfer/relay/download.ts';

const describe = cql('DESCRIBE SCHEMA');

/** From now on the cluster says this of its schema; the backup's tables have one column, `id int PRIMARY KEY`. */
function living({ cluster }: RestoreStory, text: string): void {
  for (const { remote } of cluster.nodes) {
    remote.on(describe, says(text));
  }
}

const otherOrders = schemaText([users, orders]).replace(
  createTable(orders),
  createTable(orders).replace('id int PRIMARY KEY', 'id text PRIMARY KEY'),
);
const difference = "shop.orders lives in another shape than the backup's: the partition key was (id int) and is (id text) now";

test('every method that changes live tables refuses it, with or without a dry run', async (t) => {
  const story = await restoreStory(t, 2);
  living(story, otherOrders);
  const directory = join(await temporaryDirectory(t), 'staging');
  for (const method of ['import', 'refresh', 'load', 'node-restart'] as const) {
    for (const dryRun of [true, false]) {
      await assert.rejects(story.restore({ method, dryRun, directory }), (error) => {
        assert.ok(error instanceof UsageError, method);
        assert.equal(error.message, difference);
        assert.equal(error.hint, 'restore beside what lives, with --rename shop.orders=shop.orders_restored');
        return true;
      });
    }
  }
  assert.deepEqual(story.asked, []);
  await assert.rejects(access(directory));
  for (const node of story.cluster.nodes) {
    assert.deepEqual(serviceCalls(node), []);
    assert.deepEqual(node.remote.ran(script(extractScript)), []);
    assert.deepEqual(node.remote.calls.filter(cql('CREATE')), []);
  }
});

test('the table that is as it was is restored beside it, and the other as a copy', async (t) => {
  const story = await restoreStory(t);
  living(story, otherOrders);
  const result = await story.restore({ method: 'import', filter: tableFilter(['shop.users']) });
  assert.deepEqual(result?.warnings, []);
  const renames = [{ from: { keyspace: 'shop', table: 'orders' }, to: { keyspace: 'shop', table: 'orders_restored' } }];
  const plan = await story.restore({ method: 'import', renames, dryRun: true });
  assert.equal(plan?.tables[0]?.table, 'orders_restored');
});

test('a copy that an earlier run made is compared under its own name', async (t) => {
  const story = await restoreStory(t);
  const renames = [{ from: { keyspace: 'shop', table: 'orders' }, to: { keyspace: 'shop', table: 'copy' } }];
  const plan = await story.restore({ method: 'import', renames, dryRun: true });
  const create = plan?.statements?.find((statement) => statement.includes('"copy"')) ?? '';
  const id = tableIdOf(/ID = (\S+)/.exec(create)?.[1] ?? '') ?? '';
  const copy = { keyspace: 'shop', table: 'copy', id };
  for (const node of story.cluster.nodes) {
    node.view = { ...node.view, tables: [users, orders, copy] };
  }
  living(story, schemaText([users, orders, copy]));
  assert.deepEqual((await story.restore({ method: 'import', renames, dryRun: true }))?.warnings, []);
  living(story, schemaText([users, orders, copy]).replace(/id int (PRIMARY KEY\n\) WITH ID = )(?=\S+\n[^;]*;\n$)/, 'id text $1'));
  await assert.rejects(story.restore({ method: 'import', renames, dryRun: true }), {
    message: "shop.copy lives in another shape than the backup's: the partition key was (id int) and is (id text) now",
    hint: 'restore beside what lives, with --rename shop.orders=shop.copy_restored',
  });
});

test('files that are only put beside the live ones are fetched, with the difference as a warning', async (t) => {
  const story = await restoreStory(t);
  living(story, otherOrders);
  const directory = join(await temporaryDirectory(t), 'staging');
  const result = await story.restore({ method: 'stage', directory });
  assert.deepEqual(result?.warnings, [
    'do not place the files of shop.orders, its rows could not be read: the partition key was (id int) and is (id text) now',
  ]);
  assert.equal(result?.nodes[0]?.error, undefined);
});

test('where cqlsh cannot say the living schema the restore goes on, and says that nothing was compared', async (t) => {
  const story = await restoreStory(t);
  for (const { remote } of story.cluster.nodes) {
    remote.on(describe, fails('Connection error: no'));
    remote.on(cql('FROM system_schema'), fails('Connection error: no'));
  }
  const result = await story.restore({ method: 'import' });
  const [warning = ''] = result?.warnings ?? [];
  assert.match(
    warning,
    /^the living tables were not compared with those of the backup, .*: cqlsh failed on node1: Connection error: no/,
  );
  assert.ok(result?.tables.every(({ liveId }) => liveId !== undefined));
});

test('a table of the backup that its schema does not tell is restored, and named', async (t) => {
  const story = await restoreStory(t);
  living(story, schemaText([users, orders]).replaceAll(uuidOf(orders.id), uuidOf(users.id)));
  const result = await story.restore({ method: 'import' });
  assert.deepEqual(result?.warnings, [
    'shop.orders was not compared with the living table: the living schema describes a table of that name with another id',
  ]);
});
