import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { lutimes, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { clearSecretsScript } from '../../../../src/cluster/leftovers/clear-script.ts';
import { lookForSecretsScript } from '../../../../src/cluster/leftovers/look-script.ts';
import { recordsOf } from '../../../../src/cluster/leftovers/records.ts';
import { runDetachedScript } from '../../../../src/cluster/tools/service.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const run = promisify(execFile);

async function look(directory: string): Promise<readonly (readonly string[])[]> {
  const { stdout } = await run('sh', ['-c', lookForSecretsScript, 'sh', directory], {
    env: { ...process.env, XDG_RUNTIME_DIR: '/nowhere' },
  });
  return recordsOf(stdout);
}

test('files with a login are found, with who uses them; those of other names, links and directories are not', async (t) => {
  const place = await temporaryDirectory(t);
  const [forgotten, used] = [join(place, 'sstash-login-0123456789'), join(place, 'sstash-login-abcdefghij')];
  const longAgo = new Date(Date.now() - 7200_000);
  for (const path of [forgotten, used, join(place, 'sstash-login-short'), join(place, 'notes')]) {
    await writeFile(path, 'user secret');
    await utimes(path, longAgo, longAgo);
  }
  await symlink(forgotten, join(place, 'sstash-login-linklinkli'));
  await lutimes(join(place, 'sstash-login-linklinkli'), longAgo, longAgo);
  await mkdir(join(place, 'sstash-login-directory9'));
  const program = spawn('sh', ['-c', 'echo begun; read -r _', 'nodetool', '-pwf', used], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => program.kill());
  await once(program.stdout, 'data');
  const found = await look(place);
  assert.deepEqual(
    found.map(([kind, path, bytes, age, isUsed]) => [kind, path, bytes, Number(age) >= 7200 && Number(age) < 9000, isUsed]),
    [
      ['login', forgotten, '11', true, 'no'],
      ['login', used, '11', true, 'yes'],
    ],
  );
});

test('what a stop or start command said is found by its name when that was killed', async (t) => {
  const place = await temporaryDirectory(t);
  const end = join(place, 'end');
  const shell = spawn('sh', ['-c', runDetachedScript, 'sh', `until [ -e '${end}' ]; do sleep 0.1; done`], {
    env: { ...process.env, TMPDIR: place },
    stdio: 'ignore',
  });
  let found: Awaited<ReturnType<typeof look>> = [];
  while (found.length === 0) {
    found = await look(place);
  }
  shell.kill('SIGKILL');
  await once(shell, 'close');
  const [[kind, path = '']] = [found[0] ?? assert.fail()];
  assert.deepEqual([kind, path.startsWith(join(place, 'sstash-said-'))], ['temporary', true]);
  await run('sh', ['-c', clearSecretsScript, 'sh', path]);
  assert.deepEqual(await look(place), []);
  await writeFile(end, '');
});

test('only what has such a name, is plain and one’s own is removed', async (t) => {
  const place = await temporaryDirectory(t);
  const precious = join(place, 'precious');
  await writeFile(precious, 'rows');
  await assert.rejects(run('sh', ['-c', clearSecretsScript, 'sh', precious]));
  const link = join(place, 'sstash-login-0123456789');
  await symlink(precious, link);
  execFileSync('sh', ['-c', clearSecretsScript, 'sh', link]);
  assert.ok(existsSync(precious) && existsSync(link));
});
