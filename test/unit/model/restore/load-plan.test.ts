import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadVolumes, spreadLoads, tablesToLoad } from '../../../../src/model/restore/load-plan.ts';
import type { TablePart } from '../../../../src/model/restore/plan.ts';
import { total } from '../../../../src/model/size.ts';
import { nodeManifestOf, storedOf, tableOf, users } from '../../../support/manifests.ts';

const orders = tableOf('shop', 'orders', 2);
const empty = tableOf('shop', 'empty', 3);
const view = tableOf('shop', 'by_city', 4);

function manifestOf(host: string, userBytes: number, orderBytes: number) {
  return nodeManifestOf({
    host,
    tables: [
      {
        ...users,
        files: [storedOf('nb-1-big-Data.db', { bytes: userBytes }), storedOf('nb-1-big-Filter.db', { bytes: 0 })],
      },
      { ...orders, files: [storedOf('nb-1-big-Data.db', { bytes: orderBytes })] },
      { ...empty, files: [] },
    ],
  });
}

const manifests = [manifestOf('n1', 50, 40), manifestOf('n2', 30, 20), manifestOf('n3', 25, 35)];

const bytesOf = (parts: readonly TablePart[]) => total(parts.flatMap(({ table }) => table.files.map(({ bytes }) => bytes)));

test('each host gets about as many bytes as the others, and the same ones when asked again', () => {
  const spread = spreadLoads(manifests, [users, orders, empty], ['a', 'b']);
  assert.deepEqual([...spread.values()].map(bytesOf), [100, 100]);
  assert.deepEqual(spreadLoads(manifests, [users, orders, empty], ['a', 'b']), spread);
});

test('what a host has of a table lies in one directory, whose names tell keyspace and table', () => {
  const spread = spreadLoads(manifests, [users, orders, empty], ['a']);
  assert.deepEqual(
    spread.get('a')?.map(({ directory, sources }) => [directory, sources.toSorted()]),
    [
      ['shop/users', ['n1', 'n2', 'n3']],
      ['shop/orders', ['n1', 'n2', 'n3']],
    ],
  );
});

test('a small table stays whole, since every run of the tool costs seconds', () => {
  const small = manifests.map((manifest) => ({
    ...manifest,
    tables: [...manifest.tables, { ...view, files: [storedOf('nb-1-big-Data.db', { bytes: 1 })] }],
  }));
  const spread = spreadLoads(small, [users, orders, view], ['a', 'b', 'c']);
  const holders = [...spread.values()].filter((parts) => parts.some(({ table }) => table.table === view.table));
  assert.equal(holders.length, 1);
});

test('sstables of several nodes keep together and apart from each other, whatever their names were', () => {
  const uuid = '3h5p_02gl_13nh62nziejh6er5ag';
  const [first, second] = [1, 2].map((number) =>
    nodeManifestOf({
      host: `n${number}`,
      tables: [
        {
          ...users,
          files: [
            'nb-7-big-Data.db',
            'nb-7-big-SAI+aa+age.db',
            'nb-9-big-Data.db',
            `nb-${uuid}-big-Data.db`,
            '.idx/nb-1-big-Data.db',
          ].map((path) => storedOf(path, { key: `n${number}/${path}` })),
        },
      ],
    }),
  );
  assert.ok(first !== undefined && second !== undefined);
  const files = spreadLoads([first, second], [users], ['a']).get('a')?.[0]?.table.files ?? [];
  assert.equal(new Set(files.map(({ path }) => path)).size, files.length);
  assert.deepEqual(
    files.map(({ path, key }) => [path, key]),
    [
      ['nb-1-big-Data.db', 'n1/nb-7-big-Data.db'],
      ['nb-1-big-SAI+aa+age.db', 'n1/nb-7-big-SAI+aa+age.db'],
      ['nb-2-big-Data.db', 'n1/nb-9-big-Data.db'],
      [`nb-${uuid}-big-Data.db`, `n1/nb-${uuid}-big-Data.db`],
      ['nb-3-big-Data.db', 'n2/nb-7-big-Data.db'],
      ['nb-3-big-SAI+aa+age.db', 'n2/nb-7-big-SAI+aa+age.db'],
      ['nb-4-big-Data.db', 'n2/nb-9-big-Data.db'],
      ['nb-5-big-Data.db', `n2/nb-${uuid}-big-Data.db`],
    ],
  );
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
