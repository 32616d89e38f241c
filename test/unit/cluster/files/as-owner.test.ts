import assert from 'node:assert/strict';
import { chmod, chown, lchown, mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
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
  const remote = await nodeWith(t, { stat: `echo >>'${asked}'; exec /usr/bin/stat "$@"` });
  const files = await openFiles(remote, ['/nowhere', data], never);
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
    const files = await openFiles(await nodeWith(t, programs), [(await dataOf(t)).data], never);
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
    await assert.rejects(openFiles(remote, [data], never), (error) => {
      assert.ok(error instanceof RemoteError);
      assert.match(error.message, /^n1: root cannot work as nobody, who owns /);
      assert.match(error.hint ?? '', /root ALL=\(nobody\) NOPASSWD: ALL .*--sudo-user nobody/);
      return true;
    });
  },
);

test(
  'where the data are root’s own, root works there; not where somebody else says which directory that is',
  { skip },
  async (t) => {
    const { root, data } = await dataOf(t);
    const ours = join(root, 'ours');
    await mkdir(ours);
    const remote = localRemote({ host: 'n1' });
    assert.equal(await openFiles(remote, [ours], never), remote);
    const refused = (directory: string) =>
      assert.rejects(openFiles(remote, [directory], never), /belongs to root, and others have a say in which directory that is/);
    // In the place of the data, by who owns the directory above.
    await rename(data, `${data}.away`);
    await symlink(ours, data);
    await lchown(data, owner, owner);
    await refused(data);
    await refused(join(root, 'var/data/'));
    // A link of root's, in a directory of theirs; a directory of root's in one that anybody may write.
    await symlink(ours, join(root, 'var/link'));
    await refused(join(root, 'var/link'));
    await mkdir(join(root, 'open/data'), { recursive: true });
    await chmod(join(root, 'open'), 0o777);
    await refused(join(root, 'open/data'));
    await chmod(join(root, 'open'), 0o1777);
    assert.equal(await openFiles(remote, [join(root, 'open/data')], never), remote);
    // A link of root's in root's directory is the operator's.
    await symlink(ours, join(root, 'link'));
    assert.equal(await openFiles(remote, [join(root, 'link')], never), remote);
  },
);

test('the owner is in no group but his own ones, whatever group the directory has', { skip }, async (t) => {
  const { data } = await dataOf(t);
  await chown(data, owner, 0);
  const files = await openFiles(localRemote(), [data], never);
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
  assert.equal(await openFiles(login, [data], never), login);
});

test('of a command that fails people read what it was, not how it was started', { skip }, async (t) => {
  const remote = localRemote({ host: 'n1', env: { PATH: '/usr/bin:/bin' } });
  const files = await openFiles(remote, [(await dataOf(t)).data], never);
  await assert.rejects(files.run(['cat', '/nowhere'], {}, never), /^RemoteError: n1: cat exited with status 1: /);
  await assert.rejects(files.run(['no-such-program'], {}, never), /^RemoteError: n1: program not found: no-such-program/);
  assert.deepEqual(withoutOwner(['cat', '--', 'x']), ['cat', '--', 'x']);
});
