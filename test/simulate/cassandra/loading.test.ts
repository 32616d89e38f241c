import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadTable } from '../../../src/cluster/placing/table-load.ts';
import { systemClock } from '../../../src/flow/clock.ts';
import { never } from '../../support/never.ts';
import { simulatedRemote } from '../host/remote.ts';
import { Cluster } from './cluster.ts';
import { sstableloader } from './loader.ts';
import { CassandraNode } from './node.ts';
import { sstableFiles } from './sstable.ts';

const table = { keyspace: 'shop', table: 't1', id: '1'.padStart(32, '0') };
const staged = '/var/lib/cassandra/sstash_restore/shop/t1';
const rows = new Map(['a', 'b', 'c', 'd', 'e', 'f'].map((key, index) => [key, { value: index, at: index + 1 }]));

/** Three nodes with two copies of each row, and an sstable that is staged on the first. */
function world() {
  const clock = { ...systemClock, sleep: async () => {} };
  const nodes = ['n1', 'n2', 'n3'].map((name) => new CassandraNode(name, clock, 1024 ** 3));
  const hosts = nodes.map(({ host, files }) => ({ host: host.name, files, aheadMs: 0 }));
  const plain = { tokens: 2, copies: 2, incremental: true, autoSnapshot: false, ballast: 0, nowMs: () => 1_000_000 };
  const cluster = new Cluster({ ...plain, hosts });
  cluster.create(table, { nowMs: 1_000_000 });
  const [first] = nodes;
  assert.ok(first !== undefined);
  first.files.mkdirs(staged);
  sstableFiles(1, rows).forEach((bytes, name) => first.files.write(`${staged}/${name}`, bytes));
  return { cluster, first };
}

test('what is streamed comes to every node that a row belongs to, and is linked as all that is new', async () => {
  const { cluster, first } = world();
  assert.deepEqual(await loaded(cluster, first), ['sstableloader: t1 to 3 of 3 nodes']);
  for (const [key, cell] of rows) {
    assert.deepEqual(cluster.reads(table, key), [cell]);
  }
  const [{ server } = assert.fail()] = cluster.members;
  assert.ok(first.files.list(`${server.directory(table)}/backups`).includes('nb-1-big-Data.db'));
});

test('a load of which one node hears nothing fails, and what has come to the others stays', async () => {
  const { cluster, first } = world();
  cluster.members[1]?.server.stop();
  await assert.rejects(loaded(cluster, first), /sstableloader failed on n1/);
  assert.ok(cluster.keys(table).size > 0);
});

test('files that somebody moved into a table are read at a refresh or at the next start, and not before', () => {
  for (const take of ['refresh', 'start'] as const) {
    const { cluster, first } = world();
    const [{ server } = assert.fail()] = cluster.members;
    for (const name of first.files.list(staged)) {
      first.files.rename(`${staged}/${name}`, `${server.directory(table)}/${name.replace('nb-1-', 'nb-1001-')}`);
    }
    assert.deepEqual([...server.rows(table)], []);
    server[take](table);
    assert.deepEqual(server.rows(table), rows);
    const names = first.files.list(server.directory(table)).filter((name) => name.endsWith('-Data.db'));
    assert.deepEqual(names, [take === 'refresh' ? 'nb-1-big-Data.db' : 'nb-1001-big-Data.db']);
  }
});

async function loaded(cluster: Cluster, { host }: CassandraNode): Promise<readonly string[]> {
  const told: string[] = [];
  const [member = assert.fail()] = cluster.members;
  const parts = { cluster, member, streamMs: () => 0, tell: (text: string) => told.push(text) };
  host.programs.set('sstableloader', (process) => sstableloader(process, parts));
  const config = { path: '/etc/cassandra/cassandra.yaml', cqlAddress: '10.0.0.1', cqlPort: 9042 };
  const node = { files: simulatedRemote(host), config };
  await loadTable(node, ['sstableloader'], { directory: staged, dataFiles: ['nb-1-big-Data.db'] }, never);
  assert.deepEqual(host.defects, []);
  return told;
}
