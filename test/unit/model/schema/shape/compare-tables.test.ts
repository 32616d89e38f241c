import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '../../../../../src/model/errors.ts';
import { parseSchema } from '../../../../../src/model/schema/cql-statements.ts';
import {
  compareTables,
  refuseOtherPartitioner,
  refuseOtherShapes,
  shapeWarnings,
} from '../../../../../src/model/schema/shape/compare-tables.ts';
import { uuidOf } from '../../../../../src/model/sstable.ts';
import { tableOf } from '../../../../support/manifests.ts';

const [first, second] = [tableOf('shop', 'orders', 1), tableOf('shop', 'orders', 2)];

/** `columns` of a CREATE TABLE shop.orders, then other statements. */
interface Side {
  readonly columns: string;
  readonly having?: string;
  readonly others?: readonly string[];
}

function compare(was: Side, now: Side, sameId: boolean) {
  const to = sameId ? first : second;
  const schema = ({ columns, having = '', others = [] }: Side, id: string) => {
    const types = others.filter((each) => each.startsWith('CREATE TYPE'));
    const create = `CREATE TABLE shop.orders (${columns}) WITH ID = ${uuidOf(id)} ${having}`;
    return parseSchema([...types, create, ...others.filter((each) => !types.includes(each))].join(';\n'));
  };
  return compareTables([{ from: first, to, sameId }], schema(was, first.id), schema(now, to.id));
}

/** Why the living table is refused, and what is said of it. */
function said(was: Side, now: Side, sameId: boolean): readonly string[] {
  const [compared] = compare(was, now, sameId);
  return [
    ...(compared?.refused ?? []).map(({ text }) => text),
    ...(compared?.notes ?? []).map((note) => `note: ${note}`),
    ...(compared?.unknown === undefined ? [] : [`unknown: ${compared.unknown}`]),
  ];
}

const drop = (column: string, at = 1) => `ALTER TABLE shop.orders DROP ${column} USING TIMESTAMP ${at}`;
const plain = { columns: 'id int PRIMARY KEY, v text' };

const cases: readonly (readonly [title: string, was: Side, now: Side, other: readonly string[], same?: readonly string[]])[] = [
  ['the same columns', plain, { columns: 'v text, id int, PRIMARY KEY (id)' }, []],
  ['more columns, and keys by other names', plain, { columns: 'key int PRIMARY KEY, v varchar, w int, s int static' }, []],
  ['options', plain, { ...plain, having: "AND comment = 'v int' AND gc_grace_seconds = 5 AND default_time_to_live = 7" }, []],
  ['another type', plain, { columns: 'id int PRIMARY KEY, v int' }, ['column v was text and is int now']],
  [
    'a type that reads the values of the other',
    { columns: 'id int PRIMARY KEY, v ascii, w timeuuid, x frozen<list<int>>' },
    { columns: 'id int PRIMARY KEY, v text, w uuid, x blob' },
    [
      'column v was ascii and is text now',
      'column w was timeuuid and is uuid now',
      'column x was frozen<list<int>> and is blob now',
    ],
    [],
  ],
  ['a column less', { columns: 'id int PRIMARY KEY, v text, w int' }, plain, ['it has no column w']],
  ['another key', plain, { columns: 'id text PRIMARY KEY, v text' }, ['the partition key was (id int) and is (id text) now']],
  [
    'a key of other columns',
    { columns: 'a int, b int, c int, PRIMARY KEY ((a, b), c)' },
    { columns: 'a int, b int, c int, PRIMARY KEY (a, b, c)' },
    ['the partition key was (a int, b int) and is (a int) now', 'the clustering was (c int) and is (b int, c int) now'],
  ],
  [
    'another order',
    { columns: 'a int, b int, PRIMARY KEY (a, b)', having: 'AND CLUSTERING ORDER BY (b ASC)' },
    { columns: 'a int, c int, PRIMARY KEY (a, c)', having: 'AND CLUSTERING ORDER BY (c DESC)' },
    ['the order of b was ASC and is DESC now'],
  ],
  [
    'static or not',
    { columns: 'a int, b int, s int static, v int, PRIMARY KEY (a, b)' },
    { columns: 'a int, b int, s int, v int static, PRIMARY KEY (a, b)' },
    ['column s was static and is not static now', 'column v was not static and is static now'],
  ],
  [
    'counters',
    { columns: 'id int PRIMARY KEY, v counter' },
    { columns: 'id int PRIMARY KEY, v bigint' },
    ['it was a table of counters and is not now', 'column v was counter and is bigint now'],
  ],
  [
    'frozen or not, within others alike',
    { columns: 'id int PRIMARY KEY, f frozen<list<int>>, l list<int>, m map<text, frozen<list<int>>>, t tuple<int, text>' },
    { columns: 'id int PRIMARY KEY, f list<int>, l frozen<list<int>>, m map<text, list<int>>, t frozen<tuple<int, text>>' },
    ['column f was frozen<list<int>> and is list<int> now', 'column l was list<int> and is frozen<list<int>> now'],
  ],
  [
    'sizes of vectors and tuples',
    { columns: 'id int PRIMARY KEY, a vector<float, 3>, b tuple<int, int>, c vector<float, 3>' },
    { columns: 'id int PRIMARY KEY, a vector<float, 4>, b tuple<int, int, int>, c vector<float,3>' },
    ['column a was vector<float, 3> and is vector<float, 4> now', 'column b was tuple<int, int> and is tuple<int, int, int> now'],
  ],
  [
    'fields of a user type that were added or renamed',
    { columns: 'id int PRIMARY KEY, a frozen<addr>', others: ['CREATE TYPE shop.addr (street text, zip int)'] },
    { columns: 'id int PRIMARY KEY, a frozen<addr>', others: ['CREATE TYPE shop.addr (street text, "Zip" int, more text)'] },
    [],
  ],
  [
    'a user type with fewer fields, also within others',
    {
      columns: 'id int PRIMARY KEY, a addr, l list<frozen<home>>',
      others: ['CREATE TYPE shop.addr (street text, zip int)', 'CREATE TYPE shop.home (a frozen<addr>)'],
    },
    {
      columns: 'id int PRIMARY KEY, a addr, l list<frozen<home>>',
      others: ['CREATE TYPE shop.addr (street text)', 'CREATE TYPE shop.home (a frozen<addr>)'],
    },
    ['type addr has fewer fields than in the backup: it lacks zip int'],
  ],
  [
    'a user type with another field',
    { columns: 'id int PRIMARY KEY, a frozen<addr>', others: ['CREATE TYPE shop.addr (street text)'] },
    { columns: 'id int PRIMARY KEY, a frozen<addr>', others: ['CREATE TYPE shop.addr (street blob)'] },
    ['column a was frozen<addr> and is frozen<addr> now'],
  ],
  [
    'a column that was dropped since',
    { columns: 'id int PRIMARY KEY, v text, "It\'s" int' },
    { columns: 'id int PRIMARY KEY, v text, "It\'s" int', others: [drop('"It\'s"')] },
    ["note: columns It's: dropped since the backup; what it holds of them stays hidden"],
  ],
  [
    'a column that was dropped as a collection',
    { columns: 'id int PRIMARY KEY, v text, w int' },
    { columns: 'id int PRIMARY KEY, v text, w list<int>', others: [drop('w')] },
    ['column w was int and is list<int> now, and is dropped'],
  ],
  [
    'a column that was dropped since and is there again',
    { columns: 'id int PRIMARY KEY, v text' },
    { columns: 'id int PRIMARY KEY, v text', others: [drop('v'), 'ALTER TABLE shop.orders ADD v text'] },
    ['note: columns v: dropped since the backup; what it holds of them stays hidden'],
  ],
  [
    'the same drop on both sides',
    { columns: 'id int PRIMARY KEY, v text, w int', others: [drop('w'), drop('v'), 'ALTER TABLE shop.orders ADD v text'] },
    { columns: 'id int PRIMARY KEY, v text, w int', others: [drop('w'), drop('v'), 'ALTER TABLE shop.orders ADD v text'] },
    [],
  ],
  [
    'a column that the backup had dropped',
    { columns: 'id int PRIMARY KEY, v text, w int, x int', others: [drop('w'), drop('x')] },
    { columns: 'id int PRIMARY KEY, v text, x int' },
    ['it has no column w', 'note: columns x: dropped before the backup and live now; old values may be seen again'],
    // What its own table lacks is only the DROP, which the restore runs.
    ['it has no column w'],
  ],
  [
    'a column whose name the key has now',
    { columns: 'id int PRIMARY KEY, v text' },
    { columns: 'before int PRIMARY KEY, v text', others: [drop('v'), 'ALTER TABLE shop.orders RENAME before TO v'] },
    ['column v has the name of a key column now'],
  ],
  [
    'COMPACT STORAGE',
    { columns: 'id int PRIMARY KEY, v text', having: 'AND COMPACT STORAGE' },
    { columns: 'id int, column1 text, v text static, value blob, PRIMARY KEY (id, column1)' },
    [
      'it was WITH COMPACT STORAGE and is not now',
      'the clustering was () and is (column1 text) now',
      'column v was not static and is static now',
    ],
    [],
  ],
  [
    'an ALTER that is not understood',
    plain,
    { ...plain, others: ['ALTER TABLE shop.orders FROB v'] },
    unknownText('living schema'),
  ],
];

function unknownText(schema: string): readonly string[] {
  return [`unknown: the ${schema} does not describe it in a way that is understood`];
}

for (const [title, was, now, other, same = other] of cases) {
  test(`${title}: against a table of another id, and against the backup's own`, () => {
    assert.deepEqual([said(was, now, false), said(was, now, true)], [other, same]);
  });
}

test('a refusal names every table, the statements that help, and copies where none does', () => {
  const few = compare({ columns: 'id int PRIMARY KEY, "It\'s" map<text, int>, w int' }, { columns: 'id int PRIMARY KEY' }, false);
  assert.throws(
    () => refuseOtherShapes(few),
    new UsageError("shop.orders lives in another shape than the backup's: it has no column It's, it has no column w", {
      hint: `run ALTER TABLE shop.orders ADD "It's" map<text, int>; ALTER TABLE shop.orders ADD w int; then the same command again, or restore beside what lives, with --rename shop.orders=shop.orders_restored`,
    }),
  );
  const typ = compare(plain, { columns: 'id int PRIMARY KEY, v int' }, false);
  assert.throws(() => refuseOtherShapes([...few, ...typ]), {
    hint: /^run ALTER .*; then the same command again; restore the others beside what lives, with --rename shop\.orders=/,
  });
  assert.throws(() => refuseOtherShapes(typ), { exitCode: 2, hint: /^restore beside what lives, with --rename/ });
  assert.deepEqual(shapeWarnings(typ), [
    'do not place the files of shop.orders, its rows could not be read: column v was text and is int now',
  ]);
});

test('lacking fields of a type, and a column that the backup had dropped, have statements of their own', () => {
  const type = (fields: string) => ({ columns: 'id int PRIMARY KEY, a addr', others: [`CREATE TYPE shop.addr (${fields})`] });
  const [smaller] = compare(type('a int, "B" set<int>'), type('a int'), true);
  assert.deepEqual(smaller?.refused[0]?.ways, ['ALTER TYPE shop.addr ADD "B" set<int>']);
  const [dropped] = compare(
    { columns: 'id int PRIMARY KEY, "W" int', others: [drop('"W"')] },
    { columns: 'id int PRIMARY KEY' },
    false,
  );
  assert.deepEqual(dropped?.refused[0]?.ways, ['ALTER TABLE shop.orders ADD "W" int', 'ALTER TABLE shop.orders DROP "W"']);
});

test('a view has its own key and the types of its base table, and is made again where it lives in another shape', () => {
  const view = (columns: string, key: string, having = '') => [
    ...parseSchema(`CREATE TABLE shop.base (id int PRIMARY KEY, v text, w int);
      CREATE MATERIALIZED VIEW shop.orders AS SELECT ${columns} FROM shop.base WHERE v IS NOT NULL AND id IS NOT NULL
      PRIMARY KEY (${key}) WITH ID = ${uuidOf(first.id)} ${having}`),
  ];
  const target = { from: first, to: first, sameId: true };
  const refusals = (now: ReturnType<typeof view>) =>
    compareTables([target], view('*', 'v, id'), now).map(({ refused }) => refused);
  assert.deepEqual(refusals(view('v, id, w', 'v, id')), [[]]);
  assert.deepEqual(
    refusals(view('v, id', '(v, id)', 'AND CLUSTERING ORDER BY (id DESC)'))[0]?.map(({ text }) => text),
    [
      'the partition key was (v text) and is (v text, id int) now',
      'the clustering was (id int) and is () now',
      'it has no column w',
    ],
  );
  assert.throws(() => refuseOtherShapes(compareTables([target], view('*', 'v, id'), view('v, id', 'v, id'))), {
    hint: 'run DROP MATERIALIZED VIEW shop.orders; then the same command again',
  });
});

test('what cannot be compared is said, and refuses nothing', () => {
  const target = { from: first, to: second, sameId: false };
  const create = (id: string) => parseSchema(`CREATE TABLE shop.orders (id int PRIMARY KEY) WITH ID = ${uuidOf(id)}`);
  const warnings = (backup: ReturnType<typeof create>, live: ReturnType<typeof create>) => {
    const compared = compareTables([target], backup, live);
    refuseOtherShapes(compared);
    return shapeWarnings(compared);
  };
  const head = 'shop.orders was not compared with the living table';
  assert.deepEqual(warnings([], create(second.id)), [
    `${head}: the backup's schema does not describe it in a way that is understood`,
  ]);
  assert.deepEqual(warnings(create(second.id), create(second.id)), [
    `${head}: the backup's schema describes a table of that name with another id`,
  ]);
  assert.deepEqual(warnings(create(first.id), create(second.id)), []);
});

test('another partitioner is refused; one that an unfinished backup does not say is not', () => {
  const [murmur, random] = ['org.apache.cassandra.dht.Murmur3Partitioner', 'org.apache.cassandra.dht.RandomPartitioner'];
  refuseOtherPartitioner(murmur, 'Murmur3Partitioner');
  refuseOtherPartitioner(undefined, murmur);
  assert.throws(
    () => refuseOtherPartitioner(random, murmur),
    /a cluster with RandomPartitioner, and this one has Murmur3Partitioner/,
  );
});

const names = fc
  .string({ minLength: 1, unit: fc.constantFrom(...`a"';,()<>$-/* B`) })
  .map((name) => `"${name.replaceAll('"', '""')}"`);
const types = fc.letrec<{ type: string }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('int', 'text', 'duration', "'org.example.Type'"),
    fc.tuple(fc.constantFrom('frozen<list<', 'frozen<set<'), tie('type')).map(([open, type]) => `${open}${type}>>`),
    fc.tuple(tie('type'), tie('type')).map(([key, value]) => `frozen<map<${key}, ${value}>>`),
    fc.array(tie('type'), { minLength: 1, maxLength: 3 }).map((all) => `tuple<${all.join(', ')}>`),
  ),
})).type;

test('whatever names and types a table has, it reads its own rows, and lacks each column that is left out by name', () =>
  fc.assert(
    fc.property(
      fc.uniqueArray(names, { minLength: 2, maxLength: 5 }),
      fc.array(types, { minLength: 5, maxLength: 5 }),
      (all, kinds) => {
        const columns = all.map((name, at) => `${name} ${kinds[at] ?? 'int'}`);
        const having = `, PRIMARY KEY (${all[0] ?? ''})`;
        const was = { columns: `${columns.join(', ')}${having}` };
        assert.deepEqual(said(was, was, false), []);
        const [compared] = compare(was, { columns: `${columns.slice(0, -1).join(', ')}${having}` }, false);
        const way = `ALTER TABLE shop.orders ADD ${columns.at(-1) ?? ''}`;
        // What an older cqlsh would take out of a name nobody is led to give it.
        assert.deepEqual(compared?.refused[0]?.ways, /\/\*|\*\//.test(way) ? [] : [way]);
      },
    ),
  ));
