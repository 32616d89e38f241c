/** `download` and `restore --local`: what lies on the control host afterwards, and what a second run does. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LockedError, StorageError, UsageError } from '../../../../src/model/errors.ts';
import type { RestoreResult } from '../../../../src/model/restore/restore-result.ts';
import { tableDirectory } from '../../../../src/model/sstable.ts';
import { tableFilter } from '../../../../src/model/options/table-filter.ts';
import { type LocalRestoreOptions, type LocalRestoreParts, restoreLocal } from '../../../../src/operations/download/download.ts';
import { here } from '../../../support/local-target.ts';
import { processTable } from '../../../../src/storage/lock/process-table.ts';
import type { Event } from '../../../../src/model/events.ts';
import { users } from '../../../support/manifests.ts';
import { type OneNode, flipByte, idAfter, oneNode, storeLike } from '../../../support/one-node.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

/** A backup of two sstables, ten files. `broken` may name a key that the store fails to give, or hold all files back. */
async function backedUp(t: TestContext) {
  const broken: { key: string; until?: Promise<unknown> | undefined } = { key: '' };
  const node = await oneNode(t, (store) =>
    storeLike(store, {
      get: (key, ...rest) => {
        if (broken.key !== '' && key.endsWith(broken.key)) {
          throw new StorageError('the line is cut', { key });
        }
        return broken.until === undefined || !key.includes('/nb-')
          ? store.get(key, ...rest)
          : later(broken.until, () => store.get(key, ...rest));
      },
    }),
  );
  await node.writeSSTable(1);
  await node.writeSSTable(2);
  const manifest = await node.backUp(idAfter(0));
  return { node, manifest, broken, directory: await temporaryDirectory(t) };
}

async function* later<T>(until: Promise<unknown>, items: () => AsyncIterable<T>): AsyncGenerator<T> {
  await until;
  yield* items();
}

function download(
  node: OneNode,
  directory: string,
  options: Partial<LocalRestoreOptions> = {},
  parts: Partial<LocalRestoreParts> = {},
): Promise<RestoreResult> {
  const { repository, pool } = node;
  const all = {
    choice: { name: 'latest' },
    only: [],
    filter: tableFilter([]),
    transfers: 2,
    dryRun: false,
    layout: 'plain',
  } as const;
  return restoreLocal(
    { ...all, directory, ...options },
    { repository, pool, listen: () => {}, ...here, ...parts },
    AbortSignal.timeout(300_000),
  );
}

/** Files below, without the mark of who put them there. */
async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name !== '.sstash-restore')
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1))
    .toSorted();
}

async function assertSame(node: OneNode, directory: string): Promise<void> {
  const names = (await readdir(node.table)).filter((name) => name.startsWith('nb-')).toSorted();
  assert.deepEqual(await filesBelow(directory), names);
  for (const name of names) {
    assert.deepEqual(await readFile(join(directory, name)), await readFile(join(node.table, name)));
  }
}

test('plain, files lie as they lay on the node; for sstableloader below the bare name of the table', async (t) => {
  const { node, directory } = await backedUp(t);
  const plain = await download(node, join(directory, 'plain'));
  assert.deepEqual([plain.nodes[0]?.files, plain.nodes[0]?.error], [10, undefined]);
  await assertSame(node, join(directory, 'plain', 'node1', tableDirectory(users)));
  await download(node, join(directory, 'load'), { layout: 'sstableloader' });
  await assertSame(node, join(directory, 'load', 'node1', 'shop', 'users'));
});

test('a run that failed over one file is gone on with: what is there and right is not fetched again', async (t) => {
  const { node, directory, broken } = await backedUp(t);
  broken.key = 'nb-2-big-Statistics.db.lzo';
  const failed = await download(node, directory);
  assert.match(failed.nodes[0]?.error ?? '', /the line is cut/);
  const place = join(directory, 'node1', tableDirectory(users));
  assert.equal((await filesBelow(place)).length, 9);
  // Of a run that was killed; and a file that something else has cut short.
  await writeFile(join(place, 'nb-9-big-Data.db.sstash-partial'), 'half');
  await writeFile(join(place, 'nb-1-big-Data.db'), 'short');

  broken.key = '';
  assert.equal((await download(node, directory)).nodes[0]?.presentFiles, 8);
  await assertSame(node, place);
  assert.equal((await download(node, directory)).nodes[0]?.presentFiles, 10);
});

test('what another layout or backup left is not mixed in, and what nobody put there is not touched', async (t) => {
  const { node, directory } = await backedUp(t);
  await download(node, directory);
  const asked: string[] = [];
  const answers = (answer: boolean) => ({ mayClear: async (texts: readonly string[]) => (asked.push(...texts), answer) });
  await assert.rejects(download(node, directory, { layout: 'sstableloader' }, answers(false)), /nothing was fetched/);
  assert.match(asked.join(), /node1 holds 10 files of file:.*\/[0-9TZ]+$/);
  await assertSame(node, join(directory, 'node1', tableDirectory(users)));
  const planned = await download(node, directory, { layout: 'sstableloader', dryRun: true }, answers(false));
  assert.match(planned.warnings.join('\n'), /node1 holds 10 files of .*, which would be removed first/);
  const other = await download(node, directory, { layout: 'sstableloader' }, answers(true));
  assert.equal(asked.length, 2, 'a dry run asks nothing');
  assert.equal(other.nodes[0]?.presentFiles, 0);
  await assertSame(node, join(directory, 'node1', 'shop', 'users'));
  assert.deepEqual((await readdir(join(directory, 'node1', 'shop'))).toSorted(), ['users']);

  const strange = join(directory, 'strange');
  await mkdir(join(strange, 'node1'), { recursive: true });
  await writeFile(join(strange, 'node1', 'mine'), 'mine');
  await assert.rejects(download(node, strange), UsageError);
  assert.deepEqual(await filesBelow(strange), ['node1/mine']);
});

test(
  'of two downloads into one directory the second is refused, and the first comes to its end',
  { timeout: 60_000 },
  async (t) => {
    const { node, directory, broken } = await backedUp(t);
    let second: Promise<RestoreResult> | undefined;
    const listen = ({ type }: Event): void => {
      if (type === 'planned' && second === undefined) {
        second = download(node, directory);
        // The first has its files when the second has been told.
        broken.until = second.catch(() => undefined);
      }
    };
    const first = await download(node, directory, {}, { listen });
    await assert.rejects(second ?? assert.fail(), (error) => {
      assert.ok(error instanceof LockedError);
      assert.match(error.message, /node1 is locked: download of [0-9TZ]+, by ops@bastion \(pid \d+\) since 20/);
      return true;
    });
    assert.equal(first.nodes[0]?.error, undefined);
    await assertSame(node, join(directory, 'node1', tableDirectory(users)));
    assert.deepEqual((await readdir(join(directory, 'node1'))).toSorted(), ['.sstash-restore', 'shop']);
  },
);

test('a lock that a killed download has left is taken over by one of several, and one of another host by nobody', async (t) => {
  const { node, directory } = await backedUp(t);
  const place = join(directory, 'node1');
  const dead = spawnSync('true').pid;
  const lock = {
    format: 1,
    token: 'abc',
    operation: 'download of x',
    since: '2026-11-21T03:15:00Z',
    heartbeatAt: '2026-11-21T03:15:00Z',
  };
  const owner = { host: 'bastion', pid: dead, user: 'ops' };
  await mkdir(place);
  await writeFile(
    join(place, '.sstash-lock'),
    JSON.stringify({ ...lock, owner: { ...owner, host: 'other' }, processes: processTable() }),
  );
  await assert.rejects(download(node, directory), LockedError);
  await writeFile(join(place, '.sstash-lock'), JSON.stringify({ ...lock, owner, processes: processTable() }));
  const several = await Promise.allSettled(Array.from({ length: 4 }, () => download(node, directory)));
  assert.ok(several.some(({ status }) => status === 'fulfilled'));
  assert.ok(several.every((each) => each.status === 'fulfilled' || each.reason instanceof LockedError));
  await assertSame(node, join(place, tableDirectory(users)));
  assert.deepEqual((await readdir(place)).toSorted(), ['.sstash-restore', 'shop']);
});

test('damaged data gets no name', async (t) => {
  const { node, manifest, directory } = await backedUp(t);
  const data = manifest.tables[0]?.files.find(({ path }) => path === 'nb-2-big-Data.db');
  assert.ok(data !== undefined);
  await flipByte(join(node.bucket, data.key));
  const result = await download(node, directory, { layout: 'sstableloader' });
  assert.ok(result.nodes[0]?.error !== undefined);
  assert.ok(!(await filesBelow(directory)).some((path) => path.includes('nb-2-big-Data.db')));
});

test('a dry run says what would come and makes nothing', async (t) => {
  const { node, directory } = await backedUp(t);
  const result = await download(node, join(directory, 'none'), { dryRun: true, only: ['node1'] });
  assert.equal(result.nodes[0]?.files, 10);
  assert.deepEqual(await readdir(directory), []);
});
