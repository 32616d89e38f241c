/** The host in memory of the simulator is held to real ones: whatever the product runs on a node does the same on both. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../src/flow/clock.ts';
import { samples } from '../../scripts/check-shell.d/samples.ts';
import { Host } from '../simulate/host/host.ts';
import { simulatedRemote } from '../simulate/host/remote.ts';
import { remoteContract } from './remote.ts';
import { filesCases } from './simulated-host/files-cases.ts';
import { holdingCases } from './simulated-host/holding-cases.ts';
import { leftoverCases } from './simulated-host/leftover-cases.ts';
import { placingCases } from './simulated-host/placing-cases.ts';
import { runningCases } from './simulated-host/running-cases.ts';
import { shellTexts } from './simulated-host/shell-texts.ts';
import { stagingCases } from './simulated-host/staging-cases.ts';
import { toolsCases } from './simulated-host/tools-cases.ts';
import { ranTexts, Twin } from './simulated-host/twin.ts';
import { unprivilegedMissing as skip } from '../support/unprivileged.ts';

for (const [title, text] of Object.entries(shellTexts)) {
  test(`shell: ${title}`, { skip }, async (t) => {
    const twin = new Twin(t);
    twin.file('a file', 'one\ntwo\n');
    twin.file('sub/.hidden', 'x');
    twin.file("sub/it's", '');
    twin.link('sub', 'link');
    await twin.script(text, [twin.root, 'two words', '']);
  });
}

const rooms = {
  files: filesCases,
  holding: holdingCases,
  leftovers: leftoverCases,
  placing: placingCases,
  running: runningCases,
  staging: stagingCases,
  tools: toolsCases,
};

for (const [room, cases] of Object.entries(rooms)) {
  for (const [title, run] of Object.entries(cases)) {
    test(`${room}: ${title}`, { skip }, async (t) => {
      await run(new Twin(t));
    });
  }
}

/** They are printed for people, and run by nobody else; the scripts in them have cases of their own. */
const printed = new Set(['refreshScript', 'restartScript']);

test('every script of the product has been run on both', { skip }, async () => {
  const missing: string[] = [];
  const root = new URL('../../src/', import.meta.url);
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.d.ts') || path === 'main.ts' || path.endsWith('worker.ts')) {
      continue;
    }
    const module: Readonly<Record<string, unknown>> = await import(new URL(path, root).href);
    for (const [name, text] of Object.entries(module).filter(([each]) => each.endsWith('Script'))) {
      const isRun = typeof text === 'string' ? ranTexts.has(text) : ranTexts.has(name) || (printed.has(name) && name in samples);
      if (!isRun) {
        missing.push(`${path} ${name}`);
      }
    }
  }
  assert.deepEqual(missing, []);
});

remoteContract('a host in memory', async () => {
  const host = new Host({ name: 'simulated', clock: systemClock });
  const remote = simulatedRemote(host);
  const commandLines = (): readonly string[] => host.processes.all().map(({ argv }) => argv.map((word) => `${word}\0`).join(''));
  return { remote, commandLines, stop: () => remote.close() };
});
