import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { quote } from '../../../../src/cluster/remote.ts';
import { startServer } from '../../../../src/cluster/tools/service.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
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
