/** Who has a node for himself, and what becomes of that when he is gone: with real shells on this machine. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { DataNode } from '../../../../src/cluster/node.ts';
import type { Command, RunOptions } from '../../../../src/cluster/remote.ts';
import { converse } from '../../../../src/cluster/conversation.ts';
import { NodeLock, lockNode } from '../../../../src/cluster/placing/node-lock.ts';
import { holdNodeScript } from '../../../../src/cluster/placing/node-lock-script.ts';
import { nodeLockTimes } from '../../../../src/cluster/placing/take-node.ts';
import { systemClock } from '../../../../src/flow/clock.ts';
import { BackupError, LockedError } from '../../../../src/model/errors.ts';
import { type NodeHolder, holderOf } from '../../../../src/model/node/holder.ts';
import { identityOf } from '../../../support/identity.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const first: NodeHolder = {
  token: '0123456789abcdef',
  owner: { host: 'bastion', pid: 4711, user: 'ops' },
  operation: 'restore of backup 20261121T031500Z',
  since: '2026-11-30T16:00:00.123Z',
};
const second: NodeHolder = { ...first, token: 'fedcba9876543210', owner: { host: 'other', pid: 12, user: 'root' } };

interface Place {
  readonly node: DataNode;
  readonly data: string;
  readonly lock: (holder?: NodeHolder, on?: DataNode) => Promise<NodeLock>;
  /** Ends the shell that holds the lock, as nothing but the kernel does. */
  readonly killHolder: () => void;
}

async function place(t: TestContext): Promise<Place> {
  const data = await temporaryDirectory(t);
  const node = { files: localRemote({ host: 'n1' }), config: { dataDirectories: [data] } };
  return {
    node,
    data,
    lock: async (holder = first, on = node) => {
      const times = { ...nodeLockTimes, patienceMs: 20_000 };
      const lock = await lockNode(on, { holder, clock: systemClock, times }, never);
      assert.ok(lock instanceof NodeLock, JSON.stringify(lock));
      t.after(() => lock.release());
      return lock;
    },
    killHolder: () => {
      const pids = execFileSync('pgrep', ['-f', `sh -c .*${data}/\\.sstash-lock`], { encoding: 'utf8' })
        .trim()
        .split('\n');
      pids.forEach((pid) => process.kill(Number(pid), 'SIGKILL'));
    },
  };
}

async function isFree(data: string): Promise<boolean> {
  return localRemote()
    .run(['flock', '-n', join(data, '.sstash-lock'), 'true'], {}, never)
    .then(
      () => true,
      () => false,
    );
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) {
    await delay(50);
  }
}

test('a second one is refused, and told who has the node, since when and for what; once that has ended it is free', async (t) => {
  const { lock, data } = await place(t);
  const held = await lock();
  await held.confirm(never);
  await assert.rejects(lock(second), (error) => {
    assert.ok(error instanceof LockedError);
    assert.equal(error.exitCode, 11);
    assert.equal(
      error.message,
      'n1 is locked: restore of backup 20261121T031500Z, by ops@bastion (pid 4711) since 2026-11-30T16:00:00Z',
    );
    return true;
  });
  assert.match(await readFile(join(data, '.sstash-lock'), 'utf8'), /^0123456789abcdef\tbastion\t4711\tops\t/);
  await held.release();
  await (await lock(second)).confirm(never);
});

test('a shell that is killed takes the lock along; it is had again where nobody else had it meanwhile', async (t) => {
  const { lock, data, killHolder } = await place(t);
  const held = await lock();
  killHolder();
  await held.confirm(never);
  assert.equal(await isFree(data), false);
  assert.equal(held.signal.aborted, false);
});

test('where somebody else had the node meanwhile, nothing more is done, also when he has ended since', async (t) => {
  const { node, lock, data, killHolder } = await place(t);
  const held = await lock();
  // Somebody else has the lock in the moment in which it is free, and leaves his line in the file.
  const other = converse(node.files, ['sh', '-c', holdNodeScript, 'sh', `${data}/.sstash-other`, '60', 'x\ty', 'first'], never);
  for await (const line of other.lines) {
    assert.equal(line, 'ok');
    break;
  }
  other.end();
  await writeFile(join(data, '.sstash-lock'), await readFile(join(data, '.sstash-other')));
  killHolder();
  await assert.rejects(held.confirm(never), (error) => error instanceof LockedError && /was taken over/.test(error.message));
  assert.ok(held.signal.aborted);
});

test('that the lock is gone is noticed without being asked', async (t) => {
  const { lock, data, killHolder } = await place(t);
  const held = await lock();
  await writeFile(join(data, '.sstash-lock'), 'fedcba9876543210\tother\t12\troot\t2026\tprune\n');
  killHolder();
  await until(async () => held.signal.aborted);
  assert.match(String(held.signal.reason), /taken over: prune, by root@other \(pid 12\)/);
});

test('a holder that says nothing any more loses the lock by the node’s own timer, though its connection stands', async (t) => {
  const data = await temporaryDirectory(t);
  const file = join(data, '.sstash-lock');
  const talk = converse(localRemote(), ['sh', '-c', holdNodeScript, 'sh', file, '1', 'me\tx', 'first'], never);
  const heard: string[] = [];
  for await (const line of talk.lines) {
    heard.push(line);
  }
  talk.end();
  assert.deepEqual([heard, await isFree(data)], [['ok'], true]);
});

test('a directory that two nodes share is refused for the second, and is free when the first has ended', async (t) => {
  const { lock, data } = await place(t);
  const elsewhere = await temporaryDirectory(t);
  const staging = join(data, 'staging');
  await mkdir(staging, { mode: 0o700 });
  const identity = await identityOf(staging);
  const one = await lock();
  const other = await lock(first, { files: localRemote({ host: 'n2' }), config: { dataDirectories: [elsewhere] } });
  await one.holdDirectory(staging, identity, never);
  await assert.rejects(
    other.holdDirectory(staging, identity, never),
    /n2: .*staging is in use for another node by this very restore/,
  );
  await one.release();
  const third = await lock(second);
  await third.holdDirectory(staging, identity, never);
  await third.release();
  assert.deepEqual(execFileSync('ls', ['-A', staging], { encoding: 'utf8' }), '');
});

test('a node without flock, and one whose file is none, say so', async (t) => {
  const data = await temporaryDirectory(t);
  const bin = await temporaryDirectory(t);
  const known = ['sh', 'id', 'head', 'sleep', 'timeout', 'stat'].map((name) => [
    name,
    execFileSync('which', [name], { encoding: 'utf8' }).trim(),
  ]);
  for (const [name = '', path = ''] of known) {
    await symlink(path, join(bin, name));
  }
  const request = { holder: first, clock: systemClock, times: nodeLockTimes };
  const bare = { files: localRemote({ env: { PATH: [bin].join(delimiter) } }), config: { dataDirectories: [data] } };
  assert.deepEqual(await lockNode(bare, request, never), {
    unlockable: { why: 'flock (util-linux) is not there', hint: undefined },
  });
  const node = { files: localRemote(), config: { dataDirectories: [data] } };
  const file = join(data, '.sstash-lock');
  const whyNot = async (on: DataNode = node): Promise<string> => {
    const answer = await lockNode(on, request, never);
    assert.ok(!(answer instanceof NodeLock) && answer.unlockable.hint !== undefined);
    return answer.unlockable.why;
  };
  execFileSync('mkfifo', [file]);
  assert.equal(await whyNot(), `${file} is no file`);
  await rm(file);
  await mkdir(file);
  assert.equal(await whyNot(), `${file} is no file`);
  await rm(file, { recursive: true });
  await symlink('/etc/hosts', file);
  assert.equal(await whyNot(), `${file} is a symbolic link`);
  const none = { files: localRemote(), config: { dataDirectories: [join(data, 'none')] } };
  assert.match(await whyNot(none), /^\w+ cannot make .*none\/\.sstash-lock: \w.*(nonexistent|No such file or directory)$/);
});

test('a lock file that is removed or exchanged while it is held is noticed, by whoever asks and without being asked', async (t) => {
  const stories: Readonly<Record<string, (data: string) => Promise<void>>> = {
    removed: (data) => rm(join(data, '.sstash-lock')),
    'made anew, with the same words': async (data) => {
      const words = await readFile(join(data, '.sstash-lock'));
      await rm(join(data, '.sstash-lock'));
      await writeFile(join(data, '.sstash-lock'), words);
    },
    'a link now': async (data) => {
      await rename(join(data, '.sstash-lock'), join(data, 'elsewhere'));
      await symlink('elsewhere', join(data, '.sstash-lock'));
    },
    'in another directory now': async (data) => {
      await rename(data, `${data}-before`);
      await mkdir(data);
    },
  };
  const isLost = (error: unknown): boolean =>
    error instanceof LockedError &&
    error.exitCode === 11 &&
    /^the lock of n1 is lost: .*\.sstash-lock was removed/.test(error.message);
  for (const [title, happens] of Object.entries(stories)) {
    const data = join(await temporaryDirectory(t), 'data');
    await mkdir(data);
    const node = { files: localRemote({ host: 'n1' }), config: { dataDirectories: [data] } };
    const lock = async (holder: NodeHolder, beatMs: number): Promise<NodeLock> => {
      const taken = await lockNode(node, { holder, clock: systemClock, times: { ...nodeLockTimes, beatMs } }, never);
      assert.ok(taken instanceof NodeLock, title);
      t.after(() => taken.release());
      return taken;
    };
    const asks = await lock(first, 3_600_000);
    await asks.confirm(never);
    await happens(data);
    await assert.rejects(asks.confirm(never), isLost, title);
    assert.ok(isLost(asks.signal.reason), title);
    await asks.release();
    await rm(join(data, '.sstash-lock'), { force: true });
    const beats = await lock(second, 20);
    await rm(join(data, '.sstash-lock'));
    await until(async () => beats.signal.aborted);
    assert.ok(isLost(beats.signal.reason), title);
  }
});

test('of two that hold a lock file each under one name, the one whose file it is goes on', async (t) => {
  const { lock, data } = await place(t);
  const held = await lock();
  await rm(join(data, '.sstash-lock'));
  const other = await lock(second);
  await other.confirm(never);
  await assert.rejects(held.confirm(never), LockedError);
  await held.release();
  await other.confirm(never);
  assert.equal(await isFree(data), false);
});

test('a lock file that is removed while its shell is gone is not taken for ours', async (t) => {
  const { lock, data, killHolder } = await place(t);
  const held = await lock();
  await rm(join(data, '.sstash-lock'));
  killHolder();
  await assert.rejects(held.confirm(never), /^LockedError: the lock of n1 is lost: .* was removed or exchanged/);
});

test('a lock that there is no room to say anything in is held; had again it is not, for nobody can say who had it meanwhile', async (t) => {
  const { node, data, killHolder } = await place(t);
  const real = localRemote({ host: 'n1' });
  // No file may get a byte: the same answer to a write as of a full disk.
  const full = ['sh', '-c', String.raw`trap '' XFSZ; ulimit -f 0; exec "$@"`, 'sh'] as const;
  const files = new Proxy(real, {
    get: (target, name): unknown =>
      name === 'read'
        ? (command: Command, options: RunOptions, signal: AbortSignal) => target.read([...full, ...command], options, signal)
        : Reflect.get(target, name),
  });
  const request = { holder: first, clock: systemClock, times: nodeLockTimes };
  const held = await lockNode({ ...node, files }, request, never);
  assert.ok(held instanceof NodeLock, JSON.stringify(held));
  t.after(() => held.release());
  await held.confirm(never);
  assert.equal(await readFile(join(data, '.sstash-lock'), 'utf8'), '');
  await assert.rejects(
    lockNode(node, { ...request, holder: second }, never),
    /n1 is locked: somebody who has not said who he is/,
  );
  killHolder();
  await assert.rejects(held.confirm(never), (error) => {
    assert.ok(error instanceof LockedError);
    assert.match(error.message, /nobody can say who had it meanwhile: .*\.sstash-lock had no room for it$/);
    assert.match(error.hint ?? '', /^make room on that disk/);
    return true;
  });
});

test('a file that another one removes before it is locked is no lock: it is taken anew', async (t) => {
  const { lock, data } = await place(t);
  const bin = await temporaryDirectory(t);
  const flock = execFileSync('which', ['flock'], { encoding: 'utf8' }).trim();
  // The first time the name is gone by the moment in which the file is locked.
  const script = `#!/bin/sh\nif mkdir ${bin}/once 2>/dev/null; then rm ${data}/.sstash-lock; fi\nexec ${flock} "$@"\n`;
  await writeFile(join(bin, 'flock'), script, { mode: 0o755 });
  const held = await lock(first, { files: localRemote({ host: 'n1', path: [bin] }), config: { dataDirectories: [data] } });
  await held.confirm(never);
  assert.equal(await isFree(data), false);
});

test('a directory whose lock can be none is refused with why', async (t) => {
  const { lock, data } = await place(t);
  const staging = join(data, 'staging');
  await mkdir(join(staging, '.sstash-lock'), { mode: 0o700, recursive: true });
  const held = await lock();
  await assert.rejects(
    held.holdDirectory(staging, await identityOf(staging), never),
    (error) => error instanceof LockedError && error.message.endsWith(`cannot be locked: ${staging}/.sstash-lock is no file`),
  );
});

test('a node that cannot be had again in time is lost', async (t) => {
  const { data, killHolder } = await place(t);
  const files = localRemote({ host: 'n1' });
  const times = { ...nodeLockTimes, patienceMs: 0 };
  const request = { holder: first, clock: systemClock, times };
  const held = await lockNode({ files, config: { dataDirectories: [data] } }, request, never);
  assert.ok(held instanceof NodeLock);
  t.after(() => held.release());
  killHolder();
  await files.close();
  await assert.rejects(
    held.confirm(never),
    (error) => error instanceof BackupError && /the lock of n1 is lost/.test(error.message),
  );
});

test('a line that says nothing, or something else, names nobody and steers no terminal', () => {
  assert.equal(holderOf(''), 'somebody who has not said who he is');
  assert.ok(!holderOf('t\th\t1\tu\t2026\t\u001b[2Jx').includes('\u001b'));
});
