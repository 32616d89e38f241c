import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headOf } from '../../../../src/model/schema/statement-head.ts';

function headText(statement: string): string {
  const head = headOf(statement);
  const names = [head?.keyspace, head?.name, head?.index].map((token) => token?.text ?? '-').join(' ');
  return `${head?.kind} ${names}${head?.guarded === true ? ' guarded' : ''} | ${head?.rest.map(({ text }) => text).join(' ')}`;
}

test('a head is read up to its names, however they are written', () => {
  assert.equal(headText('CREATE KEYSPACE shop WITH x'), 'keyspace shop - - | WITH x');
  assert.equal(headText('create table if not exists shop."A.b" (id int)'), 'table shop "A.b" - guarded | ( id int )');
  assert.equal(headText('ALTER TABLE IF EXISTS "S" . t DROP c'), 'alter "S" t - guarded | DROP c');
  assert.equal(headText('CREATE OR REPLACE FUNCTION shop.plus(a int)'), 'function shop plus - guarded | ( a int )');
});

test('an index may have a name of its own, or none', () => {
  assert.equal(headText('CREATE INDEX ON shop.t (a)'), 'index shop t - | ( a )');
  assert.equal(headText('CREATE CUSTOM INDEX IF NOT EXISTS "on" ON shop.t (a)'), 'index shop t "on" guarded | ( a )');
});

test('what is not understood has no head', () => {
  for (const statement of [
    '',
    'CREATE ROLE ops',
    'CREATE TABLE orders (id int)',
    'CREATE OR REPLACE TABLE shop.t',
    'CREATE INDEX a b.c',
  ]) {
    assert.equal(headOf(statement), undefined, statement);
  }
});
