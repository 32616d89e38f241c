/**
 * npm run bench: what backups and restores cost, direct and by relay, against `aws s3 sync` and `rclone copy` of the same snapshot
 * to the same S3 server, in one run. See docs/performance.md.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCatalog } from './catalog.ts';
import { fetchContenders, minutes, names } from './contender-programs.ts';
import { contenders, sstashBackup } from './contenders.ts';
import { makeCpuGroups } from './cpu-groups.ts';
import { benchTables, makeData, memoryTables, smallTables } from './data-set.ts';
import { tablesOf } from './figures.ts';
import { cache, type Lab, repository, startLab } from './lab.ts';
import { endMeasuring, interrupt, measure, run } from './measure.ts';
import { proveMemory } from './memory.ts';
import { runRounds } from './rounds.ts';

const help = `npm run bench -- [OPTIONS]: needs Debian and root, as scripts/sandbox does

  --quick           75 MB instead of 700, sstables of 64 and 256 MiB for the memory proof instead of 256 and 2048
  --rounds N        rounds of every contender (3)
  --small           20,000 small files (2,000 when quick) instead; no memory proof, no catalog
  --only NAME       only contenders whose name has this in it; may be repeated. medusa and lzop run only when
                    named; with medusa no memory proof and no catalog
  --memory-only     no rounds
  --no-memory       no memory proof
  --no-catalog      neither a second backup, nor list and show of a large location
  --program FILE    another build's dist/main.js instead of one that is made now
  --profile DIR     one more backup, with Node's CPU profiler; writes .cpuprofile files
  --json            results as one JSON document on stdout
  --wipe            deletes what the benchmark keeps between runs (about 4 GB) and ends
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', multiple: true, default: [] },
    'memory-only': { type: 'boolean', default: false },
    'no-memory': { type: 'boolean', default: false },
    'no-catalog': { type: 'boolean', default: false },
    program: { type: 'string' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
    wipe: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const home = process.env['SSTASH_BENCH'] ?? join(cache, 'bench');
/** Medusa backs up the whole node: what is there for the memory proof would be in its figures. */
const alone = options.small || options.only.some((part) => names.medusa.includes(part));
const directory = join(home, `${options.quick ? 'quick' : 'full'}${options.small ? '-small' : alone ? '-alone' : ''}`);
const say = (text: string): void => console.error(`bench: ${text}`);

async function bench(): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const rounds = options['memory-only'] ? 0 : Number(options.rounds);
  const node = [process.execPath];
  const sstash = [...node, await programFile()];
  await run({ argv: [join(repository, 'scripts/fetch-versitygw')], env: {} }, directory);
  const wanted = (name: string): boolean =>
    options.only.length === 0 ? !minutes.has(name) : options.only.some((part) => name.includes(part));
  await fetchContenders((name) => rounds > 0 && wanted(name), say, directory);
  const { groups, remove } = makeCpuGroups();
  let lab: Lab | undefined;
  try {
    say('starting a Cassandra node and an S3 server');
    lab = await startLab(directory, groups);
    const memory = options['no-memory'] || alone ? [] : memoryTables(options.quick);
    // Always all of them: what a run leaves out is there for the next.
    const tables = options.small ? smallTables(options.quick) : benchTables(options.quick);
    const data = await makeData(lab, alone ? tables : [...tables, ...memoryTables(options.quick)], say);
    const chosen = rounds > 0 ? await contenders(lab, data.tree, sstash, wanted) : [];
    const runs = await runRounds(rounds, chosen, lab, data, groups, say);
    const memoryRuns = await proveMemory(memory, sstash, lab, groups, say);
    const catalog = options['no-catalog'] || alone ? [] : await measureCatalog(sstash, lab, groups, say);
    if (options.profile !== undefined) {
      say('one backup with the profiler');
      const profiled = [...node, '--cpu-prof', '--cpu-prof-dir', resolve(options.profile), ...sstash.slice(1)];
      await measure(sstashBackup(lab, profiled, 'profile', 'bench', ['--transfer', 'relay']), groups, directory);
      rmSync(lab.behind('profile'), { recursive: true, force: true });
    }
    const machine = { cores: cpus().length, model: cpus()[0]?.model ?? '', node: process.version };
    if (options.json) {
      console.log(JSON.stringify({ machine, data, runs, memory: memoryRuns, catalog }, undefined, 2));
    } else {
      console.log(`${machine.cores} × ${machine.model}, Node ${machine.node}\n\n${tablesOf(runs, memoryRuns, catalog, data)}`);
    }
  } finally {
    say('stopping');
    await lab?.down();
    remove();
  }
}

async function programFile(): Promise<string> {
  if (options.program !== undefined) {
    return resolve(options.program);
  }
  say('building');
  await run({ argv: ['npm', 'run', '--silent', '--prefix', repository, 'build'], env: {} }, directory);
  return join(repository, 'dist/main.js');
}

async function wipe(): Promise<void> {
  const state = join(directory, 'sandbox');
  if (existsSync(state)) {
    await run({ argv: [join(repository, 'scripts/sandbox'), 'wipe'], env: { SSTASH_SANDBOX: state } }, directory);
  }
  rmSync(directory, { recursive: true, force: true });
}

// A terminal interrupts the program that is measured too; here it is enough not to die before everything is stopped.
process.on('SIGINT', () => {
  say('interrupted');
  endMeasuring();
});
process.on('SIGTERM', interrupt);
if (options.help) {
  console.log(help);
} else {
  await (options.wipe ? wipe() : bench());
}
