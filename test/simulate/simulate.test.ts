import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { liveAll } from './history/fleet.ts';
import type { Answer } from './history/worker.ts';
import { namedSeeds } from './named-seeds.ts';
import { plantedBugs } from './planted.ts';

/**
 * Histories that a test run lives, however long that takes: some five in a second of one core. `scripts/test` lives 2,000, `npm run simulate` as many
 * others as one likes.
 */
const histories = Number(process.env['SSTASH_HISTORIES'] ?? 200);
/** The count decides; this only ends what hangs. */
const timeout = 3_600_000;
const firstSeed = 1_000_000;
const workers = Math.min(4, availableParallelism());

function* from(seed: number, count: number): Generator<number> {
  for (let own = seed; own < seed + count; own += 1) {
    yield own;
  }
}

/** As somebody reads it who has to find out what happened. */
function told({ seed, lines, faults, broken }: Answer): string {
  const world = broken === undefined ? [] : [`the world broke: ${broken}`];
  return [
    `history ${seed} (npm run simulate -- --seed ${seed})`,
    ...lines,
    ...faults.map((fault) => `WRONG: ${fault}`),
    ...world,
  ].join('\n');
}

const isWrong = ({ faults, broken }: Answer): boolean => faults.length > 0 || broken !== undefined;

describe('simulated histories', { timeout }, () => {
  test('in which something was wrong once go well', async () => {
    const wrong: string[] = [];
    await liveAll(
      namedSeeds.map(({ seed }) => seed),
      { workers, hear: (answer) => void (isWrong(answer) && wrong.push(told(answer))) },
    );
    assert.deepEqual(wrong, []);
  });

  test('go well, whatever happens in them', async () => {
    const wrong: string[] = [];
    let lived = 0;
    const hear = (answer: Answer): boolean => {
      lived += 1;
      if (isWrong(answer)) {
        wrong.push(told(answer));
      }
      return wrong.length >= 3;
    };
    await liveAll(from(firstSeed, histories), { workers, hear });
    assert.deepEqual(wrong, []);
    assert.equal(lived, histories);
  });

  test('are the same each time', async () => {
    const digests = new Map<number, Set<string>>();
    const hear = ({ seed, digest = '' }: Answer): void => {
      digests.set(seed, (digests.get(seed) ?? new Set()).add(digest));
    };
    const seeds = [...from(firstSeed, 12)];
    await liveAll(seeds, { workers: 1, hear });
    await liveAll(seeds.toReversed(), { workers: 1, hear });
    assert.deepEqual(
      [...digests.values()].map(({ size }) => size),
      seeds.map(() => 1),
    );
  });
});

describe('a planted mistake is found by simulated histories', { timeout }, () => {
  for (const planted of plantedBugs) {
    test(`that ${planted.name}`, async () => {
      let [lived, found] = [0, 0];
      const hear = (answer: Answer): boolean => {
        lived += 1;
        assert.equal(answer.broken, undefined);
        found += answer.faults.length > 0 ? 1 : 0;
        return found > 0;
      };
      await liveAll(from(firstSeed, 2000), { workers, planted, hear });
      assert.ok(found > 0, `not in ${lived} histories`);
    });
  }
});
