/**
 * Gives hostile inputs to everything that reads what others wrote, for as long as is wanted:
 *
 *     node scripts/fuzz.ts [--parser NAME]... [--seconds N] [--seed S]
 *
 * An input that a parser does not bear is made as small as it goes and written to test/fixtures/fuzz/<parser>/, where `npm test`
 * tries it from then on. One failure of each kind is written for a parser. Ends with 1 when there was any.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fixtures } from '../test/fuzz/corpus.ts';
import { minimized } from '../test/fuzz/minimize.ts';
import { type Failure, runTarget } from '../test/fuzz/run.ts';
import { targetOf, targets } from '../test/fuzz/targets/all.ts';

const { values } = parseArgs({
  options: { parser: { type: 'string', multiple: true }, seconds: { type: 'string' }, seed: { type: 'string' } },
});
const names = values.parser?.map((name) => targetOf(name).name) ?? targets.map(({ name }) => name);
const seconds = Number(values.seconds ?? 60);
let seed = Number(values.seed ?? Date.now() % 1_000_000);
const seen = new Set<string>();

/** Longer files are told and not kept: a corpus is for inputs that somebody can read. */
const mostKept = 64 * 1024;

async function report(target: string, failure: Failure): Promise<void> {
  const kind = `${target}: ${failure.kind}: ${failure.text.split('\n').slice(0, 2).join(' ').slice(0, 200)}`;
  if (seen.has(kind)) {
    return;
  }
  seen.add(kind);
  const input = await minimized(target, failure);
  const told = failure.text
    .split('\n')
    .slice(0, 8)
    .map((line) => line.slice(0, 200));
  console.log(['FAILED', kind, ...told].join('\n  '));
  console.log(`  ${input.length} bytes: ${JSON.stringify(input.toString('latin1').slice(0, 300))}`);
  if (input.length <= mostKept) {
    const directory = join(fixtures, 'fuzz', target);
    await mkdir(directory, { recursive: true });
    const path = join(directory, `found-${createHash('sha256').update(input).digest('hex').slice(0, 8)}`);
    await writeFile(path, input);
    console.log(`  kept as ${path}`);
  }
}

for (const name of names) {
  let [tried, spent] = [0, 0];
  for (let round = 0; spent < seconds * 1000; round += 1, seed += 1) {
    const amount = { repeated: round === 0, stretched: 10, mutated: 2_000 };
    for (let from = 0, goesOn = true; goesOn && spent < seconds * 1000;) {
      const begun = Date.now();
      const ran = await runTarget({ target: name, seed, amount, from });
      // The time that making an input smaller takes is not counted.
      spent += Date.now() - begun;
      tried += ran.tried;
      goesOn = ran.failure !== undefined;
      from += ran.tried;
      if (ran.failure !== undefined) {
        await report(name, ran.failure);
      }
    }
  }
  console.log(`${name}: ${tried} inputs up to seed ${seed - 1}`);
}
process.exitCode = seen.size === 0 ? 0 : 1;
