import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import {
  checkDatacenters,
  limitIn,
  parsePerDatacenter,
  perDatacenterText,
} from '../../../../src/model/options/per-datacenter.ts';

const parse = (...values: string[]) => parsePerDatacenter('rate-limit', values);

test('a number for all, for some datacenters, or both', () => {
  assert.equal(limitIn(parse('5'), 'dc1'), 5);
  assert.equal(limitIn(parse('5', 'dc1:2'), 'dc1'), 2);
  assert.equal(limitIn(parse('5', 'dc1:2'), 'dc2'), 5);
  assert.equal(limitIn(parse('dc1:2'), 'dc2'), Infinity);
  assert.equal(limitIn(parse('a:b:7'), 'a:b'), 7);
  assert.equal(limitIn(parse(), 'dc1'), Infinity);
});

test('0 is no limit; a node of whose datacenter nothing is known gets the lowest', () => {
  assert.equal(limitIn(parse('0'), 'dc1'), Infinity);
  assert.equal(limitIn(parse('50', 'dc1:0'), 'dc1'), Infinity);
  assert.equal(limitIn(parse('50', 'dc1:20', 'dc2:100'), undefined), 20);
});

test('what is no number, is said twice, or names no datacenter of the cluster is refused', () => {
  for (const values of [['x'], ['dc1:'], ['-1'], ['1.5'], [':5'], ['5', '6'], ['dc1:1', 'dc1:2']]) {
    assert.throws(() => parse(...values), UsageError, values.join(','));
  }
  assert.throws(() => checkDatacenters('rate-limit', parse('dc9:5'), ['dc1', 'dc2']), /no datacenter dc9/);
  checkDatacenters('rate-limit', parse('5', 'dc1:2'), ['dc1']);
});

test('it is said in words', () => {
  assert.equal(perDatacenterText(parse(), ' MiB/s'), 'no limit');
  assert.equal(perDatacenterText(parse('5', 'dc1:2'), ' MiB/s'), '2 MiB/s in dc1, 5 MiB/s elsewhere');
});
