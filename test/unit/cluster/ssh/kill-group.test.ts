/** How the process group of a command is ended that does not end when it is told to. Real processes, and a real clock. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { killScript } from '../../../../src/cluster/ssh/command-frame.ts';

interface Group {
  readonly pid: number;
  /** True when nothing of it is left: it holds an end of this pipe. */
  readonly over: Promise<string>;
  isOver: boolean;
}

/** A group that lives until it is ended; it has set its traps when this resolves. */
async function group(script: string): Promise<Group> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
  const [, out, , pipe] = child.stdio;
  assert.ok(child.pid !== undefined && out !== null && pipe !== undefined && pipe !== null && 'read' in pipe);
  await once(out, 'data');
  const found: Group = { pid: child.pid, over: text(pipe), isOver: false };
  void found.over.then(() => (found.isOver = true));
  return found;
}

/** Resolves when the script has done all that it will do, also behind its own back. */
async function end({ pid }: Group, startTime = startOf(pid)): Promise<void> {
  const script = killScript({ pid, group: pid, startTime });
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const [, , , pipe] = child.stdio;
  assert.ok(pipe !== undefined && pipe !== null && 'read' in pipe);
  await text(pipe);
}

function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? assert.fail('no start time');
}

const lives = 'echo on; while :; do sleep 1000; done';

test('who lives on is killed after a while, but not who ignores the signal, which is his way to say that he must come to his end', async () => {
  const groups = {
    plain: await group(lives),
    stubborn: await group(`trap : TERM; ${lives}`),
    'with a stubborn child': await group(`trap : TERM; (trap : TERM; ${lives}) & ${lives}`),
    'at work': await group(`trap '' TERM; ${lives}`),
    'with a child at work': await group(`trap : TERM; (trap '' TERM; ${lives}) & ${lives}`),
  };
  const started = performance.now();
  await Promise.all(Object.values(groups).map((each) => end(each)));
  assert.ok(performance.now() - started > 5000, 'nobody had time to end by himself');
  const { plain, stubborn, 'with a stubborn child': both } = groups;
  await Promise.all([plain.over, stubborn.over, both.over]);
  const left = Object.entries(groups).filter(([, { isOver }]) => !isOver);
  assert.deepEqual(
    left.map(([name]) => name),
    ['at work', 'with a child at work'],
  );
  left.forEach(([, { pid }]) => process.kill(-pid, 'SIGKILL'));
  await Promise.all(left.map(([, { over }]) => over));
});

test('a process that has got the number meanwhile is left alone', async () => {
  const other = await group(lives);
  await end(other, '1');
  assert.equal(other.isOver, false);
  process.kill(-other.pid, 'SIGKILL');
  await other.over;
});
