import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { copiesOf, parseRenames, refuseTaken, underNewNames } from '../../../../src/model/restore/table-copy.ts';
import { idOf, nodeManifestOf, storedOf, tableOf, users } from '../../../support/manifests.ts';

const orders = tableOf('shop', 'orders', 2);
const copies = copiesOf([users, orders], parseRenames(['shop.users=old.people']), () => idOf(7));

test('a rename names two tables, as directories have them', () => {
  assert.deepEqual(parseRenames(['shop.users="Old".People']), [
    { from: { keyspace: 'shop', table: 'users' }, to: { keyspace: 'Old', table: 'People' } },
  ]);
});

test('what is no rename is refused, and so are two copies of one name and tables of the server itself', () => {
  for (const given of [
    'shop.users',
    'shop=old',
    'shop.*=old.*',
    'shop.users=old',
    'shop.users=shop.users',
    'system_auth.roles=shop.roles',
    'shop.users=system.users',
    `shop.users=shop.${'u'.repeat(49)}`,
  ]) {
    assert.throws(() => parseRenames([given]), UsageError, given);
  }
  assert.throws(() => parseRenames(['shop.a=shop.c', 'shop.b=shop.c']), /cannot both become shop\.c/);
});

test('a manifest under new names holds the copied table alone, without the directories of its indexes', () => {
  const manifest = nodeManifestOf({
    tables: [
      { ...users, files: [storedOf('nb-1-big-Data.db'), storedOf('.users_email/nb-1-big-Data.db')] },
      { ...orders, files: [storedOf('nb-2-big-Data.db')] },
    ],
  });
  const { tables } = underNewNames(manifest, copies);
  assert.deepEqual(
    tables.map(({ keyspace, table, id, files }) => [keyspace, table, id, files.map(({ path }) => path)]),
    [['old', 'people', idOf(7), ['nb-1-big-Data.db']]],
  );
});

test('one table may have two copies, and two tables that were called the same are one too many', () => {
  const twice = copiesOf([users], parseRenames(['shop.users=a.users', 'shop.users=b.users']), () => idOf(7));
  assert.deepEqual(
    twice.map(({ to }) => to.keyspace),
    ['a', 'b'],
  );
  assert.throws(
    () => copiesOf([users, tableOf('shop', 'users', 9)], parseRenames(['shop.users=a.users']), () => idOf(7)),
    /holds 2 tables that were called shop\.users/,
  );
});

test('only a table that an earlier run for the same copy made may be there', () => {
  assert.doesNotThrow(() => refuseTaken(copies, [users, tableOf('old', 'people', 7)]));
  assert.throws(() => refuseTaken(copies, [tableOf('old', 'people', 8)]), /old\.people is there already/);
});
