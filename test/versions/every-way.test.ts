/** Every way in which tables come back that this version of Cassandra has, on a cluster of two; every row compared. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BackupDocument, type RestoreDocument, resultOf, runProgram } from '../support/program.ts';
import { type TableRows, cql, dumpRows, loadRows, onHost } from '../support/sandbox.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type VersionCluster, fillCluster, openVersionCluster, schemaRows, zooKeyspaces } from '../support/version-cluster.ts';

const base = `it-${randomBytes(4).toString('hex')}`;
const chosen = ['-K', zooKeyspaces.join(',')];
/** Code that runs in the server is made where somebody asks for it. */
const whole = [...chosen, '--with-functions'];

let cluster: VersionCluster;
let snapshot: BackupDocument;
let written: Record<string, TableRows>;
let schema: readonly string[];

before(async () => {
  cluster = await openVersionCluster();
  await fillCluster(cluster);
  snapshot = resultOf<BackupDocument>(await sstash('backup', '--new-snapshot'));
  [written, schema] = [await dumpRows({ keyspaces: zooKeyspaces }), await schemaRows()];
});

after(async () => {
  await rm(join(cluster.bucket, base), { recursive: true, force: true });
});

function sstash(...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram([...args, '--json'], { env: { ...cluster.env, SSTASH_LOCATION: `s3://backups/${base}` } });
}

async function lose(): Promise<void> {
  await cql('TRUNCATE shop2.orders; TRUNCATE shop3.users; DROP TABLE IF EXISTS shop2.page_hits; DROP KEYSPACE IF EXISTS zoo;');
}

async function restoredBy(method: string, ...options: readonly string[]): Promise<RestoreDocument> {
  const ran = await sstash('restore', snapshot.id, ...whole, '--method', method, '--yes', ...options);
  const restored = resultOf<RestoreDocument>(ran);
  assert.equal(restored.method, method);
  return restored;
}

async function assertAllIsBack(): Promise<void> {
  assert.deepEqual(await schemaRows(), schema);
  assert.deepEqual(await dumpRows({ keyspaces: zooKeyspaces }), written);
}

test('nodetool import, which came with 4.0, or a refusal that names refresh', async () => {
  await lose();
  if (cluster.online === 'import') {
    await restoredBy('import', '--transfer', 'relay');
    await assertAllIsBack();
  } else {
    const ran = await sstash('restore', snapshot.id, ...whole, '--method', 'import', '--yes');
    assert.equal(ran.code, 2);
    assert.match(ran.stdout, /which has no nodetool import[\s\S]*--method refresh/);
  }
});

test('nodetool refresh', async () => {
  await lose();
  await restoredBy('refresh', '--transfer', 'relay');
  await assertAllIsBack();
});

test('sstableloader', async () => {
  await lose();
  await restoredBy('load');
  await assertAllIsBack();
});

test('the node restart method, there and back', async () => {
  await loadRows(3, 20);
  const living = await dumpRows({ keyspaces: zooKeyspaces });
  await restoredBy('node-restart');
  await assertAllIsBack();
  resultOf(await sstash('restore', '--undo', '--yes'));
  assert.deepEqual(await dumpRows({ keyspaces: zooKeyspaces }), living);
});

test('whole nodes, system keyspaces and all, which have lost their disks', async () => {
  await Promise.all(
    cluster.hosts.map((host) =>
      onHost(
        host,
        'nodetool drain; service cassandra stop; find /var/lib/cassandra/*/ -mindepth 1 -delete; test -d /var/lib/cassandra/data',
      ),
    ),
  );
  resultOf(
    await sstash('restore', snapshot.id, '-K', '*', '--method', 'node-restart', '--yes', '--hosts', cluster.hosts.join(',')),
  );
  await assertAllIsBack();
});

test('beside the live data, and on the control host', async (t) => {
  const staged = resultOf<RestoreDocument>(
    await sstash('restore', snapshot.id, ...chosen, '--to', '/var/lib/cassandra/beside', '--yes'),
  );
  for (const { host, files } of staged.nodes) {
    assert.ok(files > 0);
    assert.equal(Number(await onHost(host, "find /var/lib/cassandra/beside -type f -not -name '.sstash*' | wc -l")), files);
    await onHost(host, 'rm -rf /var/lib/cassandra/beside');
  }
  resultOf(await sstash('download', snapshot.id, ...chosen, '--to', await temporaryDirectory(t)));
});
