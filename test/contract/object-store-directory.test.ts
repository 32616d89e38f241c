import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, describe, test } from 'node:test';
import { LockedError, NotFoundError, StorageError } from '../../src/model/errors.ts';
import { openDirectoryStore } from '../../src/storage/directory/directory.ts';
import { acquireLock } from '../../src/storage/lock/lock.ts';
import { bytesOf, listed, stream, textOf } from '../support/bodies.ts';
import { objectStoreContract } from './object-store.ts';
import { never } from '../support/never.ts';

const mebibyte = 1024 ** 2;

async function unfinishedBelow(path: string): Promise<string[]> {
  const names = await readdir(path, { recursive: true });
  return names.filter((name) => name.includes('.sstash-tmp/') || name.includes('.sstash-now-'));
}

objectStoreContract('directory', undefined, async () => {
  const root = await mkdtemp(join(tmpdir(), 'sstash-directory-'));
  return {
    open: (base) => openDirectoryStore(join(root, base), { create: true }),
    openMissing: () => openDirectoryStore(join(root, 'missing')),
    leftovers: () => unfinishedBelow(root),
    long: { bytes: 200 * mebibyte, growth: 60 * mebibyte },
    stop: () => rm(root, { recursive: true, force: true }),
  };
});

/** Runs something with a directory of its own. */
const inDirectory = async (run: (path: string) => Promise<void>): Promise<void> => {
  const path = await mkdtemp(join(tmpdir(), 'sstash-directory-'));
  try {
    await run(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
};

describe('directory store', () => {
  test('says where it is, as a URL', () =>
    inDirectory(async (path) => {
      await mkdir(join(path, 'with space'));
      assert.equal((await openDirectoryStore(join(path, 'with space'))).url, `file://${path}/with%20space`);
    }));

  test('tells no time where nothing may be made', () =>
    inDirectory(async (path) => {
      const store = await openDirectoryStore(path);
      await chmod(path, 0o555);
      // Root may write everywhere.
      const root = process.geteuid?.() === 0;
      try {
        if (root) {
          process.seteuid?.(65_534);
        }
        assert.equal(await store.now(never), undefined);
      } finally {
        if (root) {
          process.seteuid?.(0);
        }
        await chmod(path, 0o755);
      }
    }));

  test('refuses a location that is a file', () =>
    inDirectory(async (path) => {
      await writeFile(join(path, 'file'), '');
      await assert.rejects(openDirectoryStore(join(path, 'file')), StorageError);
    }));

  test('reports a file that is shortened while it is read', () =>
    inDirectory(async (path) => {
      const store = await openDirectoryStore(path);
      await store.put('key', Buffer.alloc(2 * mebibyte), {}, never);
      const read = async (): Promise<void> => {
        for await (const _ of store.get('key', {}, never)) {
          await truncate(join(path, 'key'), mebibyte);
        }
      };
      await assert.rejects(read(), /breaks off at byte 1048576 of 2097152/);
    }));

  test('does not recreate a location that has gone, such as an unmounted one', () =>
    inDirectory(async (path) => {
      const base = join(path, 'mount');
      const store = await openDirectoryStore(base, { create: true });
      await rm(base, { recursive: true });
      await assert.rejects(store.put('key', Buffer.from('x'), {}, never), NotFoundError);
      await assert.rejects(listed(store, ''), NotFoundError);
      await assert.rejects(listed(store, 'deeper/'), NotFoundError);
      await assert.rejects(stat(base), { code: 'ENOENT' });
    }));

  test('removes unfinished files of dead writers, and leaves the fresh and the foreign ones', () =>
    inDirectory(async (path) => {
      const tmp = join(path, '.sstash-tmp');
      await mkdir(tmp);
      const names = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222', 'mine'];
      for (const name of names) {
        await writeFile(join(tmp, name), 'x');
      }
      for (const name of ['11111111-1111-4111-8111-111111111111', 'mine']) {
        await utimes(join(tmp, name), 1, 1);
      }
      const store = await openDirectoryStore(path);
      assert.deepEqual((await readdir(tmp)).toSorted(), names.slice(1));
      assert.deepEqual(await listed(store, ''), []);
      for await (const name of store.directories('', never)) {
        assert.fail(name);
      }
      assert.equal(await store.clearUnfinished(new Date(0), never), 0);
      assert.equal(await store.clearUnfinished(new Date(Date.now() + 1000), never), 1);
      assert.deepEqual(await readdir(tmp), ['mine']);
      await assert.rejects(store.put('.sstash-tmp/x', Buffer.from('x'), {}, never), StorageError);
    }));

  test('takes over the lock of a dead conditional writer', () =>
    inDirectory(async (path) => {
      const store = await openDirectoryStore(path);
      const { etag } = await store.put('key', Buffer.from('old'), {}, never);
      const lock = join(path, '.sstash-tmp', 'lock-a62f2225bf70bfaccbc7f1ef2a397836717377de');
      await writeFile(lock, '');
      await utimes(lock, 1, 1);
      await store.put('key', Buffer.from('new'), { ifMatch: etag }, never);
      assert.equal(await textOf(store, 'key'), 'new');
      assert.deepEqual(await readdir(join(path, '.sstash-tmp')), []);
    }));

  test('lets exactly one of eight conditional writers replace an object', () =>
    inDirectory(async (path) => {
      const store = await openDirectoryStore(path);
      const { etag } = await store.put('key', Buffer.from('old'), {}, never);
      const writers = Array.from({ length: 8 }, (_, index) =>
        store.put('key', Buffer.from(`new ${index}`), { ifMatch: etag }, never),
      );
      assert.equal((await Promise.allSettled(writers)).filter(({ status }) => status === 'fulfilled').length, 1);
    }));

  test('survives deletes that remove the directory it is about to write to', () =>
    inDirectory(async (path) => {
      const store = await openDirectoryStore(path);
      const churn = async (name: string): Promise<void> => {
        for (let round = 0; round < 50; round += 1) {
          await store.put(`a/b/${name}`, Buffer.from(name), {}, never);
          await store.delete([`a/b/${name}`], never);
        }
      };
      const churns = ['1', '2', '3', '4'].map(churn);
      // All of them have ended before the directory goes, whatever became of one.
      await Promise.allSettled(churns);
      await Promise.all(churns);
      assert.deepEqual(await readdir(path), ['.sstash-tmp']);
    }));

  test('follows no symbolic link below the location: it lists, reads, writes and deletes nothing there', () =>
    inDirectory(async (path) => {
      const [base, elsewhere] = [join(path, 'store'), join(path, 'elsewhere')];
      await mkdir(base);
      await mkdir(join(elsewhere, 'deep'), { recursive: true });
      await writeFile(join(elsewhere, 'key'), 'theirs');
      await writeFile(join(elsewhere, 'deep', 'key'), 'theirs');
      const store = await openDirectoryStore(base);
      await store.put('real/key', Buffer.from('ours'), {}, never);
      await symlink(elsewhere, join(base, 'backup'));
      await symlink(join(elsewhere, 'deep'), join(base, 'real', 'deep'));
      await symlink(join(elsewhere, 'key'), join(base, 'real', 'file'));
      for (const prefix of ['', 'backup/', 'backup/deep/', 'real/', 'real/deep/']) {
        const keys = (await listed(store, prefix)).map(({ key }) => key);
        assert.deepEqual(keys, prefix === '' || prefix === 'real/' ? ['real/key'] : [], prefix);
        for await (const name of store.directories(prefix, never)) {
          assert.equal(`${prefix}${name}`, 'real');
        }
      }
      const behind = ['backup/key', 'backup/deep/key', 'real/deep/key', 'real/file'];
      for (const key of behind) {
        await assert.rejects(textOf(store, key), NotFoundError);
        assert.equal(await store.stat(key, never), undefined);
      }
      for (const key of ['backup/new', 'backup/deep/new', 'real/deep/a/new']) {
        for (const options of [{}, { ifAbsent: true }, { ifMatch: 'x' }]) {
          await assert.rejects(store.put(key, Buffer.from('x'), options, never), /symbolic link/);
        }
      }
      await store.delete(behind, never);
      assert.deepEqual((await readdir(elsewhere, { recursive: true })).toSorted(), ['deep', 'deep/key', 'key']);
      await store.put('real/key', Buffer.from('again'), {}, never);
      assert.equal(await textOf(store, 'real/key'), 'again');
    }));

  test('keeps its unfinished files nowhere but in a directory of its own', () =>
    inDirectory(async (path) => {
      await mkdir(join(path, 'store'));
      await mkdir(join(path, 'elsewhere'));
      const name = '11111111-1111-4111-8111-111111111111';
      await writeFile(join(path, 'elsewhere', name), 'x');
      await utimes(join(path, 'elsewhere', name), 1, 1);
      await symlink(join(path, 'elsewhere'), join(path, 'store', '.sstash-tmp'));
      const store = await openDirectoryStore(join(path, 'store'));
      await assert.rejects(store.put('key', Buffer.from('x'), {}, never), /symbolic link/);
      assert.equal(await store.clearUnfinished(new Date(), never), 0);
      assert.deepEqual(await readdir(join(path, 'elsewhere')), [name]);
    }));

  test('may be a symbolic link itself', () =>
    inDirectory(async (path) => {
      await mkdir(join(path, 'real'));
      await symlink(join(path, 'real'), join(path, 'link'));
      const store = await openDirectoryStore(join(path, 'link'));
      await store.put('a/key', Buffer.from('x'), {}, never);
      assert.equal((await listed(store, '')).length, 1);
      assert.equal(await textOf(store, 'a/key'), 'x');
      await store.delete(['a/key'], never);
      assert.deepEqual(await readdir(join(path, 'real')), ['.sstash-tmp']);
    }));

  test('refuses a key below an object, and one that is a directory, and says why', () =>
    inDirectory(async (path) => {
      const store = await openDirectoryStore(path);
      await store.put('a/b', Buffer.from('x'), {}, never);
      for (const key of ['a', 'a/b/c']) {
        await assert.rejects(
          store.put(key, Buffer.from('y'), {}, never),
          (error) => error instanceof StorageError && error.hint !== undefined,
        );
      }
      assert.deepEqual((await bytesOf(store.get('a/b', {}, never))).toString(), 'x');
      assert.deepEqual(await unfinishedBelow(path), []);
    }));

  test('says that the disk is full, and leaves nothing of what did not fit', (context) =>
    onSmallDisk(context, 'size=4m', async (path) => {
      const store = await openDirectoryStore(path);
      await store.put('fits', Buffer.alloc(mebibyte), {}, never);
      await assert.rejects(
        store.put('too-long', stream(8 * mebibyte).body, {}, never),
        (error) => error instanceof StorageError && /ENOSPC/.test(error.message) && /full/.test(error.hint ?? ''),
      );
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key),
        ['fits'],
      );
      await store.put('fits-again', Buffer.alloc(2 * mebibyte), {}, never);
    }));

  // In a tmpfs each further name of a file is a file too: there others may take what is free for a moment.
  for (const [what, options, runs, greedy] of [
    ['bytes', 'size=1m', 20, true],
    ['files', 'size=4m,nr_inodes=40', 3, false],
  ] as const) {
    test(`a file system that is full of ${what} still lets somebody take the lock, keep it, delete and leave`, (context) =>
      onSmallDisk(context, options, async (path) => {
        const lockOptions = { owner: { host: 'h', pid: process.pid, user: 'u' }, operation: 'prune', timeoutSeconds: 0 };
        const first = await openDirectoryStore(path);
        // As every run that writes does.
        await (await acquireLock(first, lockOptions, () => {}, never)).release();
        await first.put('backup/old', Buffer.alloc(64 * 1024), {}, never);
        await first.close();
        await fill(path);
        await assert.rejects(first.put('more', Buffer.alloc(1), {}, never), /ENOSPC/);
        const told: string[] = [];
        for (let times = 0; times < runs; times += 1) {
          const store = await openDirectoryStore(path);
          const lock = await acquireLock(store, lockOptions, (event) => void told.push(JSON.stringify(event)), never);
          assert.ok((await store.now(never)) instanceof Date);
          assert.ok(lock.conditional);
          // It is no less of a lock: nobody else gets it, and it is renewed.
          await assert.rejects(
            acquireLock(await openDirectoryStore(path), lockOptions, () => {}, never),
            LockedError,
          );
          for (let renewals = 0; renewals < 20; renewals += 1) {
            await lock.confirm(never);
            // Whatever others could have of it they take.
            if (greedy) {
              await fill(path);
            }
          }
          await store.delete(times < runs - 1 ? [] : ['backup/old'], never);
          await lock.release();
          await store.close();
        }
        assert.deepEqual(told, []);
        assert.equal(await first.stat('backup/old', never), undefined);
        assert.equal(await first.stat('lock.json', never), undefined);
      }));
  }
});

/** Does `work` on a file system of its own, which needs root. */
async function onSmallDisk(context: TestContext, options: string, work: (path: string) => Promise<void>): Promise<void> {
  await inDirectory(async (path) => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' });
    } catch {
      context.skip('mounting a small tmpfs needs root');
      return;
    }
    try {
      await work(path);
    } finally {
      execFileSync('umount', [path]);
    }
  });
}

/** Files until there is room for no other, of however few bytes. */
async function fill(path: string): Promise<void> {
  for (const bytes of [64 * 1024, 4096, 1]) {
    for (let count = 0; ; count += 1) {
      const name = join(path, `filler-${bytes}-${count}`);
      const wrote = await writeFile(name, Buffer.alloc(bytes)).then(
        () => true,
        () => false,
      );
      if (!wrote) {
        await rm(name, { force: true });
        break;
      }
    }
  }
}
