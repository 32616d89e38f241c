import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { corpusOf, fixtures } from './corpus.ts';
import { mostCpuSeconds, runTarget } from './run.ts';
import { targets } from './targets/all.ts';

/** Always the same inputs, so that a failure is the fault of a change; `npm run fuzz` looks for others. */
const seed = 14;
const amount = { repeated: true, stretched: 4, mutated: 150 };
/** Two run at once, and what is measured is what both take. */
const bothSeconds = 2 * mostCpuSeconds;

describe(`hostile input is read or refused, in bounded time and memory (seed ${seed})`, { concurrency: 2 }, () => {
  let inputs = 0;
  after(() => assert.ok(inputs > targets.length * 150, `${inputs} inputs were tried`));

  for (const { name } of targets) {
    test(name, async () => {
      const { failure, tried } = await runTarget({ target: name, seed, amount, cpuSeconds: bothSeconds });
      inputs += tried;
      if (failure !== undefined) {
        const shown = JSON.stringify(failure.input.toString('latin1', 0, 300));
        assert.fail(
          `input ${failure.index}, ${failure.input.length} bytes that begin ${shown}: ${failure.kind}: ${failure.text}`,
        );
      }
    });
  }
});

test('every corpus belongs to a parser, and every parser has one', async () => {
  assert.deepEqual((await readdir(join(fixtures, 'fuzz'))).toSorted(), targets.map(({ name }) => name).toSorted());
  assert.deepEqual(
    targets.filter((target) => corpusOf(target).length === 0),
    [],
  );
});

test('an input that is thrown on, and one that is never done with, are told', async () => {
  const given = (only: string, cpuSeconds?: number) =>
    runTarget({
      target: 'broken',
      seed,
      amount: { repeated: false, stretched: 0, mutated: 0 },
      only: Buffer.from(only),
      ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    });
  assert.equal((await given('refused')).failure, undefined);
  assert.equal((await given('thrown')).failure?.kind, 'TypeError');
  assert.equal((await given('wrong')).failure?.kind, 'AssertionError');
  assert.equal((await given('endless', 1)).failure?.kind, 'hang');
  assert.equal((await given('growing')).failure?.kind, 'memory');
});
