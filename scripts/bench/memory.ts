import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sstashBackup, sstashProgram } from './contenders.ts';
import type { CpuGroups } from './cpu-groups.ts';
import type { TableSpec } from './data-set.ts';
import type { Lab } from './lab.ts';
import { type Cost, measure } from './measure.ts';

/** What sstash took for a table that is one sstable. */
export interface MemoryRun extends Cost {
  readonly what: 'backup, direct' | 'backup, relay' | 'restore --local';
  readonly mebibytes: number;
}

/** Backs up tables of one sstable each, of different sizes, and brings them back: memory must not grow with the size. */
export async function proveMemory(
  tables: readonly TableSpec[],
  sstash: readonly string[],
  lab: Lab,
  groups: CpuGroups,
  say: (text: string) => void,
): Promise<readonly MemoryRun[]> {
  const runs: MemoryRun[] = [];
  const down = join(lab.directory, 'down');
  for (const { keyspace, table, mebibytes } of tables) {
    const size = mebibytes[0] ?? 0;
    say(`memory: an sstable of ${size} MiB`);
    const prefix = `memory-${size}`;
    const name = `${keyspace}.${table}`;
    const backup = (transfer: string) => sstashBackup(lab, sstash, prefix, name, ['--transfer', transfer]);
    const restore = sstashProgram(lab, sstash, prefix, ['restore', 'latest', '--local', down]);
    try {
      for (const transfer of ['direct', 'relay'] as const) {
        rmSync(lab.behind(prefix), { recursive: true, force: true });
        const cost = await measure(backup(transfer), groups, lab.directory);
        runs.push({ what: `backup, ${transfer}`, mebibytes: size, ...cost });
      }
      mkdirSync(down, { recursive: true });
      runs.push({ what: 'restore --local', mebibytes: size, ...(await measure(restore, groups, lab.directory)) });
    } finally {
      rmSync(down, { recursive: true, force: true });
      rmSync(lab.behind(prefix), { recursive: true, force: true });
    }
  }
  return runs;
}
