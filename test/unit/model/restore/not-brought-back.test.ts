import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notBroughtBack, type RestoredAs, type RestoredBy } from '../../../../src/model/restore/not-brought-back.ts';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';

function tableIn(state: RestoredAs['state'], table = 'orders', changes: Partial<RestoredAs> = {}): RestoredAs {
  return { keyspace: 'shop', table, original: { keyspace: 'shop', table: 'orders' }, state, view: false, ...changes };
}

const plain = parseSchema('CREATE TABLE shop.orders (id int PRIMARY KEY, note text)');

function lines(changes: Partial<RestoredBy> = {}): readonly string[] {
  return notBroughtBack({
    method: 'import',
    truncate: false,
    authorizes: false,
    tables: [tableIn('lives')],
    takenAt: new Date('2026-11-20T00:00:00Z'),
    now: new Date('2026-11-29T00:00:00Z'),
    backupSchema: plain,
    liveSchema: plain,
    ...changes,
  });
}

/** Those that begin so, without the line that every plan has. */
function about(word: string, changes: Partial<RestoredBy> = {}): readonly string[] {
  return lines(changes).filter((line) => line.startsWith(word));
}

const deletions = 'rows of shop.orders that were deleted since: the deletions are newer (--truncate brings them back)';
const transactions = 'lightweight transactions (IF …) that were under way: their state is not in the tables';

test('of a plain table that is merged, what was deleted since stays deleted', () => {
  assert.deepEqual(lines(), [deletions, transactions]);
  assert.deepEqual(about('rows of', { method: 'load' }), [deletions]);
});

test('nothing deletes rows of a table that is emptied, replaced, made anew or a copy', () => {
  assert.deepEqual(about('rows of', { truncate: true }), []);
  assert.deepEqual(about('rows of', { method: 'node-restart' }), []);
  assert.deepEqual(about('rows of', { method: 'stage' }), []);
  assert.deepEqual(about('rows of', { tables: [tableIn('is created')] }), []);
  assert.deepEqual(about('rows of', { tables: [tableIn('is a copy', 'orders_old')] }), []);
});

test('rights are told where they count, those on a table only where it is made', () => {
  const roles = 'roles, passwords and other GRANTs: they stay as they are (keyspace system_auth is not chosen)';
  const grants = 'GRANTs on shop.orders: those of a dropped table went with it, a new one has none';
  const created = [tableIn('is created'), tableIn('is created', 'by_day', { view: true })];
  assert.deepEqual(about('GRANTs', { tables: created }), []);
  assert.deepEqual(about('GRANTs', { tables: created, authorizes: true }), [grants]);
  assert.deepEqual(about('GRANTs', { authorizes: true }), []);
  assert.deepEqual(about('roles', { authorizes: true }), [roles]);
});

test('with the roles among the chosen, the rights on a dropped table come back only where deletions do not meet them', () => {
  const auth = tableIn('lives', 'role_permissions', { keyspace: 'system_auth' });
  const chosen = { tables: [tableIn('is created'), auth], authorizes: true };
  assert.equal(about('GRANTs', chosen).length, 1);
  assert.equal(about('GRANTs', { ...chosen, truncate: true }).length, 0);
  assert.equal(about('GRANTs', { ...chosen, method: 'node-restart' }).length, 0);
  assert.equal(about('roles', chosen).length, 0);
});

test('a column that was dropped since is named, and not a key column that was renamed', () => {
  const liveSchema = parseSchema(
    'CREATE TABLE shop.orders (number int PRIMARY KEY, note text); ALTER TABLE shop.orders DROP note USING TIMESTAMP 5',
  );
  assert.deepEqual(about('values', { liveSchema }), ['values of note, dropped from shop.orders since']);
  assert.deepEqual(about('values', { liveSchema, method: 'node-restart' }).length, 1);
  assert.deepEqual(about('values', { liveSchema: [] }), []);
  const drop = 'ALTER TABLE shop.orders DROP note USING TIMESTAMP';
  const again = (at: number) =>
    parseSchema(
      `CREATE TABLE shop.orders (id int PRIMARY KEY, note text); ${drop} ${at}; ALTER TABLE shop.orders ADD note text;`,
    );
  const readded = { backupSchema: again(5), liveSchema: again(6) };
  assert.deepEqual(about('values', readded), ['values of note, dropped from shop.orders since']);
  assert.deepEqual(about('values', { ...readded, liveSchema: again(5) }), []);
  assert.deepEqual(about('values', { liveSchema, tables: [tableIn('is created')] }), []);
});

test('rows of a table with a default TTL may have run out, also in a copy', () => {
  const backupSchema = parseSchema('CREATE TABLE shop.orders (id int PRIMARY KEY) WITH default_time_to_live = 604800');
  const wanted = (name: string) => [`rows whose TTL has run out: of ${name} (7d by default); the backup is 9d old`];
  assert.deepEqual(about('rows whose', { backupSchema }), wanted('shop.orders'));
  assert.deepEqual(about('rows whose', { backupSchema, tables: [tableIn('is a copy', 'old')] }), wanted('shop.old'));
  assert.deepEqual(about('rows whose'), []);
});

test('counters do not go back where they are merged', () => {
  const backupSchema = parseSchema('CREATE TABLE shop.orders (id int PRIMARY KEY, hits counter)');
  const counts = 'counters of shop.orders: counts that went on since stay as they are';
  assert.deepEqual(about('counters', { backupSchema }), [counts]);
  assert.deepEqual(about('counters', { backupSchema, truncate: true }), []);
  assert.deepEqual(about('counters'), []);
});

test('counters are told whatever stands before them, and not where they were dropped', () => {
  const create = 'CREATE TABLE shop.orders (id int PRIMARY KEY, hits counter)';
  const isTold = (schema: string) => about('counters', { backupSchema: parseSchema(schema) }).length === 1;
  assert.ok(isTold('CREATE TABLE shop.orders (id int CHECK id < 5, part text, hits counter, PRIMARY KEY ((id, part)))'));
  assert.ok(isTold('CREATE TABLE shop.orders (id int, at map<text, frozen<list<int>>>, hits counter, PRIMARY KEY (id))'));
  assert.ok(!isTold(`${create}; ALTER TABLE shop.orders DROP hits USING TIMESTAMP 5`));
  assert.ok(isTold(`${create}; ALTER TABLE shop.orders DROP hits USING TIMESTAMP 5; ALTER TABLE shop.orders ADD hits counter`));
  assert.ok(!isTold(`CREATE TABLE shop.orders (id int PRIMARY KEY, counter int) WITH comment = 'counter'`));
  assert.ok(!isTold(`CREATE TABLE shop.others (id int PRIMARY KEY, hits counter)`));
});

test('of a table whose text is not understood the word alone tells of counters', () => {
  const isTold = (column: string) =>
    about('counters', {
      backupSchema: parseSchema(`CREATE TABLE shop.orders (id int PRIMARY KEY, ${column}, odd ?)`),
    }).length === 1;
  assert.ok(isTold('hits counter'));
  assert.ok(!isTold("note text CHECK note != 'counter'"));
});

test('what is loaded is in no CDC log, unless it is streamed', () => {
  const liveSchema = parseSchema('CREATE TABLE shop.orders (id int PRIMARY KEY) WITH cdc = true');
  assert.equal(about('CDC of shop.orders', { liveSchema }).length, 1);
  assert.equal(about('CDC', { liveSchema, method: 'load' }).length, 0);
  assert.equal(
    about('CDC of shop.orders', { backupSchema: liveSchema, liveSchema: [], tables: [tableIn('is created')] }).length,
    1,
  );
  assert.equal(about('CDC').length, 0);
});

test('many tables are counted, not listed', () => {
  const tables = Array.from({ length: 9 }, (_, index) => tableIn('lives', `t${index}`));
  assert.match(lines({ tables })[0] ?? '', /^rows of shop\.t0, shop\.t1, shop\.t2, shop\.t3 and 5 more that/);
});

test("the server's own tables say nothing of themselves", () => {
  assert.deepEqual(lines({ tables: [tableIn('lives', 'local', { keyspace: 'system' })] }), []);
});
