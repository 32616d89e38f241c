/**
 * What `scyllabackup` and `sctool backup` do, each path once, on the stand-in for ScyllaDB: take, list, list at a time, verify,
 * download with the schema, restore the schema, mapping of directories, restore, delete what is old; globs, a dry run, limits
 * in parallel, retention, files, delete by tag.
 */
import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LzoPool } from '../../src/codec/lzo/pool.ts';
import { parsePerDatacenter } from '../../src/model/options/per-datacenter.ts';
import { tableFilter } from '../../src/model/options/table-filter.ts';
import { type TableId, tableDirectory } from '../../src/model/sstable.ts';
import { planBackup } from '../../src/operations/backup/dry-run.ts';
import { restoreLocal } from '../../src/operations/download/download.ts';
import { listBackups } from '../../src/operations/list.ts';
import { deleteBackups } from '../../src/operations/prune/delete.ts';
import { prune } from '../../src/operations/prune/prune.ts';
import { applyBackupSchema, mapTables, readBackupSchema } from '../../src/operations/schema/schema.ts';
import { manifestsOf, showBackup } from '../../src/operations/show.ts';
import { verify } from '../../src/operations/verify/verify.ts';
import { tableOf } from '../support/manifests.ts';
import { here } from '../support/local-target.ts';
import { never } from '../support/never.ts';
import { afterwards, onCall, program } from '../support/scripted-remote.ts';
import { events, orders, type ScyllaStory, scyllaStory, users } from '../support/scylla-cluster.ts';
import { ScyllaSchema } from '../support/scylla-schema.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const latest = { name: 'latest' };
const everything = tableFilter([]);
const request = {
  owner: { host: 'bastion', pid: process.pid, user: 'ops' },
  operation: 'test',
  timeoutSeconds: 0,
  listen: () => undefined,
};

function poolFor(t: TestContext): LzoPool {
  const pool = new LzoPool({ threads: 1 });
  t.after(() => pool.close());
  return pool;
}

async function verified({ cluster: { repository } }: ScyllaStory, pool: LzoPool, backup = 'latest') {
  return verify(
    { backup, transfers: 2, sample: { percent: 100, seed: 'x' } },
    { repository, pool, listen: () => undefined },
    never,
  );
}

test('scyllabackup: take, list, list at a moment, verify, and a file that is lost is found', async (t) => {
  const story = await scyllaStory(t);
  const { repository } = story.cluster;
  const first = await story.cluster.backUp();
  const second = await story.cluster.backUp();
  const all = await listBackups(repository, { since: undefined, until: undefined }, never);
  assert.deepEqual(
    all.backups.map(({ id }) => id),
    [first.id, second.id],
  );
  const shown = await showBackup(
    { repository, listen: () => undefined },
    { name: 'latest', before: new Date(Date.now() + 60_000) },
    never,
  );
  assert.equal(shown.backup.id, second.id);
  const pool = poolFor(t);
  assert.deepEqual((await verified(story, pool, 'all')).problems, []);
  const [lost = ''] = (await story.cluster.keys()).filter((key) => key.endsWith('-big-Scylla.db'));
  await repository.store.delete([lost], never);
  assert.deepEqual([...new Set((await verified(story, pool, 'all')).problems.map(({ key }) => key))], [lost]);
});

test('scyllabackup: download of one keyspace with the schema, to a directory of this host, with no node asked', async (t) => {
  const story = await scyllaStory(t);
  await story.cluster.backUp();
  story.scylla.nodes.forEach((node) => void (node.up = false));
  const directory = await temporaryDirectory(t);
  const { repository } = story.cluster;
  const result = await restoreLocal(
    { choice: latest, only: [], filter: tableFilter(['shop']), transfers: 2, dryRun: false, layout: 'plain', directory },
    { repository, pool: poolFor(t), listen: () => undefined, ...here },
    never,
  );
  assert.deepEqual(
    result.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  const names = await readdir(join(directory, 'scylla2', tableDirectory(orders)));
  assert.deepEqual(names.map((name) => name.replace(/^.*-big-/, '')).toSorted(), [
    'CompressionInfo.db',
    'Data.db',
    'Digest.crc32',
    'Filter.db',
    'Index.db',
    'Scylla.db',
    'Statistics.db',
    'Summary.db',
    'TOC.txt',
  ]);
  const question = { choice: latest, filter: everything, change: { datacenters: new Map<string, string>() } };
  const schema = await readBackupSchema(question, { repository, listen: () => undefined }, never);
  const texts = schema.map(({ text }) => text);
  for (const part of [
    'CREATE KEYSPACE stream',
    'CREATE MATERIALIZED VIEW shop.orders_by_day',
    'CREATE INDEX orders_day',
    'CREATE ROLE',
    'GRANT SELECT',
    'CREATE SERVICE LEVEL',
  ]) {
    assert.ok(
      texts.some((text) => text.startsWith(part)),
      part,
    );
  }
});

test('scyllabackup: schema into a fresh cluster after a question, mapping of directories with other ids, and the files there', async (t) => {
  const story = await scyllaStory(t);
  const rows = (await Promise.all(story.scylla.nodes.map((node) => node.contents(users)))).flat().toSorted();
  await story.cluster.backUp();
  const { repository } = story.cluster;
  const other: TableId = tableOf('shop', 'users', 0xabc);
  const schema = new ScyllaSchema([{ name: 'shop', tablets: "{'enabled': false}" }, { name: 'system' }], [other]);
  const target = await scyllaStory(t, { first: 5, nodes: 1, name: 'Fresh', schema });
  await target.scylla.nodes[0]?.truncate(other);
  Object.assign(target.cluster.parts, { repository, transferFor: story.cluster.parts.transferFor });
  const hosts = target.cluster.hosts;
  const question = {
    choice: latest,
    filter: tableFilter(['stream', 'shop.users']),
    change: { datacenters: new Map<string, string>() },
    hosts,
    dryRun: false,
    withFunctions: false,
  };
  const asked: number[] = [];
  const refused = await applyBackupSchema(
    question,
    async ({ statements }) => asked.push(statements.length) < 0,
    target.cluster.parts,
    never,
  );
  assert.deepEqual([refused, asked.length, schema.find('stream', 'events')], [undefined, 1, undefined]);
  const applied = await applyBackupSchema(question, async () => true, target.cluster.parts, never);
  assert.deepEqual([applied?.existing, schema.find('stream', 'events')], [['shop', 'shop.users'], events]);
  const mapping = await mapTables({ ...question, filter: tableFilter(['shop.users']) }, target.cluster.parts, never);
  assert.deepEqual(mapping, [{ keyspace: 'shop', table: 'users', backup: tableDirectory(users), live: tableDirectory(other) }]);
  const result = await target.restore({ hosts, filter: tableFilter(['shop.users']), method: 'load' });
  assert.equal(result?.nodes[0]?.error, undefined);
  assert.deepEqual(await target.scylla.nodes[0]?.contents(other), rows);
});

test('scyllabackup: what is old is deleted, and what a newer backup points at stays', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  await story.cluster.backUp();
  await story.scylla.nodes[0]?.flushSSTable(users, 555);
  const second = await story.cluster.backUp();
  const { repository } = story.cluster;
  const now = new Date(Date.now() + 40 * 86_400_000);
  const policy = { keepLast: 1, olderThan: { count: 30, unit: 'd' as const } };
  const result = await prune(
    repository,
    { policy, staleAfterSeconds: 86_400, graceSeconds: 86_400, dryRun: false, now },
    request,
    never,
  );
  assert.ok(result !== undefined);
  assert.deepEqual(
    (await listBackups(repository, { since: undefined, until: undefined }, never)).backups.map(({ id }) => id),
    [second.id],
  );
  assert.deepEqual((await verified(story, poolFor(t))).problems, []);
});

test('sctool: globs choose, a dry run touches nothing and says how much, limits hold per datacenter', async (t) => {
  const story = await scyllaStory(t);
  const options = story.cluster.backupOptions({
    filter: tableFilter(['shop.*', '!shop.orders*', '!shop.*_scylla_cdc_log', 'stream']),
    snapshotParallel: parsePerDatacenter('snapshot-parallel', ['dc1:1']),
    uploadParallel: parsePerDatacenter('upload-parallel', ['1']),
  });
  const plan = await planBackup(options, story.cluster.parts, never);
  assert.equal(plan.kind, 'snapshot');
  assert.deepEqual(await story.cluster.keys(), []);
  assert.deepEqual(
    story.scylla.nodes.flatMap((node) => node.remote.ran(program('nodetool', 'snapshot'))),
    [],
  );
  const { filter, snapshotParallel, uploadParallel } = options;
  const result = await story.cluster.backUp({ filter, snapshotParallel, uploadParallel });
  assert.deepEqual(
    [result.complete, result.tables.map(({ keyspace, table }) => `${keyspace}.${table}`)],
    [true, ['shop.users', 'shop.users$paxos', 'stream.events']],
  );
  await assert.rejects(story.cluster.backUp({ filter: tableFilter(['nosuch']) }), /no table matches nosuch/);
  await assert.rejects(story.cluster.backUp({ uploadParallel: parsePerDatacenter('upload-parallel', ['dc9:1']) }), /dc9/);
});

test('sctool: the last so many of a series stay, files are told by their keys, one is deleted by its name', async (t) => {
  const story = await scyllaStory(t, { nodes: 1 });
  const { repository } = story.cluster;
  const ids: string[] = [];
  for (let run = 0; run < 3; run += 1) {
    await story.scylla.nodes[0]?.flushSSTable(users, 600 + run);
    ids.push((await story.cluster.backUp({ policy: 'daily', retention: 2 })).id);
  }
  const listed = async () =>
    (await listBackups(repository, { since: undefined, until: undefined }, never)).backups.map(({ id }) => id);
  assert.deepEqual(await listed(), ids.slice(1));
  const files: string[] = [];
  for await (const manifest of manifestsOf({ repository, listen: () => undefined }, latest, never)) {
    files.push(...manifest.tables.flatMap((table) => table.files.map(({ key }) => key)));
  }
  const keys = await story.cluster.keys();
  assert.ok(files.length > 0 && files.every((key) => keys.includes(key)));
  assert.ok(
    files.some((key) => key.startsWith(`${ids[0]}/`)),
    'what the first backup stored is still pointed at',
  );
  const rules = {
    names: [ids[1] ?? ''],
    withIncrementals: false,
    forceLast: false,
    dryRun: false,
    atOnce: true,
    now: new Date(),
  };
  await deleteBackups(repository, rules, async () => true, request, never);
  assert.deepEqual(await listed(), ids.slice(2));
  assert.deepEqual((await verified(story, poolFor(t))).problems, []);
});

test('a snapshot that lacks a component is noticed by the list of its sstable, and taken again by the next run', async (t) => {
  const story = await scyllaStory(t);
  const [first] = story.scylla.nodes;
  assert.ok(first !== undefined);
  const [toc = ''] = (await readdir(first.live(users))).filter((name) => name.endsWith('-TOC.txt'));
  const tear = afterwards(({ argv: [, , , tag = ''] }) =>
    rm(join(first.live(users), 'snapshots', tag, toc.replace('TOC.txt', 'Scylla.db'))),
  );
  first.remote.on(program('nodetool', 'snapshot'), onCall(1, tear));
  const torn = await story.cluster.backUp();
  assert.equal(torn.complete, false);
  assert.match(torn.nodes[0]?.error ?? '', /-big-Scylla\.db belongs to an sstable and is not there/);
  assert.equal(new Set((await first.snapshots()).map(({ tag }) => tag)).size, 1, 'it stays, so that the run can go on');
  const again = await story.cluster.backUp({ resume: true });
  assert.deepEqual([again.id, again.complete], [torn.id, true]);
  assert.deepEqual(await first.snapshots(), []);
});
