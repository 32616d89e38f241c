/**
 * What differs between the versions of Cassandra, told in one short story on a cluster of two: a backup and an incremental one,
 * tables emptied and dropped, everything brought back while the cluster runs, schema and rows compared.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BackupDocument, type RestoreDocument, resultOf, runProgram } from '../support/program.ts';
import { type TableRows, cql, dumpRows, loadRows, runSandbox } from '../support/sandbox.ts';
import { type VersionCluster, fillCluster, openVersionCluster, schemaRows, zooKeyspaces } from '../support/version-cluster.ts';

const base = `it-${randomBytes(4).toString('hex')}`;
const chosen = ['-K', zooKeyspaces.join(',')];
/** Code that runs in the server is made where somebody asks for it. */
const whole = [...chosen, '--with-functions'];

let cluster: VersionCluster;
let written: Record<string, TableRows>;
let schema: readonly string[];

before(async () => {
  cluster = await openVersionCluster();
  await fillCluster(cluster);
  await Promise.all(cluster.hosts.map((host) => runSandbox(['nodetool', host, 'enablebackup'])));
});

after(async () => {
  await rm(join(cluster.bucket, base), { recursive: true, force: true });
});

function sstash(...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram([...args, '--json'], { env: { ...cluster.env, SSTASH_LOCATION: `s3://backups/${base}` } });
}

test('a snapshot backup and an incremental one are whole, and read back', async () => {
  const quiet = await sstash('backup');
  const snapshot = resultOf<BackupDocument>(quiet);
  // Every server describes its tables in a snapshot as it does when it is asked.
  assert.doesNotMatch(quiet.stderr, /altered/);
  assert.deepEqual([snapshot.kind, snapshot.complete, snapshot.nodes.length], ['snapshot', true, 2]);
  await loadRows(2, 100);
  const incremental = resultOf<BackupDocument>(await sstash('backup'));
  assert.deepEqual([incremental.kind, incremental.complete], ['incremental', true]);
  resultOf(await sstash('verify', '--all', '--read-data'));
  [written, schema] = [await dumpRows({ keyspaces: zooKeyspaces }), await schemaRows()];
});

test('tables that were emptied, dropped, or whose keyspace was, are back: every row, every option, every id', async () => {
  await cql(
    'TRUNCATE shop2.orders; TRUNCATE shop3.users; DROP TABLE shop2.page_hits; DROP KEYSPACE "Quoted_Ks"; DROP KEYSPACE zoo;',
  );
  const restored = resultOf<RestoreDocument>(await sstash('restore', 'latest', ...whole, '--yes'));
  assert.equal(restored.method, cluster.online);
  assert.ok(restored.tables.every(({ id, liveId }) => liveId === id));
  assert.deepEqual(await schemaRows(), schema);
  assert.deepEqual(await dumpRows({ keyspaces: zooKeyspaces }), written);
});

test('a copy beside the living table has its rows', async () => {
  resultOf(
    await sstash('restore', 'latest', '--rename', 'zoo.past=zoo."Copy"', '--rename', 'shop2.orders=shop2.orders_old', '--yes'),
  );
  const { 'zoo.Copy': copy, 'shop2.orders_old': orders, ...others } = await dumpRows({ keyspaces: zooKeyspaces });
  assert.deepEqual([copy, orders], [written['zoo.past'], written['shop2.orders']]);
  assert.deepEqual(others, written);
});
