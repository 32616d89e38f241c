import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { openFiles } from '../../../src/cluster/files/as-owner.ts';
import { patient } from '../../../src/cluster/patient.ts';
import { placeFiles } from '../../../src/cluster/placing/placing.ts';
import { listSnapshots, takeSnapshot } from '../../../src/cluster/tools/nodetool.ts';
import { defaultPrograms } from '../../../src/cluster/tools/run-tool.ts';
import { drainServer, startServer } from '../../../src/cluster/tools/service.ts';
import type { Remote } from '../../../src/cluster/remote.ts';
import { OverdueError, RemoteError } from '../../../src/model/errors.ts';
import type { Event } from '../../../src/model/events.ts';
import { type CommandLimits, defaultLimits, parseCommandLimits } from '../../../src/model/options/command-limits.ts';
import { never } from '../../support/never.ts';
import { type Reply, hangs, inputOf, program, says, scriptedRemote } from '../../support/scripted-remote.ts';
import { TestClock } from '../../support/test-clock.ts';

const minuteMs = 60_000;

function patientNode(t: TestContext, limits: CommandLimits = defaultLimits) {
  const clock = new TestClock();
  const told: string[] = [];
  const node = scriptedRemote(t, 'h3');
  const listen = (event: Event) => void (event.type === 'waiting' && told.push(`${event.host}: ${event.text}`));
  const remote = patient(node, { limits, clock, listen });
  return { clock, told, node, remote, tool: { remote, programs: defaultPrograms } };
}

const anything = (): boolean => true;

test('a nodetool that never returns is told of, and given up with what hangs, where, how long, and how to wait longer', async (t) => {
  const { clock, told, node, tool } = patientNode(t);
  node.on(program('nodetool', 'snapshot'), hangs());
  const taken = takeSnapshot(tool, { tag: 'sstash-1' }, never).catch((error: unknown) => error);
  await clock.advance(29 * minuteMs);
  assert.deepEqual(told, [
    'h3: still waiting for nodetool snapshot on h3 (30 s, given up after 30 min)',
    'h3: still waiting for nodetool snapshot on h3 (1 min, given up after 30 min)',
    'h3: still waiting for nodetool snapshot on h3 (2 min, given up after 30 min)',
    'h3: still waiting for nodetool snapshot on h3 (5 min, given up after 30 min)',
    'h3: still waiting for nodetool snapshot on h3 (10 min, given up after 30 min)',
    'h3: still waiting for nodetool snapshot on h3 (20 min, given up after 30 min)',
  ]);
  await clock.advance(minuteMs);
  const error = await taken;
  assert.ok(error instanceof OverdueError);
  assert.equal(error.message, 'nodetool snapshot on h3 did not end within 30 min');
  assert.match(error.hint ?? '', /--command-timeout snapshot=DURATION/);
  assert.equal(error.transient, false);
  // That is what ends it on the node.
  assert.equal(node.calls[0]?.signal.reason, error);
});

test('each verb has its own limit, and what is asked in between the shortest', async (t) => {
  const { clock, node, tool } = patientNode(t, parseCommandLimits(['5m', 'drain=1m']));
  node.on(anything, hangs());
  const failed = async (work: Promise<unknown>, ms: number): Promise<string> => {
    const outcome = work.then(
      () => 'done',
      (error: unknown) => String(error),
    );
    await clock.advance(ms);
    return outcome;
  };
  assert.match(await failed(listSnapshots(tool, never), 5 * minuteMs), /nodetool listsnapshots on h3 did not end within 5 min/);
  assert.match(await failed(drainServer(tool, 'must', never), minuteMs), /nodetool drain on h3 did not end within 1 min/);
  assert.equal(await failed(drainServer(tool, 'if it answers', never), minuteMs), 'done');
  assert.match(await failed(startServer(tool.remote, 'x', never), 5 * minuteMs), /the command that starts Cassandra on h3 did/);
});

test('files that are being placed are told of and never cut off', async (t) => {
  const { clock, told, node, remote } = patientNode(t, parseCommandLimits(['1m']));
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  node.on(anything, async function* (call, next) {
    await ended;
    yield* says('')(call, next);
  });
  const placed = placeFiles({ files: remote, config: { dataDirectories: ['/d'] } }, 'id', never);
  await clock.advance(600 * minuteMs);
  assert.equal(told.at(-1), 'h3: still waiting for the placing of files (place) on h3 (10 h)');
  assert.equal(node.calls[0]?.signal.aborted, false);
  end();
  await placed;
});

test('the wait for a free channel does not count', async (t) => {
  const { clock, node } = patientNode(t);
  let free = (): void => {};
  const queued: Remote = {
    ...node,
    run: async (command, options, signal) => {
      await new Promise<void>((resolve) => (free = resolve));
      return node.run(command, options, signal);
    },
  };
  node.on(anything, hangs());
  const waiting: string[] = [];
  const listen = (event: Event) => void waiting.push(event.type);
  const remote = patient(queued, { limits: defaultLimits, clock, listen });
  const asked = remote.run(['true'], {}, never).catch((error: unknown) => error);
  await clock.advance(60 * minuteMs);
  assert.deepEqual(waiting, []);
  free();
  await clock.advance(minuteMs);
  assert.deepEqual(waiting, ['waiting', 'waiting']);
  await clock.advance(minuteMs);
  assert.match(String(await asked), /true on h3 did not end within 2 min/);
});

/** Says a byte, and again whenever so much time has passed. */
function drips(clock: TestClock, everyMs: number, times: number): Reply {
  return async function* ({ signal }) {
    for (let said = 0; said < times; said += 1) {
      yield Buffer.from('.');
      await clock.sleep(everyMs, {}, signal);
    }
    await once(signal, 'abort');
    signal.throwIfAborted();
  };
}

test('of a stream it is the silence that counts, however long all of it takes; and not while nobody takes what comes', async (t) => {
  const { clock, told, node, remote } = patientNode(t);
  node.on(program('lzop'), drips(clock, 9 * minuteMs, 3));
  const stream = remote.read(['lzop', '-c'], {}, never)[Symbol.asyncIterator]();
  assert.equal((await stream.next()).done, false);
  // The store takes its time.
  await clock.advance(60 * minuteMs);
  assert.deepEqual(told, []);
  const second = stream.next();
  await clock.advance(9 * minuteMs);
  assert.equal((await second).done, false);
  const third = stream.next();
  await clock.advance(9 * minuteMs);
  assert.equal((await third).done, false);
  const fourth = stream.next().catch((error: unknown) => error);
  await clock.advance(10 * minuteMs);
  const error = await fourth;
  assert.ok(error instanceof OverdueError);
  assert.equal(error.message, 'nothing came of lzop on h3 for 10 min');
  assert.match(error.hint ?? '', /--command-timeout stream=/);
});

test('what is fed by a stream is not waited for while its input is', async (t) => {
  const { clock, told, node, remote } = patientNode(t);
  node.on(anything, async function* (call, next) {
    yield* says(await inputOf(call))(call, next);
  });
  async function* slow(): AsyncGenerator<Uint8Array> {
    for (const each of ['a', 'b', 'c']) {
      await clock.sleep(20 * minuteMs, {}, never);
      yield Buffer.from(each);
    }
  }
  const written = remote.run(['sh', '-c', 'cat >x'], { input: slow() }, never);
  await clock.advance(60 * minuteMs);
  assert.equal(await written, 'abc');
  assert.deepEqual(told, []);
  node.on(anything, hangs());
  const stuck = remote.run(['sh', '-c', 'cat >x'], { input: slow() }, never).catch((error: unknown) => error);
  await clock.advance(10 * minuteMs);
  assert.match(String(await stuck), /nothing came of a script on h3 for 10 min/);
});

test('an abort from outside is what is thrown, and nothing is told after the end', async (t) => {
  const { clock, told, node, remote } = patientNode(t);
  node.on(anything, hangs());
  const outer = new AbortController();
  const asked = remote.run(['true'], {}, outer.signal).catch((error: unknown) => error);
  await clock.advance(minuteMs);
  outer.abort(new Error('interrupted'));
  assert.match(String(await asked), /interrupted/);
  const [before] = [told.length];
  await clock.advance(60 * minuteMs);
  assert.equal(told.length, before);
  await assert.rejects(remote.run(['true'], {}, outer.signal), /interrupted/);
});

test('work on files as their owner is watched too', async (t) => {
  const { clock, node, remote } = patientNode(t);
  node.on(anything, hangs());
  const opened = openFiles(remote, { dataUser: 1, dataDirectories: ['/d'] }, never).catch((error: unknown) => error);
  await clock.advance(2 * minuteMs);
  assert.ok((await opened) instanceof RemoteError);
});
