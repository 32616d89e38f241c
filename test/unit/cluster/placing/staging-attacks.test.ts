/** What others could do to a staging directory: those who may write where it is, and whoever owns it before root comes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, lchown, link, mkdir, readdir, rename, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFiles } from '../../../../src/cluster/files/as-owner.ts';
import { readHolds, writeHolds } from '../../../../src/cluster/placing/grace-record.ts';
import { markPlaced, placedAgo } from '../../../../src/cluster/placing/placed-mark.ts';
import { beginPlacing, placeFiles, readJournals, takeBack } from '../../../../src/cluster/placing/placing.ts';
import { type Staging, clearIncoming, defaultStaging, removeStaging } from '../../../../src/cluster/placing/staging.ts';
import type { Remote } from '../../../../src/cluster/remote.ts';
import { RemoteError, UsageError } from '../../../../src/model/errors.ts';
import { canary } from '../../../support/canary.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { stagingOf } from '../../../support/staged-files.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const options = { skip: process.getuid?.() === 0 ? false : 'only root can become another user', timeout: 120_000 };
const owner = 65_534;
const other = 65_533;

interface Host {
  readonly root: string;
  /** Where anybody may make a directory, as in `/tmp`. */
  readonly sticky: string;
  readonly data: string;
  readonly files: Remote;
  readonly node: { readonly files: Remote; readonly config: { readonly dataDirectories: readonly string[] } };
  /** A file of root's beside all that, and that it is as it was. */
  readonly secret: string;
  readonly unharmed: () => Promise<void>;
  readonly open: (directory: string, make?: boolean) => Promise<Staging>;
}

/** A node whose login is root, and whose data are an unprivileged user's. */
async function host(t: TestContext): Promise<Host> {
  const root = await temporaryDirectory(t);
  await chmod(root, 0o755);
  const sticky = join(root, 'tmp');
  const data = join(root, 'var/data');
  await mkdir(data, { recursive: true });
  await mkdir(sticky);
  await chmod(sticky, 0o1777);
  await chown(join(root, 'var'), owner, owner);
  await chown(data, owner, owner);
  const secret = join(root, 'secret');
  const unharmed = await canary(secret);
  const files = await openFiles(localRemote({ host: 'n1' }), { dataDirectories: [data], dataUser: owner }, never);
  const open = (directory: string, make = true) =>
    stagingOf(files, { directory, dataDirectories: [data], label: 's3://b/x/1' }, make);
  return { root, sticky, data, files, node: { files, config: { dataDirectories: [data] } }, secret, unharmed, open };
}

async function owned(path: string, mode: number, user: number): Promise<string> {
  await mkdir(path);
  await chmod(path, mode);
  await chown(path, user, user);
  return path;
}

const refusedBecause = (says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UsageError, String(error));
  assert.match(error.message, says);
  return true;
};

const places: readonly (readonly [what: string, plant: (at: Host, place: string) => Promise<string | void>, says: RegExp])[] = [
  ['is somebody else’s', (_, place) => owned(place, 0o777, other).then(() => {}), /belongs to/],
  ['is root’s', (_, place) => owned(place, 0o755, 0).then(() => {}), /belongs to root, and files are put there as nobody/],
  ['may be written by others', (_, place) => owned(place, 0o777, owner).then(() => {}), /may be written by others \(mode 777\)/],
  ['may be written by a group', (_, place) => owned(place, 0o770, owner).then(() => {}), /may be written by others/],
  ['is a link', ({ data }, place) => symlink(data, place), /is a symbolic link/],
  ['is a dangling link', (_, place) => symlink('/nowhere/at/all', place), /is a symbolic link/],
  [
    'is in a directory of somebody else’s',
    async (_, place) => {
      await owned(place, 0o777, other);
      return join(place, 'restore');
    },
    /others could exchange .*\/tmp\/place belongs neither/,
  ],
  [
    'is the owner’s own, in a directory that anybody may write',
    async (_, place) => {
      await owned(place, 0o777, owner);
      return join(await owned(join(place, 'restore'), 0o700, owner), '');
    },
    /others could exchange/,
  ],
  [
    'is behind somebody else’s link',
    async ({ root }, place) => {
      await owned(join(root, 'var/own'), 0o700, owner);
      await symlink(join(root, 'var/own'), place);
      await lchown(place, other, other);
      return join(place, 'restore');
    },
    /others could exchange .*\/tmp\/place belongs neither/,
  ],
  ['is a pipe', async (_, place) => void execFileSync('mkfifo', [place]), /n1/],
];
for (const [what, plant, says] of places) {
  for (const make of [true, false]) {
    test(`a staging directory that ${what} is refused, ${make ? 'and left alone' : 'by a look too'}`, options, async (t) => {
      const at = await host(t);
      const place = join(at.sticky, 'place');
      const directory = (await plant(at, place)) ?? place;
      const before = execFileSync('find', [at.root, '-printf', '%p %u %m %l\\n']).toString();
      await assert.rejects(at.open(directory, make), refusedBecause(says));
      assert.equal(execFileSync('find', [at.root, '-printf', '%p %u %m %l\\n']).toString(), before);
    });
  }
}

const planted: readonly (readonly [what: string, plant: (at: Host, place: string) => Promise<void>])[] = [
  ['a link for its mark', ({ secret }, place) => symlink(secret, join(place, '.sstash-restore'))],
  ['a link for what comes in', ({ root }, place) => symlink(root, join(place, '.sstash-incoming'))],
  ['a link for a keyspace', ({ root }, place) => symlink(root, join(place, 'shop'))],
  ['a pipe for its mark', async (_, place) => void execFileSync('mkfifo', [join(place, '.sstash-restore')])],
  ['a hard link to a file of root’s', async ({ secret }, place) => link(secret, join(place, 'nb-1-big-Data.db'))],
];
for (const [what, plant] of planted) {
  for (const marked of [true, false]) {
    test(`${what} in a staging directory, ${marked ? 'marked' : 'unmarked'}, harms no file of root’s`, options, async (t) => {
      const at = await host(t);
      const place = await owned(join(at.root, 'var/sstash_restore'), 0o700, owner);
      await plant(at, place);
      if (marked && !what.includes('mark')) {
        await writeFile(join(place, '.sstash-restore'), 'another backup\n');
        await chown(join(place, '.sstash-restore'), owner, owner);
      }
      const opened = await at.open(place).catch((error: unknown) => error);
      if (marked && !what.includes('mark')) {
        assert.ok(opened !== undefined && !(opened instanceof Error), String(opened));
        assert.deepEqual(await readdir(place), ['.sstash-restore']);
      } else {
        refusedBecause(/files that no restore put there/)(opened);
      }
      await at.unharmed();
      assert.ok((await readdir(at.root)).includes('tmp'));
    });
  }
}

test('every later step is refused in another directory that has taken the place of the opened one', options, async (t) => {
  const at = await host(t);
  const place = join(at.sticky, 'restore');
  const staging = await at.open(place);
  assert.deepEqual([(await stat(place)).uid, (await stat(place)).mode & 0o7777], [owner, 0o700]);
  await rename(place, `${place}.away`);
  const swaps = [
    () => owned(place, 0o777, other).then(() => {}),
    () => owned(place, 0o700, owner).then(() => {}),
    () => symlink(at.root, place),
  ];
  for (const swap of swaps) {
    await swap();
    await assert.rejects(clearIncoming(at.files, staging, false, never), /another directory/);
    await assert.rejects(removeStaging(at.files, staging, never), /another directory/);
    await rm(place, { recursive: true });
  }
  await rename(`${place}.away`, place);
  await removeStaging(at.files, staging, never);
  await assert.rejects(stat(place), /ENOENT/);
});

/** Comes and goes under the name of the staging directory, with a link to root's file for its mark. */
const racing = `import os, sys
place, mine, secret = sys.argv[1:]
os.umask(0)
os.makedirs(mine)
os.symlink(secret, mine + '/.sstash-restore')
print('begun', flush=True)
while True:
    for one, two in ((mine, place), (place, mine)):
        try: os.rename(one, two)
        except OSError: pass`;

test('in a race for its name in a sticky directory, nobody’s directory is worked in but the owner’s', options, async (t) => {
  const at = await host(t);
  const place = join(at.sticky, 'restore');
  const racer = spawn('/usr/bin/python3', ['-c', racing, place, join(at.sticky, 'mine'), at.secret], { uid: other, gid: other });
  try {
    await once(racer.stdout, 'data');
    for (let times = 0; times < 25; times += 1) {
      const opened = await at.open(place).catch((error: unknown) => error);
      if (opened instanceof Error) {
        assert.ok(opened instanceof UsageError || opened instanceof RemoteError, String(opened));
        continue;
      }
      // It is the owner's now, which nobody can move away from a sticky directory.
      assert.equal((await stat(place)).uid, owner);
      await rm(place, { recursive: true });
    }
  } finally {
    racer.kill('SIGKILL');
  }
  await at.unharmed();
});

test(
  'where the owner may make no directory beside the data, it is one among them; elsewhere the command is said',
  options,
  async (t) => {
    const at = await host(t);
    assert.equal(await defaultStaging(at.node, 'import', never), join(at.root, 'var/sstash_restore'));
    assert.equal(await defaultStaging(at.node, 'stage', never), '/tmp/cassandra_restore');
    await chown(join(at.root, 'var'), 0, 0);
    const inside = await defaultStaging(at.node, 'import', never);
    assert.equal(inside, join(at.data, '.sstash-staging'));
    const staging = await at.open(inside);
    assert.equal(staging.directory, inside);
    const ofRun = join(inside, 'restore-0123456789ab');
    assert.equal((await at.open(ofRun)).directory, ofRun, 'that of a run');
    await removeStaging(at.files, staging, never);
    await assert.rejects(at.open(join(at.data, '.sstash-staging/x')), refusedBecause(/live data directory/));
    await assert.rejects(at.open(join(at.root, "it's/deep")), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /nobody may not make /);
      const hint = error.hint ?? '';
      execFileSync('sh', ['-c', hint.slice(hint.indexOf('install '))]);
      return true;
    });
    await removeStaging(at.files, await at.open(join(at.root, "it's/deep")), never);
    // Where the directory above is another's it stays, empty, for the next one.
    assert.deepEqual(await readdir(join(at.root, "it's/deep")), []);
  },
);

test('a directory that an earlier version left is taken up; files of root’s in it are named', options, async (t) => {
  const at = await host(t);
  const place = await owned(join(at.root, 'var/sstash_restore'), 0o750, owner);
  await writeFile(join(place, '.sstash-restore'), 's3://b/x/1\n');
  await at.open(place);
  assert.equal((await stat(place)).mode & 0o7777, 0o700);
  await mkdir(join(place, '.sstash-incoming/0-1'), { recursive: true });
  await assert.rejects(at.open(place), refusedBecause(/files of a restore before that nobody cannot remove/));
});

test('what is planted among the data for marks and records is not written through', options, async (t) => {
  const { data, node, secret, unharmed } = await host(t);
  const byRoot = (path: string) => writeFile(path, 'of an earlier version', { mode: 0o600 });
  for (const plant of [
    (path: string) => symlink(secret, path),
    byRoot,
    async (path: string) => void execFileSync('mkfifo', [path]),
  ]) {
    await plant(join(data, '.sstash-placed'));
    await markPlaced(node, never);
    assert.ok(((await placedAgo(node, never)) ?? 0) < 60_000);
    assert.equal((await stat(join(data, '.sstash-placed'))).uid, owner);
    if (plant !== byRoot) {
      await plant(join(data, '.sstash-grace'));
      assert.deepEqual(await readHolds(node, never), []);
    }
    await writeHolds(node, [{ keyspace: 'k', table: 't', ownSeconds: 1, heldSeconds: 2 }], never);
    assert.equal((await readHolds(node, never)).length, 1);
    await rm(join(data, '.sstash-placed'));
    await rm(join(data, '.sstash-grace'));
    await unharmed();
  }
});

test(
  'a journal that root wrote, in an earlier version, is gone on with; links and pipes in it are not opened',
  options,
  async (t) => {
    const { root, data, node, secret, unharmed } = await host(t);
    const id = '20261121T031500Z';
    await mkdir(join(data, 'shop/users-1'), { recursive: true });
    await chown(join(data, 'shop'), owner, owner);
    await chown(join(data, 'shop/users-1'), owner, owner);
    await writeFile(join(data, 'shop/users-1/nb-1-big-Data.db'), 'old');
    const staged = join(await owned(join(root, 'var/staged'), 0o700, owner), 'users-1');
    await owned(staged, 0o750, owner);
    await writeFile(join(staged, 'nb-1-big-Data.db'), 'restored');
    await chown(join(staged, 'nb-1-big-Data.db'), owner, owner);
    const plan = {
      id,
      hosts: ['n1'],
      stateDirectories: [],
      tables: [{ live: 'shop/users-1', places: [{ disk: data, staged, files: [{ path: 'nb-1-big-Data.db', bytes: 8 }] }] }],
    };
    await beginPlacing(node, plan, never);
    const journal = join(data, '.sstash-undo', id);
    // As root of an earlier version left them: the directory is the owner's, what is in it is not.
    execFileSync('sh', [
      '-c',
      `chown root: '${journal}'/* '${data}/.sstash-undo/lock' && chmod 644 '${journal}'/* && : >'${journal}/down'`,
    ]);
    await symlink(secret, join(journal, 'phase.new'));
    execFileSync('mkfifo', [join(journal, 'aside.new')]);
    await chown(join(journal, 'aside.new'), owner, owner);
    await symlink(secret, join(data, '.sstash-placed'));
    await placeFiles(node, id, never);
    assert.equal((await readJournals(node, never))[0]?.phase, 'placed');
    await takeBack(node, id, never);
    await unharmed();
  },
);

test('a link for the journals leads to nothing that the owner may not do', options, async (t) => {
  const { root, data, node, unharmed } = await host(t);
  await mkdir(join(root, 'roots'));
  await symlink(join(root, 'roots'), join(data, '.sstash-undo'));
  const plan = { id: 'x', hosts: ['n1'], stateDirectories: [], tables: [] };
  await assert.rejects(beginPlacing(node, plan, never), RemoteError);
  assert.deepEqual(await readdir(join(root, 'roots')), []);
  await rmdir(join(root, 'roots'));
  await unharmed();
});
