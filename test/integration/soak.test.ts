/**
 * Some steps of a life on the cluster: rows written and lost, backups, restores, prunes, and what fails meanwhile, drawn by a seed. It is the same seed each
 * time, so that whoever changed something else is not told of what another seed would have met; `npm run soak` draws others, for as long as is wanted: CONTRIBUTING.md.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { ensureSandbox } from '../support/sandbox.ts';
import { soak } from '../soak/soak.ts';

const steps = 12;

before(async () => {
  await ensureSandbox();
});

test('no row is lost and none comes back that was deleted, whatever happens meanwhile', async (t) => {
  const seed = Number(process.env['SSTASH_SOAK_SEED'] ?? 1);
  t.diagnostic(`npm run soak -- --seed ${seed}`);
  const { faults, lines, totals } = await soak({ seed, goesOn: (taken) => taken < steps });
  totals.forEach((line) => t.diagnostic(line));
  assert.deepEqual(faults, [], lines.join('\n'));
});
