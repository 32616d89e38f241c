import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConditionFailedError, IntegrityError, UnsupportedError } from '../../../../src/model/errors.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { backupManifestKey } from '../../../../src/storage/keys.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { Repository } from '../../../../src/storage/backups/repository.ts';
import { listed } from '../../../support/bodies.ts';
import { backupManifestOf, nodeManifestOf, nodeOf, progressOf, users } from '../../../support/manifests.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { watchedStore } from '../../../support/watched-store.ts';
import { never } from '../../../support/never.ts';
import { everyTable } from '../../../../src/storage/backups/node-manifest-format.ts';

async function opened(
  t: TestContext,
): Promise<{ repository: Repository; directory: string; keys: () => Promise<readonly string[]> }> {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(directory);
  return { repository: new Repository(store), directory, keys: async () => (await listed(store, '')).map(({ key }) => key) };
}

const id = '20261121T031500Z';
const child = { id: '20261121T091500Z', parent: id };

test('until the last step of a run it is listed as unfinished, and after it as complete, without mark and drafts', async (t) => {
  const { repository, keys } = await opened(t);
  const state = async (): Promise<unknown> => (await repository.backups(never)).map(({ committed }) => committed);
  assert.deepEqual(await state(), []);
  const mark = await repository.begin(progressOf({ id }), never);
  assert.deepEqual(await state(), [false]);
  await repository.saveDraft(nodeManifestOf(), never);
  await repository.saveNodeManifest(nodeManifestOf(), never);
  await repository.saveRing({ id }, { cluster: 'c', partitioner: 'p', nodes: [nodeOf(1)] }, 'text', never);
  await repository.saveSchema({ id }, 'CREATE', never);
  await repository.saveDictionaries({ id }, 'INSERT', never);
  assert.equal(await repository.dictionaries({ id }, never), 'INSERT');
  await mark.save(progressOf({ id, nodes: [{ host: 'node1', hostId: 'x', state: 'failed', error: 'why' }] }), never);
  const [unfinished] = await repository.backups(never);
  assert.equal(unfinished?.committed === false ? unfinished.progress.nodes[0]?.error : '', 'why');
  await repository.commit(backupManifestOf({ id }), never);
  assert.deepEqual(await state(), [true]);
  assert.deepEqual(
    await keys(),
    ['compression-dictionaries.cql', 'manifest.json', 'node1/manifest.json.gz', 'ring', 'ring.json', 'schema.cql'].map(
      (key) => `${id}/${key}`,
    ),
  );
});

test('where a crash left manifest and mark together, the manifest counts', async (t) => {
  const { repository } = await opened(t);
  await repository.commit(backupManifestOf({ id }), never);
  await repository.begin(progressOf({ id }), never);
  assert.equal((await repository.backup({ id }, never))?.committed, true);
});

test('a run cannot begin, or be committed, twice under one name, and the first stays as it was', async (t) => {
  const { repository } = await opened(t);
  await repository.begin(progressOf({ id }), never);
  await assert.rejects(repository.begin(progressOf({ id }), never), ConditionFailedError);
  await repository.commit(backupManifestOf({ id, writtenBy: 'first' }), never);
  await assert.rejects(repository.commit(backupManifestOf({ id, writtenBy: 'second' }), never), ConditionFailedError);
  const backup = await repository.backup({ id }, never);
  assert.equal(backup?.committed === true ? backup.manifest.writtenBy : '', 'first');
});

test('backups are listed oldest first, incremental ones with their parents, foreign directories not at all', async (t) => {
  const { repository, directory } = await opened(t);
  await repository.commit(backupManifestOf({ id: '20261122', takenAt: '2026-11-22T00:00:00.000Z' }), never);
  await repository.commit(backupManifestOf({ id }), never);
  await repository.commit(backupManifestOf({ ...child, takenAt: '2026-11-21T09:15:00.000Z' }), never);
  await repository.begin(progressOf({ id: '20261121T101500Z', parent: id, startedAt: '2026-11-21T10:15:00.000Z' }), never);
  await mkdir(join(directory, '2026-photos'));
  await mkdir(join(directory, 'logs'));
  await writeFile(join(directory, '2026-photos/manifest'), 'x');
  await writeFile(join(directory, 'logs/manifest.json'), 'x');
  assert.deepEqual(
    (await repository.backups(never)).map((backup) => [backup.parent, backup.id, backup.committed]),
    [
      [undefined, id, true],
      [id, child.id, true],
      [id, '20261121T101500Z', false],
      [undefined, '20261122', true],
    ],
  );
});

test('a backup is found by its name alone, inside its parent too; what is no name finds nothing', async (t) => {
  const { repository } = await opened(t);
  await repository.commit(backupManifestOf({ id }), never);
  await repository.commit(backupManifestOf(child), never);
  assert.equal((await repository.find(child.id, never))?.parent, id);
  assert.equal((await repository.find(id, never))?.parent, undefined);
  for (const name of ['20261121T000000Z', 'latest', '../x', '', `${id}/incrementals/${child.id}`]) {
    assert.equal(await repository.find(name, never), undefined, name);
  }
});

test('a manifest that was copied to another backup’s place is refused', async (t) => {
  const { repository, directory } = await opened(t);
  await repository.saveNodeManifest(nodeManifestOf(), never);
  await repository.commit(backupManifestOf({ id }), never);
  await cp(join(directory, id), join(directory, '20261122T031500Z'), { recursive: true });
  await cp(join(directory, '20261122T031500Z'), join(directory, id, 'incrementals', id), { recursive: true });
  await cp(join(directory, id, 'node1'), join(directory, id, 'node2'), { recursive: true });
  const other = (error: unknown): boolean => error instanceof IntegrityError && error.message.includes(id);
  await assert.rejects(repository.backup({ id: '20261122T031500Z' }, never), other);
  await assert.rejects(repository.backup({ id, parent: id }, never), other);
  await assert.rejects(repository.nodeManifest({ id: '20261122T031500Z' }, 'node1', everyTable, never), other);
  await assert.rejects(repository.nodeManifest({ id }, 'node2', everyTable, never), /is the manifest of node1/);
});

test('what is not there is undefined, a store that fails is an error', async (t) => {
  const { repository } = await opened(t);
  assert.equal(await repository.nodeManifest({ id }, 'node1', everyTable, never), undefined);
  assert.equal(await repository.draft({ id }, 'node1', never), undefined);
  assert.equal(await repository.ring({ id }, never), undefined);
  assert.equal(await repository.schema({ id }, never), undefined);
  const failing: ObjectStore = {
    ...repository.store,
    url: 'file:///broken',
    async *get() {
      yield Buffer.from('{');
      throw new Error('the disk is gone');
    },
  };
  await assert.rejects(new Repository(failing).backup({ id }, never), /the disk is gone/);
});

test('a chain that was closed says why', async (t) => {
  const { repository } = await opened(t);
  assert.equal(await repository.chainClosed(id, never), undefined);
  await repository.closeChain(id, 'incremental backup i1 was deleted', never);
  assert.equal(await repository.chainClosed(id, never), 'incremental backup i1 was deleted');
  assert.deepEqual(await repository.backups(never), []);
});

test('what format 1 wrote is read by every later version', async () => {
  const directory = fileURLToPath(new URL('../../../fixtures/manifests/format-1', import.meta.url));
  const repository = new Repository(await openDirectoryStore(directory));
  assert.deepEqual(
    (await repository.backups(never)).map((backup) => [backup.id, backup.parent, backup.committed]),
    [
      [id, undefined, true],
      [child.id, id, true],
      ['20261122T031500Z', undefined, false],
    ],
  );
  const manifest = await repository.nodeManifest({ id }, 'node1', everyTable, never);
  const [data, empty, index] = manifest?.tables[0]?.files ?? [];
  assert.deepEqual([data?.bytes, data?.digest, data?.compression, data?.since], [1_048_576, '00c0ffee', 'lzo', id]);
  assert.deepEqual([empty?.path, empty?.bytes], ['nb-12-big-SAI+aa+users_city+TermsData.db', 0]);
  assert.deepEqual([index?.key, index?.compression], [`20261120T031500Z/node1/shop/users-${users.id}/${index?.path}`, 'none']);
  assert.deepEqual([manifest?.setAside?.length, manifest?.keepsIncrementals, manifest?.node], [1, true, nodeOf(1)]);
  const backup = await repository.find(id, never);
  assert.equal(backup?.committed === true ? backup.manifest.policy : '', 'daily');
  assert.equal((await repository.ring({ id }, never))?.nodes[0]?.tokens.length, 2);
  assert.match((await repository.schema({ id }, never)) ?? '', /CREATE TABLE/);
});

test('a store that knows no conditions takes a run all the same, and no second one of its name', async (t) => {
  const { repository: plain } = await opened(t);
  const store = watchedStore(plain.store);
  store.spoil = async (put, options) => {
    if (options.ifAbsent === true) {
      throw new UnsupportedError('not implemented', { key: '' });
    }
    return put(options);
  };
  const repository = new Repository(store);
  await repository.begin(progressOf({ id }), never);
  await assert.rejects(repository.begin(progressOf({ id }), never), ConditionFailedError);
  await repository.commit(backupManifestOf({ id }), never);
  assert.equal((await repository.backup({ id }, never))?.committed, true);
});

test('a store that knows no conditions takes an amended manifest only in the place of the one that was read', async (t) => {
  const { repository: plain } = await opened(t);
  await plain.commit(backupManifestOf({ id }), never);
  const store = watchedStore(plain.store);
  store.spoil = async (put, options) => {
    if (options.ifMatch !== undefined) {
      throw new UnsupportedError('not implemented', { key: '' });
    }
    return put(options);
  };
  const repository = new Repository(store);
  const etag = (await store.stat(backupManifestKey({ id }), never))?.etag ?? '';
  const amended = backupManifestOf({ id, policy: 'amended' });
  await assert.rejects(repository.amend(amended, 'another', never), ConditionFailedError);
  await repository.amend(amended, etag, never);
  await assert.rejects(repository.amend(amended, etag, never), ConditionFailedError);
  const backup = await repository.backup({ id }, never);
  assert.equal(backup?.committed === true ? backup.manifest.policy : '', 'amended');
});
