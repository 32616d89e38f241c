import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arguments } from '../../../src/cli/arguments.ts';
import { UsageError } from '../../../src/model/errors.ts';

test('an option that is given twice where one is meant is refused by its name', () => {
  const args = new Arguments({ user: ['a', 'b'], quiet: [true, false], transfers: [1, 2] });
  for (const read of [() => args.text('user'), () => args.flag('quiet'), () => args.number('transfers', 1)]) {
    assert.throws(read, (error) => error instanceof UsageError && /--(user|quiet|transfers)/.test(error.message));
  }
});

test('an option that is not given is none; one that is given empty is a mistake', () => {
  const args = new Arguments({ user: '', keyspaces: ['', ' , '] });
  for (const read of [() => args.text('user'), () => args.optionalText('user'), () => args.list('keyspaces')]) {
    assert.throws(read, (error) => error instanceof UsageError && /^(user|keyspaces) is empty$/.test(error.message));
  }
  assert.deepEqual(
    [args.optionalText('none'), args.text('none'), args.flag('none'), args.optionalFlag('none'), args.list('none')],
    [undefined, '', false, undefined, []],
  );
});

test('a text that looks like a number is a text', () =>
  assert.equal(new Arguments({ timestamp: 20261121 }).text('timestamp'), '20261121'));

test('a number is whole and large enough', () => {
  for (const value of [0, -1, 1.5, Number.NaN, Infinity, '3', undefined]) {
    assert.throws(() => new Arguments({ n: value }).number('n', 1), UsageError, String(value));
  }
  assert.equal(new Arguments({ n: 0 }).number('n', 0), 0);
  assert.throws(() => new Arguments({ n: 65_536 }).number('n', 1, 65_535), /--n must be a whole number from 1 to 65535/);
});

test('lists may be joined by commas, repeated, or both', () =>
  assert.deepEqual(new Arguments({ hosts: ['a, b', 'c', 10, ',', ''] }).list('hosts'), ['a', 'b', 'c', '10']));

test('an option that may stand alone tells whether it was given, and with what', () => {
  const args = new Arguments({ alone: '', with: 'x' });
  assert.deepEqual([args.valueIfAny('alone'), args.valueIfAny('with'), args.valueIfAny('absent')], ['', 'x', undefined]);
});
