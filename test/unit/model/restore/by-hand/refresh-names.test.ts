import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BackupError } from '../../../../../src/model/errors.ts';
import { refreshMoves } from '../../../../../src/model/restore/by-hand/refresh-names.ts';

const components = ['Data.db', 'Index.db', 'Statistics.db', 'SAI+aa+GroupMeta.db', 'TOC.txt'];
const sstables = fc.uniqueArray(fc.integer({ min: 1, max: 2000 }), { maxLength: 8 });
const filesOf = (generations: readonly number[]) =>
  generations.flatMap((generation) => components.map((component) => `nb-${generation}-big-${component}`));

test('components of an sstable stay together, none meets a live name, and every Data.db comes last', () => {
  fc.assert(
    fc.property(sstables, sstables, (staged, live) => {
      const moves = refreshMoves(filesOf(staged), filesOf(live));
      assert.deepEqual(moves.map(({ from }) => from).toSorted(), filesOf(staged).toSorted());
      const names = new Set([...filesOf(live), ...moves.map(({ to }) => to)]);
      assert.equal(names.size, (staged.length + live.length) * components.length);
      const numberOf = (name: string) => name.split('-')[1];
      for (const { from, to } of moves) {
        const data = moves.find((move) => move.from === `nb-${numberOf(from)}-big-Data.db`);
        assert.equal(numberOf(to), numberOf(data?.to ?? ''));
        assert.equal(to.split('-').slice(2).join('-'), from.split('-').slice(2).join('-'));
      }
      const order = moves.map(({ to }) => to.endsWith('-Data.db'));
      assert.deepEqual(
        order,
        order.toSorted((a, b) => Number(a) - Number(b)),
      );
    }),
  );
});

test('an id that is a time UUID keeps its name, and is left out where it lives already', () => {
  const name = 'nb-3h5p_02gl_1hl0g2nziejh6er5ag-big-Data.db';
  assert.deepEqual(refreshMoves([name], []), [{ from: name, to: name }]);
  assert.deepEqual(refreshMoves([name], [name]), []);
});

test('what is no sstable component of this age is refused', () => {
  for (const name of ['manifest.json', 'ks-users-ka-1-Data.db']) {
    assert.throws(() => refreshMoves([name], []), BackupError);
  }
});
