/** Restores into a stand-in for ScyllaDB, whose `nodetool refresh` empties `upload/`, streams, and refuses as Scylla's does. */
import assert from 'node:assert/strict';
import { access, readdir, stat, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { placedMark } from '../../src/model/restore/by-hand/restart.ts';
import { tableFilter } from '../../src/model/options/table-filter.ts';
import { type TableId, tableDirectory } from '../../src/model/sstable.ts';
import { restoreText } from '../../src/report/restore-report.ts';
import { afterwards, onCall, program, says, script } from '../support/scripted-remote.ts';
import type { ScyllaNode } from '../support/scylla-node.ts';
import {
  type ScyllaStory,
  events,
  orders,
  ordersByDay,
  ordersIndex,
  scyllaSchema,
  scyllaStory,
  users,
} from '../support/scylla-cluster.ts';
import { ScyllaSchema } from '../support/scylla-schema.ts';
import { extractScript } from '../../src/transfer/relay/download.ts';

const refreshing = program('nodetool', 'refresh');

async function contents({ scylla }: ScyllaStory, table: TableId): Promise<readonly (readonly string[])[]> {
  return Promise.all(scylla.nodes.map((node) => node.contents(table)));
}

async function truncateAll({ scylla }: ScyllaStory, tables: readonly TableId[]): Promise<void> {
  await Promise.all(scylla.nodes.flatMap((node) => tables.map((table) => node.truncate(table))));
}

async function uploads(node: ScyllaNode, table: TableId): Promise<readonly string[]> {
  return readdir(join(node.live(table), 'upload'));
}

/** Another cluster than the one of the backup, over the same store. */
async function elsewhere(t: Parameters<typeof scyllaStory>[0], from: ScyllaStory, wish: Parameters<typeof scyllaStory>[1]) {
  const target = await scyllaStory(t, { first: 5, ...wish });
  const { repository } = from.cluster;
  Object.assign(target.cluster.parts, { repository, transferFor: from.cluster.parts.transferFor });
  await truncateAll(
    target,
    target.scylla.schema.tables.filter((table) => target.scylla.schema.isStored(table)),
  );
  return target;
}

test('tables by vnodes come back to the nodes that had them, by plain refresh, with nothing left in upload', async (t) => {
  const story = await scyllaStory(t);
  const before = await contents(story, users);
  assert.notDeepEqual(before[0], before[1], 'each node has rows of its own');
  await story.cluster.backUp();
  await truncateAll(story, [users, orders]);
  const result = await story.restore();
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.equal(result?.method, 'refresh');
  assert.match(result?.reason ?? '', /runs Scylla 2025\.1\.4-0\.\S+, which has no nodetool import/);
  assert.deepEqual(await contents(story, users), before);
  for (const node of story.scylla.nodes) {
    assert.deepEqual(node.remote.ran(refreshing), ['nodetool refresh -- shop orders', 'nodetool refresh -- shop users']);
    assert.deepEqual(await uploads(node, users), []);
    assert.equal(
      await access(join(node.root, 'sstash_restore')).then(
        () => true,
        () => false,
      ),
      false,
    );
  }
});

test('what Scylla fills by itself is left out and named: views, indexes, change logs, state of transactions', async (t) => {
  const story = await scyllaStory(t);
  await story.cluster.backUp();
  const views = await contents(story, ordersByDay);
  const result = await story.restore();
  assert.deepEqual(
    result?.tables.map(({ table }) => table),
    ['orders', 'users'],
  );
  const warning = result?.warnings.find((each) => each.startsWith('left out'));
  for (const name of [
    'orders_by_day (a view)',
    'orders_day_index (an index)',
    'users_scylla_cdc_log (a change log)',
    'users$paxos (state of',
  ]) {
    assert.ok(warning?.includes(`shop.${name}`), `${name} in ${warning}`);
  }
  assert.deepEqual(
    result?.warnings.filter((each) => /drop it and create it again/.test(each)),
    [],
  );
  assert.deepEqual(await contents(story, ordersByDay), views);
  await assert.rejects(
    story.restore({ filter: tableFilter(['shop.orders_by_day']) }),
    /^UsageError: ScyllaDB fills by itself what was chosen: shop\.orders_by_day/,
  );
});

test('Scylla refuses the sstables of a view, which is why they are left out', async (t) => {
  const { scylla } = await scyllaStory(t, { nodes: 1 });
  const [node] = scylla.nodes;
  assert.ok(node !== undefined);
  for (const name of (await readdir(node.live(ordersIndex))).filter((each) => each.startsWith('me-'))) {
    await writeFile(join(node.live(ordersIndex), 'upload', name), '');
  }
  const answer = await node.nodetool(['refresh', '--', 'shop', ordersIndex.table]);
  assert.deepEqual([answer.status, /Re-create the view instead/.test(answer.stderr)], [4, true]);
});

test('a keyspace in tablets is streamed: every node has every row that its replicas had', async (t) => {
  const story = await scyllaStory(t);
  const before = (await contents(story, events)).flat().toSorted();
  await story.cluster.backUp();
  await truncateAll(story, [events]);
  const result = await story.restore({ filter: tableFilter(['stream']) });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.match(result?.reason ?? '', /rows of stream, kept in tablets, are streamed to the nodes that have them now$/);
  assert.deepEqual(
    story.scylla.nodes.flatMap((node) => node.remote.ran(refreshing)),
    ['nodetool refresh --load-and-stream -- stream events', 'nodetool refresh --load-and-stream -- stream events'],
  );
  assert.deepEqual(await contents(story, events), [before, before]);
});

test('tablets may have moved to nodes that the backup does not know, tokens may not', async (t) => {
  const story = await scyllaStory(t);
  await story.cluster.backUp();
  const joined = await scyllaStory(t, { nodes: 1, first: 9 });
  const [stranger] = joined.scylla.nodes;
  assert.ok(stranger !== undefined);
  story.scylla.nodes.push(stranger);
  const tablets = await story.restore({ filter: tableFilter(['stream']), dryRun: true });
  assert.equal(tablets?.method, 'refresh');
  await assert.rejects(story.restore({ dryRun: true }), /the backup does not know the tokens of 10\.0\.0\.9/);
});

test('nothing is streamed while a node is down, and vnodes need all nodes that are named', async (t) => {
  const story = await scyllaStory(t, { nodes: 3 });
  await story.cluster.backUp();
  const last = story.scylla.nodes[2];
  assert.ok(last !== undefined);
  last.up = false;
  const hosts = ['scylla1', 'scylla2'];
  const only = hosts;
  await assert.rejects(
    story.restore({ filter: tableFilter(['stream']), hosts, only, method: 'refresh' }),
    /^UsageError: node 10\.0\.0\.3 is down, and rows that belong there could not be streamed/,
  );
  await assert.rejects(story.restore({ method: 'refresh' }), /^UsageError: Scylla does not run on scylla3/);
});

test('load spreads the files of all nodes over a cluster with other tokens and another number of nodes', async (t) => {
  const story = await scyllaStory(t);
  const rows = {
    users: (await contents(story, users)).flat().toSorted(),
    events: (await contents(story, events)).flat().toSorted(),
  };
  await story.cluster.backUp();
  const target = await elsewhere(t, story, { nodes: 3, name: 'Other' });
  const hosts = target.cluster.hosts;
  const filter = tableFilter(['shop', 'stream']);
  await assert.rejects(target.restore({ hosts, filter, method: 'refresh' }), /no host holds the tokens of scylla1/);
  const result = await target.restore({ hosts, filter, method: 'load' });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined, undefined],
  );
  const ran = target.scylla.nodes.flatMap((node) => node.remote.ran(refreshing));
  assert.ok(ran.length >= 3 && ran.every((line) => line.startsWith('nodetool refresh --load-and-stream -- ')), ran.join());
  assert.deepEqual(await contents(target, users), [rows.users, rows.users, rows.users]);
  assert.deepEqual(await contents(target, events), [rows.events, rows.events, rows.events]);
});

test('a cluster that has nothing gets keyspaces and tables from the backup, tablets and ids as they were', async (t) => {
  const story = await scyllaStory(t);
  await story.cluster.backUp();
  const target = await elsewhere(t, story, { nodes: 1, name: 'Empty', schema: new ScyllaSchema([{ name: 'system' }], []) });
  const result = await target.restore({
    hosts: target.cluster.hosts,
    filter: tableFilter(['stream', 'shop.users']),
    method: 'load',
  });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined],
  );
  const { schema } = target.scylla;
  assert.deepEqual([schema.find('stream', 'events'), schema.find('shop', 'users')], [events, users]);
  assert.deepEqual([schema.keyspace('stream')?.tablets, schema.usesTablets('shop')], ["{'enabled': true, 'initial': 8}", false]);
  assert.ok(
    result?.statements?.some((text) => text.includes("'dc1': ['r1', 'r2']")),
    'the racks of each copy stay',
  );
  assert.ok(
    result?.statements?.every((text) => !/ROLE|GRANT|SERVICE LEVEL|paxos/.test(text)),
    'roles are not made by a restore',
  );
  assert.equal((await target.scylla.nodes[0]?.contents(users))?.length, 2);
});

test('TRUNCATE comes first where it is asked for, once for the base table', async (t) => {
  const story = await scyllaStory(t);
  const before = await contents(story, orders);
  await story.cluster.backUp();
  await Promise.all(story.scylla.nodes.map((node) => node.flushSSTable(orders, 999)));
  const result = await story.restore({ filter: tableFilter(['shop.orders']), truncate: true });
  assert.deepEqual(result?.statements, ['TRUNCATE "shop"."orders"']);
  assert.deepEqual(await contents(story, orders), before);
  assert.ok(story.scylla.truncatedAt.has(ordersByDay.id), 'Scylla empties the views with it');
});

test('files that refresh leaves in upload are a failure, however well it ended; the same command again mends it', async (t) => {
  const story = await scyllaStory(t);
  const before = await contents(story, users);
  await story.cluster.backUp();
  await truncateAll(story, [users]);
  const [first] = story.scylla.nodes;
  assert.ok(first !== undefined);
  first.remote.on(refreshing, onCall(1, says('')));
  const filter = tableFilter(['shop.users']);
  const failed = await story.restore({ filter });
  assert.match(
    failed?.nodes[0]?.error ?? '',
    /^shop\.users: nodetool refresh on scylla1 left 9 files of shop\.users in .*\/upload \(me-/,
  );
  assert.equal(failed?.nodes[1]?.error, undefined);
  const again = await story.restore({ filter });
  assert.deepEqual(
    again?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.deepEqual((await contents(story, users))[0], before[0]);
  assert.deepEqual(await uploads(first, users), []);
});

test('a refusal of the server is the error, with its own words', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  await story.cluster.backUp();
  const busy =
    'error executing POST request to http://localhost:10000/storage_service/sstables/shop: remote replied with status code 500 Internal Server Error:\nAlready loading SSTables. Try again later\n';
  story.scylla.nodes[0]?.remote.on(refreshing, says({ stderr: busy, status: 4 }));
  const result = await story.restore({ filter: tableFilter(['shop.users']) });
  assert.equal(
    result?.nodes[0]?.error,
    'shop.users: nodetool refresh failed on scylla1: Already loading SSTables. Try again later',
  );
});

test('after a restore the next backup is a snapshot: Scylla links only what it flushes', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  const [node] = story.scylla.nodes;
  assert.ok(node !== undefined);
  node.incrementalBackups = true;
  await writeFile(join(node.root, 'scylla.yaml'), `workdir: ${node.root}\nincremental_backups: true\n`);
  await story.cluster.backUp();
  await story.restore();
  assert.ok(await stat(join(node.data, placedMark)));
  const next = await story.cluster.backUp();
  assert.equal(next.kind, 'snapshot');
  assert.match(next.reason, /a restore placed files there after/);
});

test('an incremental backup comes back with its parent', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  const [node] = story.scylla.nodes;
  assert.ok(node !== undefined);
  node.incrementalBackups = true;
  await writeFile(join(node.root, 'scylla.yaml'), `workdir: ${node.root}\nincremental_backups: true\n`);
  await story.cluster.backUp();
  await node.flushSSTable(users, 4711);
  assert.equal((await story.cluster.backUp()).kind, 'incremental');
  const both = await contents(story, users);
  await truncateAll(story, [users]);
  await story.restore({ filter: tableFilter(['shop.users']) });
  assert.deepEqual(await contents(story, users), both);
});

test('integer names get others beside what lies in upload', async (t) => {
  const story = await scyllaStory(t, { nodes: 1, version: 'mc' });
  const [node] = story.scylla.nodes;
  assert.ok(node !== undefined);
  await truncateAll(story, [users]);
  await node.flushSSTable(users, 1, '7');
  const before = await contents(story, users);
  await story.cluster.backUp();
  await truncateAll(story, [users]);
  const moved: string[] = [];
  node.remote.on(
    refreshing,
    afterwards(() => {}),
  );
  node.remote.on(refreshing, async function* (call, next) {
    moved.push(...(await uploads(node, users)));
    yield* next();
  });
  await story.restore({ filter: tableFilter(['shop.users']) });
  assert.ok(moved.includes('mc-1000-big-Data.db'), moved.join());
  assert.deepEqual(await contents(story, users), before);
});

test('sstables that only Cassandra 4 and later read are refused before anything is fetched', async (t) => {
  const story = await scyllaStory(t, { nodes: 1, version: 'nb' });
  await story.cluster.backUp();
  await assert.rejects(
    story.restore(),
    /^UsageError: scylla1 has nb-\S+-big-Data\.db of shop\.orders, which ScyllaDB cannot read/,
  );
  assert.deepEqual(story.scylla.nodes[0]?.remote.ran(script(extractScript)), []);
});

test('node-restart and import are refused, with the reason and another way', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  await story.cluster.backUp();
  await assert.rejects(
    story.restore({ method: 'node-restart' }),
    (error: Error & { hint?: string }) =>
      /scylla1 runs Scylla 2025\.1\S+, which takes sstables by nodetool refresh alone/.test(error.message) &&
      /use --method refresh, or load/.test(error.hint ?? ''),
  );
  await assert.rejects(story.restore({ method: 'import' }), /scylla1 runs Scylla \S+, which has no nodetool import/);
});

test('what says who a node is goes into no table by refresh, on its own node either', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  await story.cluster.backUp();
  await assert.rejects(
    story.restore({ filter: tableFilter(['*']) }),
    /^UsageError: keyspace system belongs to single nodes and cannot be loaded/,
  );
  assert.deepEqual(story.scylla.nodes[0]?.remote.ran(refreshing), []);
});

test('a table can be filled beside the living one', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  const before = await contents(story, users);
  await story.cluster.backUp();
  await story.restore({
    filter: tableFilter([]),
    renames: [{ from: { keyspace: 'shop', table: 'users' }, to: { keyspace: 'shop', table: 'users_old' } }],
  });
  const copy = story.scylla.schema.find('shop', 'users_old');
  assert.ok(copy !== undefined && copy.id !== users.id);
  assert.deepEqual([await contents(story, copy), await contents(story, users)], [before, before]);
});

test('staged files are loaded by the printed commands, and no table is touched before', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  const [node] = story.scylla.nodes;
  assert.ok(node !== undefined);
  await story.cluster.backUp();
  await truncateAll(story, [users]);
  const directory = join(node.root, 'staged');
  const result = await story.restore({ method: 'stage', directory, filter: tableFilter(['shop.users']) });
  assert.ok(result !== undefined);
  assert.deepEqual([(await contents(story, users))[0], node.remote.ran(refreshing)], [[], []]);
  const text = restoreText(result);
  assert.match(text, /# ---- refresh, begin\n/);
  assert.doesNotMatch(text, /drain|systemctl|node restart/);
  // Run for real, with a nodetool that only says what it was told.
  const commands = result.commands.replaceAll('ssh scylla1 sh', 'sh').replaceAll('nodetool refresh', 'echo nodetool refresh');
  const { stdout } = await promisify(execFile)('sh', ['-c', commands]);
  assert.equal(stdout, 'nodetool refresh --load-and-stream -- shop users\n');
  assert.equal((await uploads(node, users)).length, 9);
  assert.deepEqual(await readdir(join(directory, tableDirectory(users))), []);
  await node.nodetool(['refresh', '--load-and-stream', '--', 'shop', 'users']);
  assert.equal((await contents(story, users))[0]?.length, 1);
});

test('a plan says what would be streamed and loads nothing', async (t) => {
  const story = await scyllaStory(t);
  await story.cluster.backUp();
  const plan = await story.restore({
    filter: tableFilter(['shop', 'stream']),
    method: 'load',
    hosts: story.cluster.hosts,
    dryRun: true,
  });
  assert.deepEqual(
    plan?.load?.map(({ keyspace, copies }) => [keyspace, copies]),
    [
      ['shop', 2],
      ['stream', 2],
    ],
  );
  assert.match(plan === undefined ? '' : restoreText(plan), /are streamed, each to every node that has copies of its rows/);
  assert.deepEqual(
    story.scylla.nodes.flatMap((node) => node.remote.ran(refreshing)),
    [],
  );
});

test('a keyspace that lives in tablets now is streamed, however it was kept at the backup', async (t) => {
  const story = await scyllaStory(t);
  await story.cluster.backUp();
  const now = scyllaSchema();
  story.scylla.schema.keyspaces = now.keyspaces.map((keyspace) =>
    keyspace.name === 'shop' ? { ...keyspace, tablets: "{'enabled': true}" } : keyspace,
  );
  await story.restore({ filter: tableFilter(['shop.users']) });
  assert.deepEqual(story.scylla.nodes[0]?.remote.ran(refreshing), ['nodetool refresh --load-and-stream -- shop users']);
});
