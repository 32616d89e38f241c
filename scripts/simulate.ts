/**
 * Lives histories of the simulated world (test/simulate) and says what went wrong in them:
 *
 *     node scripts/simulate.ts [--for 8h | --histories N] [--seed N] [--from N] [--workers N]
 *
 * `--seed` lives one history and prints it line by line. Otherwise seeds go up from `--from`, by default from a number that the clock gives. Ends with
 * 1 when anything was wrong; each history that was is printed once, and can be lived again by its seed.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { parseDuration } from '../src/model/options/time-span.ts';
import { liveAll } from '../test/simulate/history/fleet.ts';
import type { Answer } from '../test/simulate/history/worker.ts';

const { values } = parseArgs({
  options: {
    for: { type: 'string' },
    histories: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string' },
    workers: { type: 'string' },
  },
});
const begunMs = Date.now();
const mostMs = values.for === undefined ? Infinity : parseDuration(values.for) * 1000;
const most =
  values.seed !== undefined
    ? 1
    : values.histories === undefined
      ? values.for === undefined
        ? 1000
        : Infinity
      : Number(values.histories);
const from = Number(values.seed ?? values.from ?? begunMs % 1_000_000_000);
let [lived, wrong] = [0, 0];
const totals = new Map<string, { times: number; histories: number }>();

function* seeds(): Generator<number> {
  for (let seed = from; seed < from + most && Date.now() - begunMs < mostMs; seed += 1) {
    yield seed;
  }
}

function hear({ seed, faults, lines, broken, digest, injected }: Answer): void {
  lived += 1;
  for (const [kind, times] of Object.entries(injected)) {
    const before = totals.get(kind) ?? { times: 0, histories: 0 };
    totals.set(kind, { times: before.times + times, histories: before.histories + 1 });
  }
  if (faults.length > 0 || broken !== undefined) {
    wrong += 1;
    console.log(
      [`history ${seed}`, ...lines.map((line) => `  ${line}`), ...faults.map((fault) => `  WRONG: ${fault}`)].join('\n'),
    );
    if (broken !== undefined) {
      console.log(`  the world itself broke: ${broken}`);
    }
  } else if (values.seed !== undefined) {
    console.log(`history ${seed}: nothing is wrong (${digest?.slice(0, 12)})`);
  }
  if (lived % 1000 === 0) {
    console.log(`${lived} histories, ${wrong} wrong, ${Math.round((1000 * lived) / (Date.now() - begunMs))} a second`);
  }
}

await liveAll(seeds(), { workers: Number(values.workers ?? (values.seed === undefined ? availableParallelism() : 1)), hear });
for (const [kind, { times, histories }] of [...totals].toSorted(([a], [b]) => a.localeCompare(b))) {
  console.log(`injected: ${kind}: ${times}, in ${histories} histories`);
}
console.log(`${lived} histories from seed ${from}, ${wrong} wrong, in ${Math.round((Date.now() - begunMs) / 1000)} s`);
process.exitCode = wrong === 0 ? 0 : 1;
