/** Whoever can write to the bucket and has not the key can take away, and change nothing unnoticed. */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { IntegrityError, NotFoundError, UsageError } from '../../../../src/model/errors.ts';
import { refOf } from '../../../../src/model/backup/backup.ts';
import type { BackupRef } from '../../../../src/model/backup/manifest.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { everyTable } from '../../../../src/storage/backups/node-manifest-format.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { Repository } from '../../../../src/storage/backups/repository.ts';
import { type ManifestKey, manifestKey } from '../../../../src/storage/backups/seals.ts';
import { bytesOf, listed } from '../../../support/bodies.ts';
import { backupManifestOf, nodeManifestOf, nodeOf, progressOf, storedOf, summary, users } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { storeLike } from '../../../support/one-node.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const id = '20261121T031500Z';
const child = { id: '20261121T091500Z', parent: id };
const storedSha256 = 'ab'.repeat(32);
const [key, other] = [manifestKey(randomBytes(32)), manifestKey(randomBytes(32))];

function nodePart(number: number, ref: BackupRef = { id }) {
  const { id: backup, parent } = ref;
  const host = `node${number}`;
  const prefix = parent === undefined ? backup : `${parent}/incrementals/${backup}`;
  const file = storedOf('nb-1-big-Data.db', {
    key: `${prefix}/${host}/shop/users-${users.id}/nb-1-big-Data.db.lzo`,
    since: backup,
    storedSha256,
  });
  const head = { host, backup, node: nodeOf(number), tables: [{ ...users, files: [file] }] };
  return nodeManifestOf(parent === undefined ? head : { ...head, parent });
}

/** Commits a backup of two nodes. */
async function commit(repository: Repository, ref: BackupRef): Promise<void> {
  await repository.begin(progressOf(ref), never);
  for (const number of [1, 2]) {
    await repository.saveDraft(nodePart(number, ref), never);
    await repository.saveNodeManifest(nodePart(number, ref), never);
  }
  await repository.saveRing(ref, { cluster: 'c', partitioner: 'p', nodes: [nodeOf(1), nodeOf(2)] }, 'ring as text', never);
  await repository.saveSchema(ref, 'CREATE KEYSPACE shop;', never);
  await repository.saveDictionaries(ref, 'INSERT INTO;', never);
  await repository.commit(backupManifestOf({ ...ref, nodes: [summary(1), summary(2)] }), never);
}

interface Location {
  readonly store: ObjectStore;
  readonly objects: ReadonlyMap<string, Buffer>;
}

/** A signed snapshot backup and an incremental one, and all their objects. */
async function location(t: TestContext, signing: ManifestKey | null = key): Promise<Location> {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const repository = new Repository(store, { keys: signing === null ? [] : [signing], required: false });
  await commit(repository, { id });
  await commit(repository, child);
  const objects = new Map<string, Buffer>();
  for (const object of await listed(store, '')) {
    objects.set(object.key, Buffer.from(await bytesOf(store.get(object.key, {}, never))));
  }
  return { store, objects };
}

/** The location as somebody has left it. */
function changed({ store }: Location, objects: ReadonlyMap<string, Uint8Array>): ObjectStore {
  return storeLike(store, {
    get: async function* (name) {
      const found = objects.get(name);
      if (found === undefined) {
        throw new NotFoundError(`${name} does not exist`);
      }
      yield found;
    },
  });
}

/** Reads whatever a restore or a verify reads of a backup. */
async function readAll(store: ObjectStore, ref: BackupRef, keys = [key], required = true) {
  const repository = new Repository(store, { keys, required });
  const backup = await repository.backup(ref, never);
  if (backup === undefined) {
    throw new IntegrityError('it is gone');
  }
  const nodes = await Promise.all(['node1', 'node2'].map((host) => repository.nodeManifest(ref, host, everyTable, never)));
  const texts = [await repository.schema(ref, never), await repository.dictionaries(ref, never)];
  const ring = await repository.ring(ref, never);
  const [problem] = await repository.signatures.clusterProblems(ref, never);
  if (problem !== undefined) {
    throw problem.error;
  }
  return { nodes, texts, ring, counts: repository.signatures.counts };
}

const both = [{ id }, child];

async function isRefused(store: ObjectStore, what: string): Promise<void> {
  const refusals = await Promise.all(
    both.map((ref) =>
      readAll(store, ref).then(
        () => undefined,
        (error: unknown) => error,
      ),
    ),
  );
  const [refusal] = refusals.filter((each) => each !== undefined);
  assert.ok(refusal instanceof IntegrityError, refusal instanceof Error ? `${what}: ${refusal.message}` : what);
}

test('what was signed is read as it was, and everything was checked', async (t) => {
  const { store } = await location(t);
  for (const ref of both) {
    const { nodes, texts, ring, counts } = await readAll(store, ref);
    assert.deepEqual(nodes, [nodePart(1, ref), nodePart(2, ref)]);
    assert.deepEqual([texts, ring?.nodes.length], [['CREATE KEYSPACE shop;', 'INSERT INTO;'], 2]);
    assert.deepEqual(counts, { checked: 7, unsigned: 0 });
  }
});

test('the signatures are as docs/format.md says, and in the way of nobody who knows nothing of them', async (t) => {
  const { objects, store } = await location(t);
  const hmac = (name: string, signed: Uint8Array): string =>
    createHmac('sha256', key.bytes).update(`sstash manifest 1\n${name}\n`).update(signed).digest('hex');
  const name = `${id}/manifest.json`;
  const manifest = objects.get(name) ?? assert.fail();
  const { signed } = JSON.parse(manifest.toString());
  assert.deepEqual([signed.keyId, signed.hmac], [key.id, hmac(name, manifest.subarray(0, -72))]);
  const part = `${id}/node1/manifest.json.gz`;
  const packed = objects.get(part) ?? assert.fail();
  assert.match(packed.toString('latin1'), new RegExp(`sstash-hmac-sha256 ${key.id} ${hmac(part, packed.subarray(0, -113))}\0`));
  assert.equal(JSON.parse(gunzipSync(packed).toString()).host, 'node1');
  for (const ref of both) {
    const unaware = new Repository(store);
    assert.equal((await unaware.backup(ref, never))?.committed, true);
    assert.deepEqual(await unaware.nodeManifest(ref, 'node1', everyTable, never), nodePart(1, ref));
  }
});

test('a byte that is changed anywhere in what is signed is noticed', async (t) => {
  const at = await location(t);
  const names = [...at.objects.keys()];
  assert.equal(names.length, 14);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.nat(), fc.integer({ min: 1, max: 255 }), async (name, place, mask) => {
      const bytes = Buffer.from(at.objects.get(name) ?? assert.fail());
      const offset = place % bytes.byteLength;
      bytes[offset] = (bytes[offset] ?? 0) ^ mask;
      await isRefused(changed(at, new Map([...at.objects, [name, bytes]])), `${name} at ${offset}`);
    }),
    { numRuns: 400 },
  );
});

test('what is cut off, gone, or has something behind it is noticed', async (t) => {
  const at = await location(t);
  for (const [name, bytes] of at.objects) {
    for (const end of [0, 1, 72, 113, Math.floor(bytes.byteLength / 2)]) {
      const cut = bytes.subarray(0, Math.max(0, bytes.byteLength - Math.max(1, end)));
      await isRefused(changed(at, new Map([...at.objects, [name, cut]])), `${name} without ${end}`);
    }
    for (const more of ['\n', ' ', '\0', bytes]) {
      const longer = Buffer.concat([bytes, Buffer.from(more)]);
      await isRefused(changed(at, new Map([...at.objects, [name, longer]])), `${name} with more`);
    }
    if (!name.includes('/node') && !name.endsWith('manifest.json')) {
      const without = new Map([...at.objects].filter(([each]) => each !== name));
      await isRefused(changed(at, without), `without ${name}`);
    }
  }
});

/** Every way to change one value somewhere in a JSON document. */
function* edits(value: unknown, put: (changed: unknown) => unknown): Generator {
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) {
      yield* edits(each, (found) => put(value.with(index, found)));
    }
    yield put([...value, ...value.slice(0, 1)]);
    yield put(value.slice(1));
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      yield* edits(each, (found) => put({ ...value, [name]: found }));
      yield put(Object.fromEntries(Object.entries(value).filter(([found]) => found !== name)));
    }
    yield put(Object.fromEntries(Object.entries(value).toReversed()));
  } else {
    yield put(typeof value === 'number' ? value + 1 : `${String(value).slice(0, -1)}0`);
  }
}

test('a field of a manifest that is changed, left out, repeated or moved is noticed', async (t) => {
  const at = await location(t);
  const refuse = async (name: string, bytes: Uint8Array): Promise<void> => {
    if (!at.objects.get(name)?.equals(bytes)) {
      await isRefused(changed(at, new Map([...at.objects, [name, bytes]])), Buffer.from(bytes).toString('latin1').slice(0, 3000));
    }
  };
  const name = `${id}/manifest.json`;
  for (const edited of edits(JSON.parse((at.objects.get(name) ?? assert.fail()).toString()), (found) => found)) {
    await refuse(name, Buffer.from(`${JSON.stringify(edited, undefined, 2)}\n`));
  }
  const part = `${id}/node1/manifest.json.gz`;
  const whole = at.objects.get(part) ?? assert.fail();
  const trailer = whole.subarray(-113);
  for (const edited of edits(JSON.parse(gunzipSync(whole).toString()), (found) => found)) {
    await refuse(part, Buffer.concat([gzipSync(JSON.stringify(edited)), trailer]));
  }
});

test('what is signed is refused in any other place', async (t) => {
  const at = await location(t);
  const names = [...at.objects.keys()];
  for (const from of names) {
    for (const to of names.filter((each) => !at.objects.get(each)?.equals(at.objects.get(from) ?? Buffer.of()))) {
      await isRefused(changed(at, new Map([...at.objects, [to, at.objects.get(from) ?? Buffer.of()]])), `${from} as ${to}`);
    }
  }
  // All of a backup under another name, and an incremental one below another parent.
  for (const [from, to] of [
    [{ id }, { id: '20261122T031500Z' }],
    [child, { id: child.id, parent: '20261122T031500Z' }],
    [child, { id: '20261121T101500Z', parent: id }],
  ] as const) {
    const prefix = (ref: BackupRef) => ('parent' in ref ? `${ref.parent}/incrementals/${ref.id}/` : `${ref.id}/`);
    const moved = new Map<string, Buffer>();
    for (const [name, bytes] of at.objects) {
      moved.set(
        name.replace(prefix(from), prefix(to)),
        Buffer.from(bytes.toString('latin1').replaceAll(from.id, to.id), 'latin1'),
      );
    }
    await assert.rejects(readAll(changed(at, moved), to), IntegrityError);
  }
});

test('what the signature does not name is no part of the backup', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const repository = new Repository(store, { keys: [key], required: false });
  await repository.saveNodeManifest(nodePart(1), never);
  await repository.saveSchema({ id }, 'CREATE', never);
  await repository.commit(backupManifestOf({ id, nodes: [summary(1)] }), never);
  await new Repository(store).saveDictionaries({ id }, 'INSERT something else', never);
  assert.equal(await new Repository(store).dictionaries({ id }, never), 'INSERT something else');
  const reading = new Repository(store, { keys: [key], required: true });
  assert.equal(await reading.dictionaries({ id }, never), undefined);
  assert.equal(await reading.schema({ id }, never), 'CREATE');
});

test('another key says so; of several all are accepted, and the first one signs', async (t) => {
  const { store } = await location(t);
  await assert.rejects(readAll(store, { id }, [other], false), (error) => {
    assert.ok(error instanceof IntegrityError);
    assert.match(error.message, new RegExp(`^${id}/manifest.json is signed with key ${key.id}, which is not given$`));
    assert.match(error.hint ?? '', /--manifest-key/);
    return true;
  });
  await readAll(store, { id }, [other, key]);
  const next = await location(t, other);
  await readAll(next.store, { id }, [other, key]);
  const forged = { id: key.id, bytes: other.bytes };
  await assert.rejects(readAll(store, { id }, [forged]), /is not what was signed there/);
});

test('what is not signed is taken where that is not asked for, and counted; and refused where it is', async (t) => {
  const { store } = await location(t, null);
  assert.deepEqual((await readAll(store, { id }, [key], false)).counts, { checked: 0, unsigned: 6 });
  await assert.rejects(readAll(store, { id }), (error) => {
    assert.ok(error instanceof IntegrityError);
    assert.match(error.message, /manifest.json is not signed$/);
    return true;
  });
  assert.equal(new Repository(store).signatures.counts, undefined);
});

test('drafts and node manifests of an unfinished run are signed by themselves', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const signing = new Repository(store, { keys: [key], required: false });
  await signing.begin(progressOf({ id }), never);
  await signing.saveDraft(nodePart(1), never);
  await signing.saveNodeManifest(nodePart(2), never);
  const { ofSigned } = new Repository(store, { keys: [key], required: false });
  assert.deepEqual(await ofSigned.draft({ id }, 'node1', never), nodePart(1));
  assert.deepEqual(await ofSigned.nodeManifest({ id }, 'node2', everyTable, never), nodePart(2));
  const plain = new Repository(store);
  await plain.saveDraft(nodePart(1), never);
  await plain.saveNodeManifest(nodePart(2), never);
  await assert.rejects(ofSigned.draft({ id }, 'node1', never), /draft.json.gz is not signed$/);
  await assert.rejects(ofSigned.nodeManifest({ id }, 'node2', everyTable, never), /node2\/manifest.json.gz is not signed$/);
  // Without a key there is nothing to ask for.
  assert.deepEqual(await plain.ofSigned.draft({ id }, 'node1', never), nodePart(1));
});

test('a file without a SHA-256 is not signed for, and refused where signatures are asked for', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const repository = new Repository(store, { keys: [key], required: false });
  const bare = nodeManifestOf({ tables: [{ ...users, files: [storedOf('nb-1-big-Data.db')] }] });
  await assert.rejects(repository.saveNodeManifest(bare, never), /without a SHA-256/);
});

test('a node manifest that is replaced is vouched for at every moment, and not without the key', async (t) => {
  const { store } = await location(t);
  const file = storedOf('nb-2-big-Data.db', { storedSha256 });
  const renewed = { ...nodePart(1), tables: [{ ...users, files: [file] }] };
  await assert.rejects(new Repository(store).signing.replaceNode(renewed, never), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /is signed, and to change it takes the key/);
    return true;
  });
  const puts: string[] = [];
  const watching = storeLike(store, {
    put: async (name, body, options, signal) => {
      const put = await store.put(name, body, options, signal);
      puts.push(name);
      await readAll(store, { id });
      return put;
    },
  });
  await new Repository(watching, { keys: [key], required: false }).signing.replaceNode(renewed, never);
  assert.deepEqual(puts, [`${id}/manifest.json`, `${id}/node1/manifest.json.gz`, `${id}/manifest.json`]);
  assert.deepEqual((await readAll(store, { id })).nodes, [renewed, nodePart(2)]);
  const manifest = JSON.parse((await bytesOf(store.get(`${id}/manifest.json`, {}, never))).toString());
  assert.equal(manifest.signed.objects['node1/manifest.json.gz'].length, 1);
  assert.deepEqual(refOf((await new Repository(store).backup({ id }, never)) ?? assert.fail()), { id });
});

test('a backup that is amended is signed anew; one that was not signed stays so', async (t) => {
  for (const signing of [key, null]) {
    const { store } = await location(t, signing);
    const repository = new Repository(store, { keys: [key, other], required: false });
    const manifest = (await repository.backup({ id }, never)) ?? assert.fail();
    assert.ok(manifest.committed);
    await repository.saveNodeManifest(nodePart(3), never);
    const more = {
      ...manifest.manifest,
      nodes: [...manifest.manifest.nodes, summary(3)],
      finishedAt: '2026-11-21T04:00:00.000Z',
    };
    const etag = (await store.stat(`${id}/manifest.json`, never))?.etag ?? '';
    await repository.amend(more, etag, never);
    const again = await new Repository(store, { keys: [key], required: false }).backup({ id }, never);
    assert.ok(again?.committed === true);
    assert.equal(again.manifest.signed?.keyId, signing?.id);
    assert.equal(again.manifest.nodes.length, 3);
    if (signing !== null) {
      await readAll(store, { id });
      await assert.rejects(new Repository(store).amend(more, etag, never), UsageError);
    }
  }
});
