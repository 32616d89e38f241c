import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import {
  type PurgingHold,
  type PurgingQuestion,
  graceStatement,
  holdWarnings,
  holdsInForce,
  oldTables,
  purgingWarnings,
} from '../../../../src/model/restore/purging.ts';
import { tableOf } from '../../../support/manifests.ts';

const day = 86_400;
const schema = (grace: number, extra = '') =>
  parseSchema(`CREATE TABLE shop.orders (id int PRIMARY KEY) WITH gc_grace_seconds = ${grace}${extra} AND comment = 'AND gc_grace_seconds = 7';
    CREATE MATERIALIZED VIEW shop.by_day AS SELECT * FROM shop.orders PRIMARY KEY (id) WITH gc_grace_seconds = ${grace};
    CREATE TABLE shop.plain (id int PRIMARY KEY);`);
const question: PurgingQuestion = {
  tables: [{ keyspace: 'shop', table: 'orders' }],
  copies: [],
  live: [],
  backup: schema(10 * day),
  holds: [],
  ageSeconds: 12 * day,
};
const heldFor = (changes: Partial<PurgingQuestion> = {}) => oldTables({ ...question, ...changes })[0]?.heldSeconds;

test('a table that the backup is older than gets a value that spans its age, its own time, and one to repair in', () => {
  assert.deepEqual(oldTables(question), [
    { keyspace: 'shop', table: 'orders', graceSeconds: 10 * day, ageSeconds: 12 * day, isView: false, heldSeconds: 52 * day },
  ]);
  assert.deepEqual(oldTables({ ...question, ageSeconds: 10 * day - 1 }), []);
  const [view] = oldTables({ ...question, tables: [{ keyspace: 'shop', table: 'by_day' }] });
  assert.equal(view?.isView, true);
});

test('the table that lives counts before the one of the backup, and ten days where nothing is said', () => {
  assert.deepEqual(oldTables({ ...question, live: schema(13 * day) }), []);
  assert.equal(heldFor({ live: schema(0), ageSeconds: 0 }), 30 * day);
  assert.equal(oldTables({ ...question, tables: [{ keyspace: 'shop', table: 'plain' }] })[0]?.graceSeconds, 10 * day);
});

test('a copy goes by the table that it is of, until it is there itself', () => {
  const to = tableOf('old', 'orders', 9);
  const copies = [{ from: tableOf('shop', 'orders', 2), to }];
  const [found] = oldTables({ ...question, tables: [to], copies });
  assert.deepEqual([found?.keyspace, found?.heldSeconds], ['old', 52 * day]);
});

test('a value that an earlier restore set is not the table’s own, and is kept while it is large enough', () => {
  const hold: PurgingHold = { keyspace: 'shop', table: 'orders', ownSeconds: 10 * day, heldSeconds: 50 * day };
  const [found] = oldTables({ ...question, live: schema(50 * day), holds: [hold] });
  assert.deepEqual([found?.graceSeconds, found?.heldSeconds], [10 * day, 50 * day]);
  const small = { ...hold, heldSeconds: 25 * day };
  assert.equal(heldFor({ live: schema(25 * day), holds: [small] }), 52 * day);
});

test('what somebody has set since is the table’s own', () => {
  const hold: PurgingHold = { keyspace: 'shop', table: 'orders', ownSeconds: 10 * day, heldSeconds: 50 * day };
  assert.deepEqual(holdsInForce([hold, hold], schema(50 * day)), [hold]);
  assert.deepEqual(holdsInForce([hold], schema(11 * day)), []);
  assert.deepEqual(holdsInForce([hold], []), []);
  assert.equal(
    oldTables({ ...question, live: schema(11 * day), holds: holdsInForce([hold], schema(11 * day)) })[0]?.graceSeconds,
    11 * day,
  );
});

test('no value is set for the server’s own tables, nor where ScyllaDB does not go by it', () => {
  const roles = { keyspace: 'system_auth', table: 'roles' };
  assert.deepEqual(oldTables({ ...question, tables: [roles] }), []);
  const [found] = oldTables({ ...question, tables: [roles], ageSeconds: 91 * day });
  assert.deepEqual([found?.graceSeconds, found?.heldSeconds], [90 * day, undefined]);
  const mode = (name: string) => ` AND tombstone_gc = {'mode': '${name}', 'propagation_delay_in_seconds': '3600'}`;
  assert.equal(heldFor({ live: schema(day, mode('repair')) }), undefined);
  assert.equal(heldFor({ live: schema(day, mode('timeout')) }), 43 * day);
});

test('the plan names the tables, the age and what becomes of them, by every method', () => {
  const old = oldTables(question);
  const text = (method: 'import' | 'node-restart' | 'stage', repair = false) =>
    purgingWarnings(old, method, { repair, othersServe: false }).join('\n');
  assert.match(
    text('import'),
    /^the backup is 12d old, more than gc_grace_seconds of shop\.orders \(10d\): rows deleted before it/,
  );
  assert.match(text('import'), /gc_grace_seconds becomes 4492800\. --repair repairs them/);
  assert.match(text('import', true), /When the repair has ended they get their own again$/);
  assert.match(text('node-restart', true), /No client is served before the repair has ended/);
  assert.match(
    purgingWarnings(old, 'node-restart', { repair: true, othersServe: true }).join(),
    /The restored nodes serve no client before the repair has ended, the others do/,
  );
  assert.match(text('stage'), /give the tables a larger one before the rows get there/);
  assert.deepEqual(purgingWarnings([], 'import', { repair: false, othersServe: false }), []);
  const free = oldTables({ ...question, tables: [{ keyspace: 'system_auth', table: 'roles' }], ageSeconds: 91 * day });
  assert.match(
    purgingWarnings(free, 'import', { repair: false, othersServe: false }).join(),
    /there purging cannot be held back: repair at once$/,
  );
});

test('what is left to do is said as statements that can be run', () => {
  const hold: PurgingHold = { keyspace: 'shop', table: 'Orders', ownSeconds: 45, heldSeconds: 99 };
  assert.match(
    holdWarnings([hold], () => true).join(),
    /is 99 since a restore.*its own is 45\. When nodetool repair -full -- shop Orders .*: ALTER MATERIALIZED VIEW "shop"\."Orders" WITH gc_grace_seconds = 45;$/,
  );
  assert.equal(graceStatement(hold, false, 7), 'ALTER TABLE "shop"."Orders" WITH gc_grace_seconds = 7');
});
