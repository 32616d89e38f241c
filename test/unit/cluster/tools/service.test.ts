import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { quote } from '../../../../src/model/node/shell-text.ts';
import { drainServer, startServer } from '../../../../src/cluster/tools/service.ts';
import { patient } from '../../../../src/cluster/patient.ts';
import { systemClock } from '../../../../src/flow/clock.ts';
import { defaultLimits } from '../../../../src/model/options/command-limits.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const remote = localRemote();
const { signal } = new AbortController();

test('a start command may leave a server in the background that keeps its output: it is not waited for, and lives on', async (t) => {
  const file = join(await temporaryDirectory(t), 'pid');
  await startServer(remote, `sleep 300 & echo $! >${quote(file)}; echo started`, signal);
  const pid = Number(await readFile(file, 'utf8'));
  t.after(() => process.kill(pid));
  await delay(50);
  assert.ok(process.kill(pid, 0));
});

test('a start command that fails says on which host, with what it printed, and what to do', async () => {
  await assert.rejects(startServer(remote, 'echo no such unit >&2; exit 5', signal), (error) => {
    assert.ok(error instanceof RemoteError);
    assert.match(error.message, /^local: .* failed: no such unit$/);
    assert.match(error.hint ?? '', /--start-cmd/);
    return error.status === 5;
  });
});

test('a server that drains for ever, as on a full disk, is told of where it must be drained, and left so where it need not', async () => {
  const limits = { ...defaultLimits, drain: 0.06 };
  const hurried = patient(remote, { limits, clock: systemClock, listen: () => {} });
  const node = { remote: hurried, programs: { ...defaultPrograms, nodetool: ['sh', '-c', 'exec sleep 300', 'nodetool'] } };
  await assert.rejects(drainServer(node, 'must', signal), (error) => {
    assert.ok(error instanceof RemoteError);
    assert.match(error.message, /^nodetool drain on local did not end within 0.06 s$/);
    assert.match(error.hint ?? '', /disk may be full.*kill -9.*--command-timeout drain=/);
    return true;
  });
  assert.equal(await drainServer(node, 'if it answers', signal), false);
  // A failure of another kind is one wherever it comes.
  const broken = { remote, programs: { ...defaultPrograms, nodetool: ['sh', '-c', 'exit 1', 'nodetool'] } };
  await assert.rejects(drainServer(broken, 'if it answers', signal), /nodetool drain failed/);
});

test('a node without room for temporary files is started all the same', async (t) => {
  const cramped = localRemote({ env: { TMPDIR: '/nowhere/at/all' } });
  const file = join(await temporaryDirectory(t), 'started');
  await startServer(cramped, `echo yes >${quote(file)}`, signal);
  assert.equal(await readFile(file, 'utf8'), 'yes\n');
  await assert.rejects(startServer(cramped, 'exit 5', signal), RemoteError);
});
