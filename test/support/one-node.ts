import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { link, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { readNodeConfig } from '../../src/cluster/tools/node-config.ts';
import { probeNode } from '../../src/cluster/tools/node-probe.ts';
import { nodeInfo } from '../../src/cluster/tools/nodetool.ts';
import type { Remote } from '../../src/cluster/remote.ts';
import { type Programs, defaultPrograms } from '../../src/cluster/tools/run-tool.ts';
import { LzoPool } from '../../src/codec/lzo/pool.ts';
import { backupIdAt, parseMoment } from '../../src/model/backup/backup-id.ts';
import type { BackupRef, NodeManifest } from '../../src/model/backup/manifest.ts';
import { snapshotTag } from '../../src/model/node/snapshot-tag.ts';
import type { Node } from '../../src/model/ring/ring.ts';
import { tableDirectory } from '../../src/model/sstable.ts';
import type { Member } from '../../src/operations/nodes/members.ts';
import { uploadNode } from '../../src/operations/backup/node/upload.ts';
import { LivingTables } from '../../src/operations/backup/living-tables.ts';
import { SnapshotSchemas } from '../../src/operations/backup/snapshot-schemas.ts';
import { tableFilter } from '../../src/model/options/table-filter.ts';
import { MemoryGate } from '../../src/operations/backup/node/memory-gate.ts';
import { openDirectoryStore } from '../../src/storage/directory/directory.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { Repository } from '../../src/storage/backups/repository.ts';
import type { ManifestKey } from '../../src/storage/backups/seals.ts';
import { relay } from '../../src/transfer/relay/relay.ts';
import type { Transfer } from '../../src/transfer/transfer.ts';
import { fakeProgram } from './fake-program.ts';
import { localRemote } from './local-remote.ts';
import { rows } from './lzop.ts';
import { backupManifestOf, nodeOf, progressOf, users } from './manifests.ts';
import { recordedNodetool } from './recorded.ts';
import { schemaText } from './scripted-texts.ts';
import { temporaryDirectory } from './temporary.ts';
import { never } from './never.ts';
import { everyTable } from '../../src/storage/backups/node-manifest-format.ts';

/**
 * A node without Cassandra: a directory of sstables on this machine, and backups of it in a directory store, made by the
 * product's own upload with the real lzop.
 */
export interface OneNode {
  readonly name: string;
  readonly node: Node;
  /** The table's live directory. */
  readonly table: string;
  readonly repository: Repository;
  /** Where the store keeps its objects: a key is a path below. */
  readonly bucket: string;
  readonly pool: LzoPool;
  readonly programs: Programs;
  readonly connect: () => Promise<Remote>;
  readonly transferFor: () => Promise<Transfer>;
  /** The same for a node that has no lzop: this host compresses. */
  readonly transferForHost: () => Promise<Transfer>;
  /** Writes an sstable of `bytes` bytes into the live directory. */
  writeSSTable(generation: number, bytes?: number): Promise<void>;
  /** Backs up what is live; with `parent` what lies in `backups`. `earlier` says what need not be stored again. */
  backUp(id: string, options?: BackUpOptions): Promise<NodeManifest>;
  /** Links live files into `backups`, as Cassandra does when it flushes. */
  keepIncremental(generation: number): Promise<void>;
}

export interface BackUpOptions {
  readonly parent?: string;
  readonly earlier?: readonly NodeManifest[];
  /** Leaves the run without its manifest. */
  readonly unfinished?: boolean;
}

/** With `keys` its backups are signed. */
export async function oneNode(
  test: TestContext,
  wrap: (store: ObjectStore) => ObjectStore = (store) => store,
  keys: readonly ManifestKey[] = [],
): Promise<OneNode> {
  const root = await temporaryDirectory(test);
  const [bucket, data, bin] = [join(root, 'bucket'), join(root, 'data'), join(root, 'bin')];
  const table = join(data, tableDirectory(users));
  await Promise.all([bucket, join(table, 'backups'), bin].map((path) => mkdir(path, { recursive: true })));
  await writeFile(join(root, 'cassandra.yaml'), `data_file_directories:\n  - ${data}\n`);
  const nodetool = await fakeProgram(bin, 'nodetool', { 'info -T': recordedNodetool('5.0.9', 'info-T') });
  const programs = { ...defaultPrograms, nodetool: [nodetool.path], configPath: join(root, 'cassandra.yaml') };
  const store = await openDirectoryStore(bucket);
  const repository = new Repository(wrap(store), { keys, required: false });
  const pool = new LzoPool({ threads: 1 });
  test.after(() => pool.close());
  const connect = (): Promise<Remote> => Promise.resolve(localRemote({ host: 'node1' }));
  const transferFor = async (): Promise<Transfer> =>
    relay({ store: repository.store, pool, hasLzop: () => true, sha256: keys.length > 0 });
  const transferForHost = async (): Promise<Transfer> => relay({ store: repository.store, pool, hasLzop: () => false });
  const remote = await connect();
  const info = await nodeInfo({ remote, programs }, never);
  const node: Node = { ...nodeOf(1), hostId: info.hostId };
  const member: Member = {
    host: 'node1',
    remote,
    files: remote,
    programs,
    config: await readNodeConfig(remote, programs, never),
    probe: await probeNode(remote, [data], never),
    info,
  };

  return {
    name: member.host,
    node,
    table,
    repository,
    bucket,
    pool,
    programs,
    connect,
    transferFor,
    transferForHost,
    async writeSSTable(generation, bytes = 300_000) {
      for (const [path, content] of Object.entries(sstable(generation, bytes))) {
        await writeFile(join(table, path), content);
      }
    },
    async keepIncremental(generation) {
      await linkAll(table, join(table, 'backups'), (name) => name.startsWith(`nb-${generation}-`));
    },
    async backUp(id, { parent, earlier = [], unfinished = false } = {}) {
      const ref: BackupRef = parent === undefined ? { id } : { id, parent };
      const takenAt = parseMoment(id).toISOString();
      const head = parent === undefined ? { id } : { id, parent };
      const plain = new Repository(store, { keys, required: false });
      const living = new LivingTables({ selected: [users], all: [users], filter: tableFilter([]) });
      await plain.begin(
        progressOf({ ...head, startedAt: takenAt, nodes: [{ host: member.host, hostId: node.hostId, state: 'running' }] }),
        never,
      );
      if (parent === undefined) {
        await takeSnapshot(table, snapshotTag(id, store.locationId));
      }
      const { summary } = await uploadNode(
        {
          member,
          node,
          ref,
          tag: snapshotTag(id, store.locationId),
          takenAt,
          tables: [users],
          setAside: [],
          keepsIncrementals: true,
          compression: 'lzo',
          transfers: 2,
        },
        async () => earlier,
        {
          repository: plain,
          transfer: await transferFor(),
          gate: new MemoryGate(),
          schemas: new SnapshotSchemas(),
          lookAgain: async () => {},
          living,
          listen: () => {},
        },
        AbortSignal.timeout(300_000),
      );
      if (!unfinished) {
        await plain.saveRing(ref, { cluster: 'Test Cluster', partitioner: 'Murmur3Partitioner', nodes: [node] }, 'ring\n', never);
        await plain.saveSchema(ref, schemaText([users]), never);
        await plain.commit(backupManifestOf({ ...head, takenAt, nodes: [summary] }), never);
      }
      return (await plain.nodeManifest(ref, member.host, everyTable, never)) ?? assert.fail('the manifest was not written');
    },
  };
}

/** A store that does what another does, except where it is said otherwise. */
export function storeLike(store: ObjectStore, changes: Partial<ObjectStore> = {}): ObjectStore {
  return {
    url: store.url,
    locationId: store.locationId,
    etagsOfContent: store.etagsOfContent,
    now: (signal) => store.now(signal),
    put: (...all) => store.put(...all),
    get: (...all) => store.get(...all),
    stat: (...all) => store.stat(...all),
    list: (...all) => store.list(...all),
    directories: (...all) => store.directories(...all),
    files: (...all) => store.files(...all),
    delete: (...all) => store.delete(...all),
    unfinished: (...all) => store.unfinished(...all),
    clearUnfinished: (...all) => store.clearUnfinished(...all),
    abortUnfinished: (...all) => store.abortUnfinished(...all),
    close: () => store.close(),
    ...changes,
  };
}

/** An id some minutes after the first backup of a test. */
export function idAfter(minutes: number): string {
  return backupIdAt(new Date(Date.UTC(2026, 10, 21, 3, minutes)));
}

/** Components of an sstable by name, with the digest that Cassandra would write. */
export function sstable(generation: number, bytes: number): Readonly<Record<string, Uint8Array | string>> {
  const data = rows(bytes, generation);
  const components = ['Data.db', 'Digest.crc32', 'Filter.db', 'Statistics.db', 'TOC.txt'];
  return {
    [`nb-${generation}-big-Data.db`]: data,
    [`nb-${generation}-big-Digest.crc32`]: String(crc32(data)),
    [`nb-${generation}-big-Filter.db`]: '',
    [`nb-${generation}-big-Statistics.db`]: rows(5000, generation + 1000),
    [`nb-${generation}-big-TOC.txt`]: components.map((name) => `${name}\n`).join(''),
  };
}

async function takeSnapshot(table: string, tag: string): Promise<void> {
  const snapshot = join(table, 'snapshots', tag);
  const names = await linkAll(table, snapshot, () => true);
  const files = names.filter((name) => name.endsWith('-Data.db'));
  await writeFile(join(snapshot, 'manifest.json'), JSON.stringify({ files }));
  await writeFile(join(snapshot, 'schema.cql'), 'CREATE TABLE shop.users (id int PRIMARY KEY);\n');
}

/** Hard links, as Cassandra makes snapshots. Gives the names. */
export async function linkAll(from: string, to: string, which: (name: string) => boolean): Promise<readonly string[]> {
  await mkdir(to, { recursive: true });
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && which(entry.name)).map(({ name }) => name);
  await Promise.all(names.map((name) => link(join(from, name), join(to, name))));
  return names;
}

/** Changes one byte in the middle of a file and nothing else of it: neither size nor inode nor time. */
export async function flipByte(path: string): Promise<void> {
  const run = promisify(execFile);
  const time = `${path}.time`;
  await run('touch', ['-r', path, time]);
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, size >> 1);
    byte[0] = (byte[0] ?? 0) ^ 0x10;
    await handle.write(byte, 0, 1, size >> 1);
  } finally {
    await handle.close();
  }
  await run('touch', ['-r', time, path]);
  await rm(time);
}
