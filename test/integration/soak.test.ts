/**
 * 26 steps of a life on the cluster: rows written and lost, backups, restores, prunes, and what fails meanwhile, drawn by a seed that is printed.
 * `npm run soak` goes on for as long as is wanted: CONTRIBUTING.md.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { ensureSandbox } from '../support/sandbox.ts';
import { soak } from '../soak/soak.ts';
import { stepsOfOneRound } from '../soak/steps.ts';

before(async () => {
  await ensureSandbox();
});

test('no row is lost and none comes back that was deleted, whatever happens meanwhile', async (t) => {
  const seed = Number(process.env['SSTASH_SOAK_SEED'] ?? Date.now() % 1_000_000_000);
  t.diagnostic(`npm run soak -- --seed ${seed}`);
  const { faults, lines, totals } = await soak({ seed, goesOn: (taken) => taken < stepsOfOneRound });
  totals.forEach((line) => t.diagnostic(line));
  assert.deepEqual(faults, [], lines.join('\n'));
});
