import assert from 'node:assert/strict';
import { chmod, chown, mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFiles, withoutOwner } from '../../../../src/cluster/files/as-owner.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const skip = process.getuid?.() === 0 ? false : 'only root can become another user';
const owner = 65_534;
const other = 65_533;

/** A data directory of an unprivileged user, in a directory of his: `<root>/var/data`. */
async function dataOf(t: TestContext): Promise<{ readonly root: string; readonly data: string }> {
  const root = await temporaryDirectory(t);
  const data = join(root, 'var/data');
  await mkdir(data, { recursive: true });
  await chmod(root, 0o755);
  await chown(join(root, 'var'), owner, owner);
  await chown(data, owner, owner);
  return { root, data };
}

/** A node where these programs are something else. */
async function nodeWith(t: TestContext, programs: Readonly<Record<string, string>>) {
  const bin = await temporaryDirectory(t);
  await chmod(bin, 0o755);
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return localRemote({ host: 'n1', path: [bin] });
}

const who = ['id', '-u'] as const;

test('the way to the owner is found once, and stands in front of each command from then on', { skip }, async (t) => {
  const { data } = await dataOf(t);
  const asked = join(await temporaryDirectory(t), 'asked');
  const remote = await nodeWith(t, { getent: `echo >>'${asked}'; exec /usr/bin/getent "$@"` });
  const files = await openFiles(remote, { dataDirectories: ['/nowhere', data], dataUser: owner }, never);
  const { size } = await stat(asked);
  assert.equal(await files.run(who, {}, never), `${owner}\n`);
  assert.equal(await files.run(['pwd'], {}, never), '/\n');
  assert.equal((await stat(asked)).size, size);
});

for (const [what, programs] of [
  ['runuser', { setpriv: 'exit 127', runuser: `shift 3; exec /usr/bin/setpriv --reuid=${owner} --clear-groups "$@"` }],
  [
    'sudo',
    { setpriv: 'exit 127', runuser: 'exit 127', sudo: `shift 4; exec /usr/bin/setpriv --reuid=${owner} --clear-groups "$@"` },
  ],
] as const) {
  test(`where there is no setpriv of util-linux, ${what} does it`, { skip }, async (t) => {
    const files = await openFiles(
      await nodeWith(t, programs),
      { dataDirectories: [(await dataOf(t)).data], dataUser: owner },
      never,
    );
    assert.equal(await files.run(who, {}, never), `${owner}\n`);
  });
}

test(
  'where nothing does it, root does no work on files, and the line of sudoers that would help is said',
  { skip },
  async (t) => {
    // A setpriv that only pretends is none.
    const remote = await nodeWith(t, {
      setpriv: 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
      runuser: 'exit 1',
      sudo: 'exit 1',
    });
    const { data } = await dataOf(t);
    await assert.rejects(openFiles(remote, { dataDirectories: [data], dataUser: owner }, never), (error) => {
      assert.ok(error instanceof RemoteError);
      assert.match(error.message, /^n1: root cannot work as nobody, who owns the data: /);
      assert.match(error.hint ?? '', /root ALL=\(#65534\) NOPASSWD: ALL .*--sudo-user '#65534'/);
      return true;
    });
  },
);

test(
  'what lies under the name of the data when root asks decides nothing: who they belong to is known before',
  { skip },
  async (t) => {
    const { root, data } = await dataOf(t);
    const remote = localRemote({ host: 'n1' });
    const config = { dataDirectories: [data], dataUser: owner };
    await rename(data, `${data}.away`);
    assert.equal(await (await openFiles(remote, config, never)).run(who, {}, never), `${owner}\n`);
    await mkdir(join(root, 'ours'));
    await symlink(join(root, 'ours'), data);
    assert.equal(await (await openFiles(remote, config, never)).run(who, {}, never), `${owner}\n`);
    assert.equal(await openFiles(remote, { ...config, dataUser: 0 }, never), remote);
    await assert.rejects(
      openFiles(remote, { ...config, dataUser: undefined }, never),
      /^UsageError: n1: there is no data directory /,
    );
  },
);

test('a user without a name is in the group of his number alone', { skip }, async () => {
  const files = await openFiles(localRemote(), { dataDirectories: ['/nowhere'], dataUser: 54_321 }, never);
  assert.equal(await files.run(['sh', '-c', 'id -u; id -G'], {}, never), '54321\n54321\n');
});

test('the owner is in no group but his own ones, whatever group the directory has', { skip }, async (t) => {
  const { data } = await dataOf(t);
  await chown(data, owner, 0);
  const files = await openFiles(localRemote(), { dataDirectories: [data], dataUser: owner }, never);
  assert.doesNotMatch(await files.run(['id', '-G'], {}, never), /\b0\b/);
});

test('a login that is not root works with its own rights', { skip }, async (t) => {
  const { data } = await dataOf(t);
  const remote = localRemote();
  const login = {
    ...remote,
    run: (command: readonly string[], options: object, signal: AbortSignal) =>
      remote.run(['setpriv', `--reuid=${other}`, '--clear-groups', ...command], options, signal),
  };
  assert.equal(await openFiles(login, { dataDirectories: [data], dataUser: owner }, never), login);
});

test('of a command that fails people read what it was, not how it was started', { skip }, async (t) => {
  const remote = localRemote({ host: 'n1', env: { PATH: '/usr/bin:/bin' } });
  const files = await openFiles(remote, { dataDirectories: [(await dataOf(t)).data], dataUser: owner }, never);
  await assert.rejects(files.run(['cat', '/nowhere'], {}, never), /^RemoteError: n1: cat exited with status 1: /);
  await assert.rejects(files.run(['no-such-program'], {}, never), /^RemoteError: n1: program not found: no-such-program/);
  assert.deepEqual(withoutOwner(['cat', '--', 'x']), ['cat', '--', 'x']);
});
