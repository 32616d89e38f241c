/** What judges the soak can fail: a row that is lost, old, or back although it was deleted is seen; and what may be one thing or the other is no fault. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Oracle } from '../soak/oracle.ts';
import { type Change, changed, merged, nothing, type Partition, type Seen, seenOf } from '../soak/partition.ts';
import { nameOf, readRows, selectOf, statementOf, type Table, tables } from '../soak/tables.ts';

const table: Table = tables.find(({ name }) => name === 'wide') ?? assert.fail();
let at = 1_796_000_000_000_000;

function change(what: Change['what'], more: Partial<Change> = {}): Change {
  at += 1000;
  return { key: 1, row: 0, values: {}, tags: [], at, what, ...more };
}

function after(...changes: readonly Change[]): Partition {
  return changes.reduce(changed, nothing);
}

function rowsOf(...changes: readonly Change[]): ReadonlyMap<number, readonly Seen[]> {
  return new Map([[1, seenOf(after(...changes), table.columns)]]);
}

const inserted = change('insert', { values: { v: 'first' } });
const updated = change('update', { values: { v: 'second' } });
const deleted = change('delete row');

test('rows are what Cassandra makes of writes and deletions, in whatever order they come', () => {
  const tags = change('tags', { tags: ['blue', 'red'] });
  const changes = [
    inserted,
    updated,
    change('fixed', { values: { s: 'shared' } }),
    tags,
    change('add tag', { tags: ['green'] }),
    change('remove tag', { tags: ['red'] }),
    change('update', { row: 1, values: { v: null } }),
    change('insert', { row: 2, values: { v: null } }),
  ];
  const seen = seenOf(after(...changes), table.columns);
  assert.deepEqual(
    seen.map(({ row, fixed, values, tags: set }) => [row, fixed?.value, values['v']?.value ?? null, set]),
    [
      [0, 'shared', 'second', ['blue', 'green']],
      [2, 'shared', null, []],
    ],
  );
  assert.deepEqual(seenOf(after(...changes.toReversed()), table.columns), seen);
  assert.deepEqual(seenOf(merged(after(...changes.slice(4)), after(...changes.slice(0, 4))), table.columns), seen);
  assert.deepEqual(
    seenOf(after(inserted, deleted, change('fixed', { values: { s: 'alone' } })), table.columns).map(({ row }) => row),
    [null],
  );
  assert.deepEqual(seenOf(after(...changes, change('delete partition')), table.columns), []);
});

test('a statement has the time of its change, and a row that is read has those of its values', () => {
  assert.equal(
    statementOf(table, inserted),
    `INSERT INTO soak.wide (k, c, v) VALUES (1, 0, 'first') USING TIMESTAMP ${inserted.at}`,
  );
  assert.equal(selectOf(table), 'SELECT k, c, s, writetime(s), v, writetime(v), tags FROM soak.wide');
  const read = readRows(table, [[1, 0, null, null, 'first', inserted.at, null]]);
  assert.deepEqual(read, rowsOf(inserted));
});

for (const [what, rows] of [
  ['lost', new Map()],
  ['older', rowsOf(inserted)],
  ['back', rowsOf(inserted, updated)],
] as const) {
  test(`a row that is ${what} is a fault`, () => {
    const oracle = new Oracle();
    oracle.wrote(table, inserted);
    oracle.wrote(table, updated);
    if (what === 'back') {
      oracle.wrote(table, deleted);
    }
    const [fault = '', ...others] = oracle.judge(table, rows);
    assert.match(fault, /^soak\.wide k=1 is .*, and must be /);
    assert.deepEqual(others, []);
  });
}

test('a backup holds what was written before it, not what came later, and of what came meanwhile everything up to some moment', () => {
  const oracle = new Oracle();
  oracle.wrote(table, inserted);
  const begun = oracle.begin();
  oracle.wrote(table, updated);
  oracle.wrote(table, deleted);
  oracle.worked(['a'], begun);
  const later = change('insert', { values: { v: 'later' } });
  oracle.wrote(table, later);
  const judge = (...changes: readonly Change[]) => oracle.judgeCopy(table, 'a', rowsOf(...changes)).length;
  assert.deepEqual([judge(inserted), judge(inserted, updated), judge(inserted, updated, deleted)], [0, 0, 0]);
  assert.deepEqual([judge(later), judge(inserted, later)], [1, 1]);
  oracle.restored(table, 'a', 'alone');
  assert.deepEqual(oracle.judge(table, rowsOf(inserted, updated)), []);
  // Now it is known which.
  assert.equal(oracle.judge(table, rowsOf(inserted)).length, 1);
});

test('a restore without --truncate brings nothing back that was deleted later', () => {
  const oracle = new Oracle();
  const other = change('insert', { key: 2, row: 0, values: { v: 'other' } });
  oracle.wrote(table, inserted);
  oracle.wrote(table, other);
  oracle.worked(['a'], oracle.begin());
  oracle.wrote(table, change('delete row'));
  oracle.restored(table, 'a', 'merged');
  const both = new Map([...rowsOf(inserted), [2, seenOf(after(other), table.columns)] as const]);
  assert.deepEqual(
    oracle.judge(table, both).map((fault) => fault.split(' ')[1]),
    ['k=1'],
  );
  assert.deepEqual(oracle.judge(table, new Map([...both].slice(1))), []);
});

test('of a table that was emptied while a backup was made nothing can be said', () => {
  const oracle = new Oracle();
  const begun = oracle.begin();
  oracle.emptied(table);
  oracle.worked(['a'], begun);
  const [other = assert.fail()] = tables;
  assert.deepEqual([oracle.isSettled('a', table), oracle.isSettled('a', other)], [false, true]);
  assert.equal(nameOf(other), 'soak.plain');
});
