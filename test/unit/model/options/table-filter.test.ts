import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '../../../../src/model/errors.ts';
import { globMatcher } from '../../../../src/model/options/glob.ts';
import { isPattern, namesKeyspace, selectTables, tableFilter } from '../../../../src/model/options/table-filter.ts';
import { tableOf } from '../../../support/manifests.ts';

const tables = [
  tableOf('shop', 'users', 1),
  tableOf('shop', 'orders', 2),
  tableOf('shop', 'cache_1', 3),
  tableOf('shop_eu', 'users', 4),
  tableOf('Mixed', 'CamelCase', 5),
  tableOf('system', 'local', 6),
];

function selected(...patterns: string[]): readonly string[] {
  return selectTables(tables, tableFilter(patterns)).map(({ keyspace, table }) => `${keyspace}.${table}`);
}

test('no pattern means everything, sorted by name', () =>
  assert.deepEqual(selected(), [
    'Mixed.CamelCase',
    'shop.cache_1',
    'shop.orders',
    'shop.users',
    'shop_eu.users',
    'system.local',
  ]));

test('a keyspace alone means all its tables, and not those of a keyspace that begins like it', () =>
  assert.deepEqual(selected('shop'), ['shop.cache_1', 'shop.orders', 'shop.users']));

test('* and ? are wildcards in both halves and nothing else is: a dot is a dot', () => {
  assert.deepEqual(selected('shop*.users'), ['shop.users', 'shop_eu.users']);
  assert.deepEqual(selected('shop.cache_?'), ['shop.cache_1']);
  assert.throws(() => selected('sho.users'), UsageError);
});

test('! takes away; a list that begins with ! begins with everything', () => {
  assert.deepEqual(selected('shop,!shop.cache*'), ['shop.orders', 'shop.users']);
  assert.deepEqual(selected('!system', '!shop*'), ['Mixed.CamelCase']);
});

test('patterns are read in order and the last that matches decides', () => {
  assert.deepEqual(selected('shop', '!shop.*', 'shop.users'), ['shop.users']);
  assert.deepEqual(selected('shop.users', 'shop', '!shop.users'), ['shop.cache_1', 'shop.orders']);
});

test('names may be quoted as in CQL, and case counts', () => {
  assert.deepEqual(selected('"Mixed"."CamelCase"'), ['Mixed.CamelCase']);
  assert.throws(() => selected('mixed'), UsageError);
});

test('commas and repeated options are the same, blanks around names mean nothing', () =>
  assert.deepEqual(tableFilter([' shop , !shop.users', 'x', '']).patterns, ['shop', '!shop.users', 'x']));

test('a pattern that matches nothing is a mistake that is named, beside what there is; one that only excludes is not', () => {
  const named = (error: unknown): boolean =>
    error instanceof UsageError && /shpo\.users/.test(error.message) && /shop, shop_eu/.test(error.hint ?? '');
  assert.throws(() => selected('shop', 'shpo.users'), named);
  assert.deepEqual(selected('shop_eu', '!nothing.here'), ['shop_eu.users']);
});

test('a pattern that matches no table of a keyspace that is there is answered by the tables of it', () =>
  assert.throws(
    () => selected('shop.order'),
    (error: unknown) => error instanceof UsageError && error.hint === 'tables of shop are: cache_1, orders, users',
  ));

test('a selection that leaves no table is a mistake, never an empty success', () => {
  assert.throws(() => selected('shop', '!shop'), /no table is left by shop,!shop/);
  assert.throws(() => selectTables([], tableFilter([])), UsageError);
});

test('what cannot be a name is refused as soon as it is written', () => {
  for (const pattern of ['a.b.c', 'shop.', '.users', '!', 'sh op', 'shop/users', '$(reboot)', 'shop.[ab]']) {
    assert.throws(() => tableFilter([pattern]), UsageError, pattern);
  }
});

test('a keyspace is named by its name or a part of it, and not by a wildcard alone or by what takes away', () => {
  const named = (...patterns: readonly string[]) => namesKeyspace({ patterns }, 'system_auth');
  for (const patterns of [['system_auth'], ['system_*'], ['*_auth.roles'], ['"system_auth".*'], ['shop', '?ystem_auth']]) {
    assert.ok(named(...patterns), patterns.join());
  }
  for (const patterns of [[], ['*'], ['*.*'], ['**.roles'], ['!system_auth'], ['shop'], ['*', '!system_*']]) {
    assert.ok(!named(...patterns), patterns.join());
  }
});

test('the last pattern that matches decides, whether it is looked up or held against the name', () => {
  const part = fc.stringMatching(/^[ab*?]{1,2}$/);
  const pattern = fc.tuple(fc.boolean(), part, fc.option(part)).map(([not, keyspace, table]) => ({ not, keyspace, table }));
  const name = fc.stringMatching(/^[ab]{1,2}$/);
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 8 }), name, name, (patterns, keyspace, table) => {
      const texts = patterns.map(
        (each) => `${each.not ? '!' : ''}${each.keyspace}${each.table === null ? '' : `.${each.table}`}`,
      );
      const last = patterns.findLast((each) => globMatcher(each.keyspace)(keyspace) && globMatcher(each.table ?? '*')(table));
      assert.equal(tableFilter(texts).includes(keyspace, table), last === undefined ? patterns[0]?.not : !last.not);
      assert.ok(texts.every(isPattern));
    }),
  );
});

test('what is taken for a pattern is what a filter takes for one, as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab.!*?", -é') }), (text) => {
      const taken = () => tableFilter([text]).patterns;
      if (isPattern(text)) {
        assert.deepEqual(taken(), [text]);
      }
    }),
  );
  assert.deepEqual(['a b', 'a,b', '', '!', 'a.', '.b', 'a.b.c', 'a-b'].filter(isPattern), []);
});

test('thousands of patterns without wildcards take no time, and more than anybody gives are refused', () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `k.t${index}`);
  const filter = tableFilter(names);
  assert.equal(names.filter((name) => filter.includes('k', name.slice(2))).length, 10_000);
  assert.throws(() => tableFilter([...names, 'k.u']), UsageError);
  assert.throws(() => tableFilter(names.slice(0, 1_001).map((name) => `${name}*`)), UsageError);
});
