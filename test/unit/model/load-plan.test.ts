import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadVolumes, spreadLoads, tablesToLoad } from '../../../src/model/load-plan.ts';
import { nodeManifestOf, storedOf, tableOf, users } from '../../support/manifests.ts';

const orders = tableOf('shop', 'orders', 2);
const empty = tableOf('shop', 'empty', 3);
const view = tableOf('shop', 'by_city', 4);

function manifestOf(host: string, userBytes: number, orderBytes: number) {
  return nodeManifestOf({
    host,
    tables: [
      {
        ...users,
        files: [storedOf('nb-1-big-Data.db', { bytes: userBytes }), storedOf('.idx/nb-1-big-Data.db', { bytes: 9000 })],
      },
      { ...orders, files: [storedOf('nb-1-big-Data.db', { bytes: orderBytes })] },
      { ...empty, files: [] },
    ],
  });
}

const manifests = [manifestOf('n1', 50, 40), manifestOf('n2', 30, 20), manifestOf('n3', 25, 35)];

test('each host gets about as many bytes as the others, and files of two nodes never meet in one directory', () => {
  const spread = spreadLoads(manifests, [users, orders, empty], ['a', 'b']);
  const bytes = [...spread.values()].map((parts) =>
    parts.flatMap(({ table }) => table.files).reduce((sum, file) => sum + file.bytes, 0),
  );
  assert.deepEqual(bytes, [100, 100]);
  const directories = [...spread.values()].flat().map(({ directory }) => directory);
  assert.deepEqual(directories.toSorted(), [
    'n1/shop/orders',
    'n1/shop/users',
    'n2/shop/orders',
    'n2/shop/users',
    'n3/shop/orders',
    'n3/shop/users',
  ]);
  assert.deepEqual(spreadLoads(manifests, [users, orders, empty], ['a', 'b']), spread);
});

test('only chosen tables are loaded, without the directories of their indexes', () => {
  const [parts = []] = spreadLoads(manifests, [users], ['a']).values();
  assert.equal(parts.length, 3);
  assert.ok(parts.every(({ table }) => table.table === 'users' && table.files.length === 1));
});

test('a view is filled through its base table, and loaded only where that is not among the tables', () => {
  const views = [{ keyspace: 'shop', view: 'by_city', base: 'users' }];
  assert.deepEqual(tablesToLoad([users, view], views), [users]);
  assert.deepEqual(tablesToLoad([view], views), [view]);
});

test('every file goes to as many nodes as have copies of its rows', () => {
  const parts = [...spreadLoads(manifests, [users, orders], ['a', 'b']).values()].flat();
  assert.deepEqual(
    loadVolumes(parts, () => 3),
    [{ keyspace: 'shop', bytes: 200, copies: 3 }],
  );
  assert.deepEqual(
    loadVolumes(parts, () => undefined),
    [{ keyspace: 'shop', bytes: 200 }],
  );
});
