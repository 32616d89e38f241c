/**
 * Lives on the sandbox that is up (`scripts/sandbox up 3`), with the program as `npm run build` has made it, and says what went wrong:
 *
 *     node scripts/soak.ts [--for 2h | --steps N] [--seed N]
 *
 * The same seed takes the same decisions. Without `--for` and `--steps` until each step has come as often as it does. Ends with 1 at the first thing that is wrong.
 */
import { parseArgs } from 'node:util';
import { parseDuration } from '../src/model/options/time-span.ts';
import { soak } from '../test/soak/soak.ts';
import { stepsOfOneRound } from '../test/soak/steps.ts';

const { values } = parseArgs({ options: { for: { type: 'string' }, steps: { type: 'string' }, seed: { type: 'string' } } });
const begunMs = Date.now();
const mostMs = values.for === undefined ? Infinity : parseDuration(values.for) * 1000;
const most = values.steps !== undefined ? Number(values.steps) : values.for === undefined ? stepsOfOneRound : Infinity;
const { faults, totals } = await soak({
  seed: Number(values.seed ?? begunMs % 1_000_000_000),
  goesOn: (taken) => taken < most && Date.now() - begunMs < mostMs,
  hear: (line) => console.log(line),
});
totals.forEach((line) => console.log(line));
console.log(`${faults.length} wrong, in ${Math.round((Date.now() - begunMs) / 1000)} s`);
process.exitCode = faults.length === 0 ? 0 : 1;
