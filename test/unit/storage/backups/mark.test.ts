import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LockedError, StorageError } from '../../../../src/model/errors.ts';
import { Mark, readMark } from '../../../../src/storage/backups/mark.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { inProgressKey } from '../../../../src/storage/keys.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { progressOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { storeLike } from '../../../support/one-node.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const id = '20261121T031500Z';
const manifest = Buffer.from('{}\n');
const of = (token: string) => ({ ...progressOf({ id }), token });

async function opened(t: TestContext): Promise<ObjectStore> {
  return openDirectoryStore(await temporaryDirectory(t));
}

async function tokenOf(store: ObjectStore): Promise<string | undefined> {
  return (await readMark(store, { id }, never))?.token;
}

test('who has taken a run over is the only one who can write its mark, and commit it', async (t) => {
  const store = await opened(t);
  const anna = await Mark.begin(store, of('anna'), never);
  const ben = await Mark.takeOver(store, of('anna'), of('ben'), never);
  await assert.rejects(anna.save(of('anna'), never), LockedError);
  await assert.rejects(anna.seal(manifest, never), /another run has taken over or cleared 20261121T031500Z/);
  assert.equal(await tokenOf(store), 'ben');
  await ben.seal(manifest, never);
  assert.deepEqual([ben.isSealing, (await readMark(store, { id }, never))?.manifest], [true, '{}\n']);
});

test('a run is taken over only as it was seen', async (t) => {
  const store = await opened(t);
  const anna = await Mark.begin(store, of('anna'), never);
  await anna.seal(manifest, never);
  await assert.rejects(Mark.takeOver(store, of('anna'), of('ben'), never), LockedError);
  await store.delete([inProgressKey({ id })], never);
  await assert.rejects(Mark.takeOver(store, of('anna'), of('ben'), never), LockedError);
  await assert.rejects(anna.save(of('anna'), never), LockedError, 'nor is it made anew where it was cleared');
  assert.equal(await tokenOf(store), undefined);
});

test('a store that ignores conditions is asked whose mark it is before a commit', async (t) => {
  const real = await opened(t);
  const store = storeLike(real, { put: (key, body, _, signal) => real.put(key, body, {}, signal) });
  const anna = await Mark.begin(store, of('anna'), never);
  await Mark.takeOver(store, of('anna'), of('ben'), never);
  await assert.rejects(anna.seal(manifest, never), LockedError);
  assert.equal(await tokenOf(store), 'ben');
});

test('a change whose answer was lost, as often as it was tried, is known again by its token', async (t) => {
  const real = await opened(t);
  let loses = false;
  const store = storeLike(real, {
    put: async (key, body, options, signal) => {
      const object = await real.put(key, body, options, signal);
      if (loses) {
        throw new StorageError('the answer was lost', { key, transient: true });
      }
      return object;
    },
    stat: async (key, signal) => {
      if (loses) {
        throw new StorageError('no answer', { key, transient: true });
      }
      return real.stat(key, signal);
    },
  });
  const anna = await Mark.begin(store, of('anna'), never);
  loses = true;
  await assert.rejects(anna.save({ ...of('anna'), endedAt: '2026-11-21T04:15:00.000Z' }, never), StorageError);
  loses = false;
  await anna.seal(manifest, never);
  assert.equal((await readMark(store, { id }, never))?.manifest, '{}\n');
});
