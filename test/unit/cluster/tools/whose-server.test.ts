/** A local user of a node is not Cassandra: with real processes, files and users of this machine. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, lchown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readNodeConfig } from '../../../../src/cluster/tools/node-config.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { isRunning } from '../../../../src/cluster/tools/service.ts';
import { serversScript } from '../../../../src/cluster/tools/whose/is-server.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { unprivilegedMissing } from '../../../support/unprivileged.ts';

const skip = unprivilegedMissing;
const nobody = 65_534;
/** A user of whom no other test and no sandbox of this machine has processes. */
const owner = 61_234;
const remote = localRemote({ host: 'h2', env: { CASSANDRA_CONF: '' } });
const daemon = 'org.apache.cassandra.service.CassandraDaemon';

async function serverOf(t: TestContext, uid: number, program = '/bin/sleep', ...words: readonly string[]): Promise<ChildProcess> {
  const child =
    program === '/bin/sleep'
      ? spawn('/bin/sh', ['-c', 'while :; do sleep 1; done', 'sh', ...words, daemon], {
          uid,
          gid: uid,
          cwd: '/',
          stdio: 'ignore',
        })
      : spawn(program, ['600'], { argv0: daemon, uid, gid: uid, cwd: '/', stdio: 'ignore' });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await once(child, 'spawn');
  return child;
}

/** A configuration file and its directories, of these users. */
async function nodeAt(t: TestContext, { file = 0, data = owner } = {}) {
  const root = await temporaryDirectory(t);
  await chmod(root, 0o755);
  const etc = join(root, 'etc');
  const yaml = join(etc, 'cassandra.yaml');
  const directories = Object.fromEntries(
    ['commitlog', 'hints', 'saved_caches'].map((name) => [`${name}_directory`, join(root, name)]),
  );
  const dataDirectory = join(root, 'data');
  for (const directory of [dataDirectory, ...Object.values(directories)]) {
    await mkdir(directory, { mode: 0o755 });
    await chown(directory, data, data);
  }
  await mkdir(etc);
  await writeFile(yaml, JSON.stringify({ data_file_directories: [dataDirectory], ...directories }), { mode: 0o644 });
  await chown(yaml, file, file);
  const read = (configPath = yaml) => readNodeConfig(remote, { ...defaultPrograms, configPath }, never);
  return { root, etc, yaml, data: dataDirectory, read };
}

test('a file of root or of the owner of the data is read; where neither is there, it is not', { skip }, async (t) => {
  const node = await nodeAt(t);
  assert.deepEqual((await node.read()).dataDirectories, [node.data]);
  await chown(node.yaml, owner, owner);
  assert.equal((await node.read()).path, node.yaml);
  await symlink(node.yaml, join(node.root, 'link.yaml'));
  assert.equal((await node.read(join(node.root, 'link.yaml'))).path, join(node.root, 'link.yaml'));

  const refused = (because: RegExp, path?: string) =>
    assert.rejects(node.read(path), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, because);
      assert.match(error.message, /^h2: /);
      assert.match(error.hint ?? '', /--cassandra-conf-path/);
      return true;
    });
  await chown(node.yaml, nobody, nobody);
  await refused(/cassandra\.yaml belongs to nobody$/);
  await chown(node.yaml, 0, 0);
  await chmod(node.yaml, 0o646);
  await refused(/cassandra\.yaml may be written by everybody$/);
  await chmod(node.yaml, 0o664);
  await chown(node.yaml, 0, nobody);
  await refused(/cassandra\.yaml may be written by the group \S+$/);
  await chown(node.yaml, 0, 0);
  await chown(node.etc, nobody, nobody);
  await refused(/\/etc, on the way to \S+, belongs to nobody$/);
  await chown(node.etc, 0, 0);

  // Root's link is right, and leads through a directory of another's.
  const evil = join(node.root, 'evil');
  await mkdir(evil);
  await chown(evil, nobody, nobody);
  await copyFile(node.yaml, join(evil, 'cassandra.yaml'));
  await symlink('evil/cassandra.yaml', join(node.root, 'via.yaml'));
  await refused(/\/evil, on the way to \S+via\.yaml, belongs to nobody$/, join(node.root, 'via.yaml'));
  // In a sticky directory another's link is another's.
  const sticky = join(node.root, 'sticky');
  await mkdir(sticky);
  await chmod(sticky, 0o1777);
  await symlink(node.yaml, join(sticky, 'cassandra.yaml'));
  assert.ok(await node.read(join(sticky, 'cassandra.yaml')));
  await lchown(join(sticky, 'cassandra.yaml'), nobody, nobody);
  await refused(/sticky\/cassandra\.yaml belongs to nobody$/, join(sticky, 'cassandra.yaml'));
});

test('directories of two users, or below one that another may write, are refused', { skip }, async (t) => {
  const node = await nodeAt(t);
  await chown(join(node.root, 'hints'), nobody, nobody);
  await assert.rejects(node.read(), /\/hints belongs to nobody, and \S+\/data to /);
  await chown(join(node.root, 'hints'), owner, owner);
  await chmod(node.root, 0o777);
  await assert.rejects(node.read(), /may be written by everybody/);
});

test('a process of another user is not asked, even where no other server runs; it is named', { skip }, async (t) => {
  const node = await nodeAt(t, { file: nobody, data: nobody });
  await serverOf(t, nobody, undefined, `-Dcassandra.config=file://${node.yaml}`);
  const found = await readNodeConfig(remote, defaultPrograms, never).catch((error: unknown) => error);
  if (found instanceof Error) {
    assert.match(found.message, /process \d+ of user \S+ (and \d+ more )?is called like a server and is not believed/);
  } else {
    assert.notEqual((found as { readonly path: string }).path, node.yaml);
  }
});

test(
  "a server of the one whom the data belong to is asked what it was started with, if root's file says whose they are",
  { skip },
  async (t) => {
    const node = await nodeAt(t);
    await serverOf(t, owner, undefined, '-cp', node.etc, '-Dcassandra.storagedir=/srv/own');
    await writeFile(node.yaml, `data_file_directories: [${node.data}]\n`);
    const config = await node.read();
    assert.equal(config.commitlogDirectory, '/srv/own/commitlog');
    assert.equal(config.doubts, undefined);
    // The same words of a user who has nothing here.
    const other = await nodeAt(t);
    await serverOf(t, nobody, undefined, '-cp', other.etc, '-Dcassandra.storagedir=/srv/evil');
    await writeFile(other.yaml, `data_file_directories: [${other.data}]\n`);
    assert.notEqual((await other.read()).commitlogDirectory, '/srv/evil/commitlog');
  },
);

test('only a process of the owner of the data or of root runs as the server', { skip }, async (t) => {
  const node = await nodeAt(t);
  const config = { dataDirectories: [node.data] };
  const running = () => isRunning({ remote, config }, never);
  // By its number: servers of root may come and go beside this, in other tests and in the sandbox.
  const counts = async ({ pid }: ChildProcess) => {
    const script = `${serversScript}\nknown_users ${owner}; servers`;
    return (await remote.run(['sh', '-c', script], {}, never)).split('\n').includes(`/proc/${pid}`);
  };
  assert.equal(await counts(await serverOf(t, nobody)), false, 'of nobody');
  // As `sudo` that waits for a password: the real user is root, and the words are anybody's.
  const setuid = join(node.root, 'sleep');
  await copyFile('/bin/sleep', setuid);
  await chmod(setuid, 0o4755);
  assert.equal(await counts(await serverOf(t, 0, setuid)), false, "of a program that anybody may start with root's rights");
  assert.equal(await counts(await serverOf(t, owner)), true, 'of the owner');
  assert.equal(await running(), true, 'of the owner');
});
