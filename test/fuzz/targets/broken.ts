import assert from 'node:assert/strict';
import { BackupError } from '../../../src/model/errors.ts';
import type { Target } from '../target.ts';

/** A parser that has every fault, by which the watching of parsers is tried. */
export const broken: Target = {
  name: 'broken',
  corpus: [],
  check: (bytes) => {
    const text = bytes.toString('utf8');
    const held: number[][] = [];
    while (text === 'endless' || text === 'growing') {
      held.push(...(text === 'growing' ? [Array.from({ length: 100_000 }, Math.random)] : []));
    }
    assert.notEqual(text, 'wrong');
    if (text === 'thrown') {
      throw new TypeError('undefined is not a function');
    }
    throw new BackupError('refused');
  },
};
