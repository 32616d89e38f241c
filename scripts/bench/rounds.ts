import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Download } from './contender.ts';
import type { CpuGroups } from './cpu-groups.ts';
import type { DataSet } from './data-set.ts';
import type { Lab } from './lab.ts';
import { type Cost, measure, run } from './measure.ts';

/** One measured run. */
export interface Run extends Cost {
  readonly what: 'upload' | 'again' | 'download';
  readonly name: string;
  readonly round: number;
  /** What lies in the bucket (of a second upload: what it added), or was written to the disk. */
  readonly storedBytes: number;
}

/**
 * Rounds of every contender's upload, second upload and downloads. The contenders are interleaved and every round begins with another
 * one, so that a busy minute of the machine does not fall on one contender alone. Every download is compared with the
 * source, byte by byte, outside the measured time.
 */
export async function runRounds(
  count: number,
  all: readonly Contender[],
  lab: Lab,
  data: DataSet,
  groups: CpuGroups,
  say: (text: string) => void,
): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let round = 1; round <= count; round += 1) {
    const shift = (round - 1) % all.length;
    for (const contender of [...all.slice(shift), ...all.slice(0, shift)]) {
      say(`round ${round} of ${count}: ${contender.name}`);
      runs.push(...(await uploads(round, contender, lab, groups)));
      for (const each of contender.downloads) {
        runs.push(await download(round, each, lab, data, groups));
      }
      rmSync(lab.behind(contender.prefix), { recursive: true, force: true });
    }
  }
  return runs;
}

async function uploads(round: number, contender: Contender, lab: Lab, groups: CpuGroups): Promise<readonly Run[]> {
  const { name, prefix, again } = contender;
  const stored = lab.behind(prefix);
  rmSync(stored, { recursive: true, force: true });
  const cost = await measure(contender.upload, groups, lab.directory);
  const storedBytes = bytesBelow(stored);
  const first: Run = { what: 'upload', name, round, ...cost, storedBytes };
  if (again === undefined) {
    return [first];
  }
  const second = await measure(again, groups, lab.directory);
  return [first, { what: 'again', name, round, ...second, storedBytes: bytesBelow(stored) - storedBytes }];
}

async function download(round: number, each: Download, lab: Lab, data: DataSet, groups: CpuGroups): Promise<Run> {
  rmSync(each.whole, { recursive: true, force: true });
  if (each.made === true) {
    mkdirSync(each.whole, { recursive: true });
  }
  try {
    const cost = await measure(each.program, groups, lab.directory);
    // Some leave more beside it: sstash a note of its own, Medusa system keyspaces.
    const keyspace = join(each.result, 'bench');
    await run({ argv: ['diff', '-rq', join(data.tree, 'bench'), keyspace], env: {} }, lab.directory);
    return { what: 'download', name: each.name, round, ...cost, storedBytes: bytesBelow(keyspace) };
  } finally {
    rmSync(each.whole, { recursive: true, force: true });
  }
}

export function bytesBelow(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
