/** Backups that are signed: what they are built upon, and what becomes of one that somebody without the key has changed. */
import assert from 'node:assert/strict';
import { readPlainScript } from '../../../src/cluster/files/plain-files.ts';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LzoPool } from '../../../src/codec/lzo/pool.ts';
import { pathOf } from '../../../src/model/backup/backup-id.ts';
import type { BackupResult } from '../../../src/model/backup/backup-result.ts';
import { IntegrityError, RemoteError, UsageError } from '../../../src/model/errors.ts';
import { tableFilter } from '../../../src/model/options/table-filter.ts';
import type { BackupOptions, BackupParts } from '../../../src/operations/backup/options.ts';
import { chooseSources } from '../../../src/operations/restore-sources.ts';
import { restoreLocal } from '../../../src/operations/download/download.ts';
import { verify, verifyAndRepair } from '../../../src/operations/verify/verify.ts';
import { backupManifestKey, draftKey, nodeManifestKey, ringKey, ringTextKey, schemaKey } from '../../../src/storage/keys.ts';
import { decodeBackupManifest, encodeJson } from '../../../src/storage/backups/manifest-format.ts';
import { encodeNodeManifest, everyTable } from '../../../src/storage/backups/node-manifest-format.ts';
import { Repository } from '../../../src/storage/backups/repository.ts';
import { manifestKey } from '../../../src/storage/backups/seals.ts';
import { relay } from '../../../src/transfer/relay/relay.ts';
import { bytesOf } from '../../support/bodies.ts';
import { forged } from '../../support/forged.ts';
import { here } from '../../support/local-target.ts';
import { never } from '../../support/never.ts';
import { idAfter, oneNode } from '../../support/one-node.ts';
import { type ScriptedCluster, scriptedCluster, users } from '../../support/scripted-cluster.ts';
import { fails, onCall, program } from '../../support/scripted-remote.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const key = manifestKey(randomBytes(32));
const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);

interface Signing {
  readonly cluster: ScriptedCluster;
  readonly pool: LzoPool;
  /** Backs up with the key. */
  readonly backUp: (options?: Partial<BackupOptions>, parts?: Partial<BackupParts>) => Promise<BackupResult>;
  /** The location for whoever takes nothing that is not signed. */
  readonly strict: () => Repository;
}

async function signing(t: TestContext, nodes = 1, copies = 1): Promise<Signing> {
  const cluster = await scriptedCluster(t, { nodes, copies });
  const pool = new LzoPool({ threads: 1 });
  t.after(() => pool.close());
  const transfer = relay({ store: cluster.store, pool, hasLzop: () => false, sha256: true });
  return {
    cluster,
    pool,
    backUp: (options = {}, parts = {}) => {
      const repository = new Repository(cluster.store, { keys: [key], required: false });
      return cluster.backUp(options, { parts: { repository, transferFor: async () => transfer, ...parts } });
    },
    strict: () => new Repository(cluster.store, { keys: [key], required: true }),
  };
}

/** What reads a backup before a restore touches anything. */
function sources({ cluster, strict }: Signing, name: string) {
  const question = { choice: { name }, only: [], filter: tableFilter(['shop']) };
  return chooseSources(question, { repository: strict(), listen: cluster.parts.listen }, never);
}

function verified({ cluster, pool, strict }: Signing, backup: string) {
  const sample = { percent: 100, seed: '' };
  return verify({ backup, sample, transfers: 2 }, { repository: strict(), pool, listen: cluster.parts.listen }, never);
}

async function kindsIn(at: Signing, backup: string): Promise<readonly string[]> {
  return (await verified(at, backup)).problems.map(({ kind }) => kind);
}

/** Changes an object as somebody would who can write to the store and knows its etags. */
async function change(at: Signing, name: string, how: (bytes: Buffer) => Uint8Array): Promise<void> {
  const { store } = at.cluster;
  await store.put(name, how(Buffer.from(await bytesOf(store.get(name, {}, never)))), {}, never);
}

test('a backup with a key is signed, verified by it, and its chain too', async (t) => {
  const at = await signing(t);
  const node = at.cluster.node('node1');
  node.keepsIncrementals = true;
  const parent = await at.backUp();
  await node.writeSSTable(users, 2);
  const child = await at.backUp({ kind: 'incremental' });
  const result = await verified(at, child.id);
  assert.deepEqual([result.problems, result.backups], [[], [parent.id, child.id]]);
  // Manifest, node, ring as text, ring and schema of both.
  assert.deepEqual(result.signatures, { checked: 10, unsigned: 0 });
  const { manifests } = await sources(at, 'latest');
  const files = manifests.flatMap(({ tables }) => tables.flatMap((table) => table.files));
  assert.ok(files.length > 0 && files.every(({ storedSha256 }) => storedSha256?.length === 64));
});

test('what is changed is refused before anything is fetched, and verify names it', async (t) => {
  for (const [of, name] of [
    ['manifest', backupManifestKey],
    ['node', (ref: { id: string }) => nodeManifestKey(ref, 'node1')],
    ['schema', schemaKey],
    ['ring', ringKey],
    ['ring as text', ringTextKey],
  ] as const) {
    const at = await signing(t);
    const { id } = await at.backUp();
    await change(at, name({ id }), (bytes) => forged(bytes, Math.floor(bytes.byteLength / 2)));
    await assert.rejects(sources(at, id), IntegrityError, of);
    await assert.rejects(sources(at, 'latest'), IntegrityError, of);
    assert.deepEqual(await kindsIn(at, id), ['manifest'], of);
  }
});

test('an object with other contents of the same size and CRC-32 comes under no file’s name', async (t) => {
  const at = await signing(t);
  const { id } = await at.backUp();
  const [name = ''] = (await at.cluster.keys(`${id}/node1/shop/`)).filter((each) => each.endsWith('Statistics.db'));
  await change(at, name, (bytes) => forged(bytes, 0));
  assert.deepEqual(await kindsIn(at, id), ['checksum']);
  const directory = await temporaryDirectory(t);
  const options = { choice: { name: id }, only: [], filter: tableFilter(['shop']), transfers: 1, dryRun: false };
  const parts = { repository: at.strict(), pool: at.pool, listen: at.cluster.parts.listen, ...here };
  const result = await restoreLocal({ ...options, directory, layout: 'plain' }, parts, never);
  assert.match(result.nodes[0]?.error ?? '', /Statistics.db has SHA-256 /);
  const file = join(directory, 'node1', name.slice(`${id}/node1/`.length));
  await writeFile(file, '', { flag: 'wx' });
});

test('who takes nothing unsigned takes no unfinished run, and no unsigned backup for the latest', async (t) => {
  const at = await signing(t, 2);
  const signed = await at.backUp();
  at.cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const unfinished = await at.backUp({ kind: 'snapshot', selfContained: true });
  assert.equal(unfinished.state, 'incomplete');
  await assert.rejects(sources(at, unfinished.id), /is an unfinished run/);
  const unsigned = await at.cluster.backUp({ kind: 'snapshot', selfContained: true });
  assert.equal(unsigned.complete, true);
  assert.equal((await sources(at, 'latest')).id, signed.id);
  await assert.rejects(sources(at, unsigned.id), /manifest.json is not signed$/);
  assert.deepEqual(await kindsIn(at, unsigned.id), ['manifest']);
});

test('nothing that an unsigned backup stored is pointed at; what a signed one stored is', async (t) => {
  const at = await signing(t);
  const plain = await at.cluster.backUp({ kind: 'snapshot' });
  const first = await at.backUp({ kind: 'snapshot' });
  assert.equal(first.nodes[0]?.newFiles, plain.nodes[0]?.files);
  const second = await at.backUp({ kind: 'snapshot' });
  assert.deepEqual([second.nodes[0]?.newFiles, second.nodes[0]?.files], [0, first.nodes[0]?.files]);
  assert.deepEqual(await kindsIn(at, second.id), []);
});

test('an incremental backup that is signed has no parent that is not', async (t) => {
  const at = await signing(t);
  const node = at.cluster.node('node1');
  node.keepsIncrementals = true;
  const { id } = await at.cluster.backUp();
  await node.writeSSTable(users, 2);
  await assert.rejects(at.backUp({ kind: 'incremental' }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, new RegExp(`${id} is not signed`));
    return true;
  });
  const next = await at.backUp();
  assert.equal(next.kind, 'snapshot');
});

test('an incremental backup from whose chain one was taken away is not restored', async (t) => {
  const at = await signing(t);
  const node = at.cluster.node('node1');
  node.keepsIncrementals = true;
  await at.backUp();
  const made: BackupResult[] = [];
  for (const generation of [2, 3]) {
    await node.writeSSTable(users, generation);
    made.push(await at.backUp({ kind: 'incremental' }));
  }
  const [first, last] = made;
  assert.ok(first !== undefined && last !== undefined);
  assert.deepEqual(await kindsIn(at, last.id), []);
  await at.cluster.store.delete(await at.cluster.keys(`${pathOf(first).replace('/', '/incrementals/')}/`), never);
  await assert.rejects(sources(at, last.id), (error) => {
    assert.ok(error instanceof IntegrityError);
    assert.match(error.message, new RegExp(`${last.id} stands on ${first.id}, which is not there`));
    return true;
  });
  assert.deepEqual(await kindsIn(at, last.id), ['manifest']);
});

test('a run that is gone on with takes drafts and parts that are signed, and sends again what others have written', async (t) => {
  for (const tampered of [false, true]) {
    const at = await signing(t, 2);
    at.cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
    const { id } = await at.backUp();
    if (tampered) {
      const name = nodeManifestKey({ id }, 'node1');
      const plain = new Repository(at.cluster.store);
      const part = (await plain.nodeManifest({ id }, 'node1', everyTable, never)) ?? assert.fail();
      await plain.saveNodeManifest(part, never);
      assert.deepEqual(await at.cluster.keys(name), [name]);
    }
    const before = at.cluster.node('node1').remote.ran(reading).length;
    const result = await at.backUp({ resume: true });
    assert.deepEqual([result.id, result.complete], [id, true]);
    const again = at.cluster.node('node1').remote.ran(reading).length > before;
    assert.equal(again, tampered);
    assert.equal(
      at.cluster.warnings.some((text) => /what it names is sent again: .* is not signed/.test(text)),
      tampered,
    );
    // What was sent before lies there still, and nothing names it.
    assert.deepEqual(await kindsIn(at, id), tampered ? Array.from({ length: 10 }, () => 'orphan') : []);
    assert.deepEqual(await at.cluster.keys(draftKey({ id }, 'node2')), []);
  }
});

test('a degraded backup is signed anew with the node that it gets, and not without the key', async (t) => {
  const at = await signing(t, 3, 3);
  const connect: BackupParts['connect'] = async (host, signal) => {
    if (host === 'node3') {
      throw new RemoteError(`${host}: connection refused`, { host, transient: true });
    }
    return at.cluster.parts.connect(host, signal);
  };
  const { id, state } = await at.backUp({}, { connect });
  assert.equal(state, 'degraded');
  assert.deepEqual(await kindsIn(at, id), []);
  await assert.rejects(at.cluster.backUp({ resume: true, resumeId: id }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /is signed, and to change it takes the key: --manifest-key/);
    return true;
  });
  const result = await at.backUp({ resume: true, resumeId: id });
  assert.deepEqual([result.id, result.state, result.warnings], [id, 'complete', []]);
  assert.deepEqual(
    at.cluster.warnings.filter((text) => /sent again/.test(text)),
    [],
  );
  assert.deepEqual(await kindsIn(at, id), []);
});

test('a repair signs what it changes, and touches nothing without the key', async (t) => {
  const node = await oneNode(t, undefined, [key]);
  await node.writeSSTable(1);
  const id = idAfter(0);
  const manifest = await node.backUp(id);
  const [lost] = manifest.tables.flatMap(({ files }) => files).filter(({ path }) => path.endsWith('Data.db'));
  assert.ok(lost?.storedSha256 !== undefined);
  const { store } = node.repository;
  await store.delete([lost.key], never);
  const owner = { host: 'bastion', pid: process.pid, user: 'ops' };
  const mend = (repository: Repository) =>
    verifyAndRepair(
      { backup: id, transfers: 1, hosts: [], owner, lockTimeoutSeconds: 0 },
      { ...node, repository, listen: () => {} },
      never,
    );
  await assert.rejects(mend(new Repository(store)), /is signed, and to change it takes the key/);
  assert.equal(await store.stat(lost.key, never), undefined);
  const strict = () => new Repository(store, { keys: [key], required: true });
  const { mendings } = await mend(strict());
  assert.equal(mendings.get(lost.key)?.mended, true);
  const sample = { percent: 100, seed: '' };
  const after = await verify(
    { backup: id, sample, transfers: 1 },
    { repository: strict(), pool: node.pool, listen: () => {} },
    never,
  );
  assert.deepEqual([after.problems, after.signatures?.unsigned], [[], 0]);
});

test('what somebody else has laid beside a signed backup is no fault of it, and only signed manifests ask for a repair', async (t) => {
  const node = await oneNode(t, undefined, [key]);
  await node.writeSSTable(1);
  const [id, other] = [idAfter(0), idAfter(10)];
  await node.backUp(id);
  const { store } = node.repository;
  await node.backUp(other);
  const own = backupManifestKey({ id: other });
  const { signed: _, ...manifest } = decodeBackupManifest(await bytesOf(store.get(own, {}, never)), own);
  await store.put(own, encodeJson(manifest), {}, never);
  const name = nodeManifestKey({ id: other }, manifest.nodes[0]?.host ?? '');
  const found =
    (await new Repository(store).nodeManifest({ id: other }, manifest.nodes[0]?.host ?? '', everyTable, never)) ?? assert.fail();
  const asking = {
    ...found,
    tables: found.tables.map((table) => ({
      ...table,
      files: table.files.map((file) => ({ ...file, storedBytes: file.storedBytes + 1 })),
    })),
  };
  await store.put(name, await encodeNodeManifest(asking), {}, never);

  const told: string[] = [];
  const listen: BackupParts['listen'] = (event) => told.push(...(event.type === 'warning' ? [event.text] : []));
  const strict = new Repository(store, { keys: [key], required: true });
  const result = await verify({ backup: 'latest', transfers: 1 }, { repository: strict, pool: node.pool, listen }, never);
  assert.deepEqual([result.backup, result.problems], [id, []]);
  assert.match(told.join(), new RegExp(`^${other} is passed over: .* is not signed$`));
  const all = await verify({ backup: 'all', transfers: 1 }, { repository: strict, pool: node.pool, listen }, never);
  assert.deepEqual(
    all.problems.map(({ kind }) => kind),
    ['manifest'],
  );

  const signedNode = nodeManifestKey({ id }, manifest.nodes[0]?.host ?? '');
  const before = await bytesOf(store.get(signedNode, {}, never));
  const owner = { host: 'bastion', pid: process.pid, user: 'ops' };
  const lenient = new Repository(store, { keys: [key], required: false });
  const mended = await verifyAndRepair(
    { backup: 'all', transfers: 1, hosts: [], owner, lockTimeoutSeconds: 0 },
    { ...node, repository: lenient, listen },
    never,
  );
  assert.ok(mended.problems.some(({ kind }) => kind === 'size' || kind === 'dangling'));
  assert.equal(mended.mendings.size, 0);
  assert.deepEqual(await bytesOf(store.get(signedNode, {}, never)), before);
});
