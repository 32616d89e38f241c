import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Dictionary,
  dictionaryRows,
  dictionaryText,
  isDictionaryText,
  tablesWithout,
} from '../../../../src/model/schema/dictionaries.ts';
import { tableOf } from '../../../support/manifests.ts';

const [users, orders] = [tableOf('shop', 'users'), tableOf('shop', 'orders')];

function dictionaryOf(table: string, id: string): Dictionary {
  return { keyspace: 'shop', table, id, json: JSON.stringify({ table_name: table, dict_id: id, kind: "it's" }) };
}

const [first, second] = [dictionaryOf('users', '150562236200169639'), dictionaryOf('orders', '7')];

test('dictionaries of the backup’s tables become statements that can be run and read again', () => {
  const text = dictionaryText([first, second, dictionaryOf('others', '8')], [users, orders]);
  assert.equal(text.split('\n').length, 3);
  assert.match(
    text,
    /^INSERT INTO system_distributed\.compression_dictionaries JSON '\{.*"dict_id":"150562236200169639".*it''s.*';$/m,
  );
  assert.deepEqual(
    dictionaryRows(text),
    [first, second].map(({ json }): unknown => JSON.parse(json)),
  );
  assert.equal(dictionaryText([second], [users]), '');
});

test('what is no row is no dictionary', () => assert.deepEqual(dictionaryRows("DROP TABLE t; INSERT INTO t JSON 'x';"), []));

test('people are led to give nothing to cqlsh but rows of dictionaries', () => {
  const text = dictionaryText([first, second], [users, orders]);
  assert.ok(isDictionaryText(text));
  for (const more of ["SOURCE 'x';", '\nDEBUG\n', "INSERT INTO a.b JSON '{}';", '/* x', text.trim().replace(';\n', "/*';\n")]) {
    assert.ok(!isDictionaryText(`${text}${more}`), more);
  }
  const begin = 'INSERT INTO system_distributed.compression_dictionaries JSON ';
  for (const json of ["'a'; DROP TABLE x; --'", "'/*'", "'a", "'\r'", "'a' 'b'", "''; SOURCE 'x'"]) {
    assert.ok(!isDictionaryText(`${begin}${json};\n`), json);
  }
});

test('a table lacks its dictionary where none of its rows has that number', () => {
  assert.deepEqual(tablesWithout([], [first, second], [users, orders]), ['shop.orders', 'shop.users']);
  assert.deepEqual(tablesWithout([first], [first, second], [users, orders]), ['shop.orders']);
  assert.deepEqual(tablesWithout([dictionaryOf('users', '9')], [first], [users]), ['shop.users']);
  assert.deepEqual(tablesWithout([], [first, second], [tableOf('shop', 'others')]), []);
});
