import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Event } from '../../../../src/model/events.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { acquireLock } from '../../../../src/storage/lock/lock.ts';
import { isProcessAlive } from '../../../../src/storage/lock/process-table.ts';
import { typeScript } from '../../../support/sources.ts';
import { listed } from '../../../support/bodies.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const program = fileURLToPath(new URL('../../../support/lock-holder.ts', import.meta.url));

/** A process with contenders for the lock of a directory, once it is ready to let them go. */
async function contenders(context: TestContext, directory: string, count: number) {
  const child: ChildProcess = spawn(process.execPath, [...typeScript, program, directory, String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  const { stdin, stdout, pid } = child;
  assert.ok(stdin !== null && stdout !== null && pid !== undefined);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  assert.equal(await next(), 'ready');
  return {
    pid,
    go: () => stdin.write('go\n'),
    outcomes: () => Promise.all(Array.from({ length: count }, next)),
    end: async () => {
      stdin.end();
      await once(child, 'exit');
    },
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

test('exactly one of 16 contenders in four processes gets the lock, and a dead one leaves it to the next', async (context) => {
  const directory = await temporaryDirectory(context);
  const racers = await Promise.all([4, 4, 4, 4].map((count) => contenders(context, directory, count)));
  for (const racer of racers) {
    racer.go();
  }
  const outcomes = await Promise.all(racers.map(({ outcomes: each }) => each()));
  assert.deepEqual(outcomes.flat().toSorted(), ['held', ...Array.from({ length: 15 }, () => 'locked')]);
  const holder = racers.find((_, index) => outcomes[index]?.includes('held') === true);
  assert.ok(holder !== undefined);

  const store = await openDirectoryStore(directory);
  const events: Event[] = [];
  const owner = { host: 'test', pid: process.pid, user: 'tester' };
  const take = () =>
    acquireLock(
      store,
      { owner, operation: 'prune', timeoutSeconds: 0 },
      (event) => events.push(event),
      new AbortController().signal,
    );
  await assert.rejects(take(), new RegExp(`is locked: backup by tester@test \\(pid ${holder.pid}\\)`));
  assert.equal(isProcessAlive(holder.pid), true);
  await holder.kill();
  assert.equal(isProcessAlive(holder.pid), false);
  const lock = await take();
  assert.match(JSON.stringify(events), new RegExp(`there is no process ${holder.pid} on this host any more`));
  await lock.release();
  await Promise.all(racers.filter((racer) => racer !== holder).map((racer) => racer.end()));
  assert.deepEqual(await listed(store, ''), []);
});
