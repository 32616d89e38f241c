import type { Backup, CommittedBackup } from '../../src/model/backup/backup.ts';
import type { BackupManifest, InProgress, NodeManifest, NodeSummary, StoredFile } from '../../src/model/backup/manifest.ts';
import type { Node } from '../../src/model/ring/ring.ts';
import type { Component, TableId } from '../../src/model/sstable.ts';

/** Small but whole things of the model, for tests that change one field. */

/** An id of 32 hexadecimal digits that begins with a number. */
export function idOf(number: number): string {
  return number.toString(16).padStart(8, '0').padEnd(32, '0');
}

export function tableOf(keyspace: string, table: string, number = 1): TableId {
  return { keyspace, table, id: idOf(number) };
}

export const users: TableId = tableOf('shop', 'users');

export function componentOf(path: string, changes: Partial<Component> = {}): Component {
  return { table: users, path, bytes: 100, modified: '2026-11-21T03:00:00.123456789Z', disk: 0, ...changes };
}

export function storedOf(path: string, changes: Partial<StoredFile> = {}): StoredFile {
  const since = changes.since ?? '20261121T031500Z';
  return {
    path,
    bytes: 100,
    modified: '2026-11-21T03:00:00.123456789Z',
    disk: 0,
    key: `${since}/node1/shop/users-${users.id}/${path}.lzo`,
    compression: 'lzo',
    storedBytes: 70,
    storedCrc32: '0badcafe',
    etag: 'etag',
    since,
    ...changes,
  };
}

export function nodeOf(number: number): Node {
  return {
    hostId: `host-id-${number}`,
    address: `10.0.0.${number}`,
    dc: 'dc1',
    rack: `rack${number}`,
    tokens: [String(number * 100), String(-number * 100)],
    state: 'UN',
    version: '4.1.10',
  };
}

export function nodeManifestOf(changes: Partial<NodeManifest> = {}): NodeManifest {
  const backup = changes.backup ?? '20261121T031500Z';
  return {
    format: 1,
    backup,
    kind: changes.parent === undefined ? 'snapshot' : 'incremental',
    host: 'node1',
    node: nodeOf(1),
    cassandra: '4.1.10',
    snapshot: `sstash-${backup}`,
    takenAt: '2026-11-21T03:15:00.000Z',
    dataDirectories: ['/var/lib/cassandra/data'],
    tables: [],
    ...changes,
  };
}

export function summary(number: number, changes: Partial<NodeSummary> = {}): NodeSummary {
  const { hostId, address, dc, rack } = nodeOf(number);
  const sizes = { files: 2, bytes: 200, newFiles: 1, newBytes: 100, storedBytes: 70 };
  return { host: `node${number}`, hostId, address, dc, rack, cassandra: '4.1.10', ...sizes, ...changes };
}

export function backupManifestOf(changes: Partial<BackupManifest> & Pick<BackupManifest, 'id'>): BackupManifest {
  const takenAt = changes.takenAt ?? '2026-11-21T03:15:00.000Z';
  return {
    format: 1,
    kind: changes.parent === undefined ? 'snapshot' : 'incremental',
    cluster: 'Test Cluster',
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    takenAt,
    finishedAt: takenAt,
    selection: [],
    tables: [users],
    nodes: [summary(1)],
    writtenBy: 'sstash 0.1.0',
    ...changes,
  };
}

export function completeOf(changes: Partial<BackupManifest> & Pick<BackupManifest, 'id'>): CommittedBackup {
  const manifest = backupManifestOf(changes);
  const head = { id: manifest.id, committed: true, manifest } as const;
  return manifest.parent === undefined ? head : { ...head, parent: manifest.parent };
}

/** The same without some nodes. */
export function degradedOf(changes: Partial<BackupManifest> & Pick<BackupManifest, 'id'>): CommittedBackup {
  const missing = [{ host: 'node3', hostId: 'host-id-3', reason: 'node3: connection refused' }];
  const thin = [{ keyspace: 'shop', share: 100 }];
  return completeOf({ format: 2, state: 'degraded', missing, thin, nodes: [summary(1), summary(2)], ...changes });
}

export function progressOf(changes: Partial<InProgress> & Pick<InProgress, 'id'>): InProgress {
  const startedAt = changes.startedAt ?? '2026-11-21T03:15:00.000Z';
  return {
    format: 1,
    kind: changes.parent === undefined ? 'snapshot' : 'incremental',
    startedAt,
    updatedAt: startedAt,
    owner: { host: 'bastion', pid: 4711, user: 'ops' },
    selection: [],
    nodes: [{ host: 'node1', hostId: 'host-id-1', state: 'running' }],
    writtenBy: 'sstash 0.1.0',
    ...changes,
  };
}

export function unfinishedOf(changes: Partial<InProgress> & Pick<InProgress, 'id'>): Extract<Backup, { committed: false }> {
  const progress = progressOf(changes);
  const head = { id: progress.id, committed: false, progress } as const;
  return progress.parent === undefined ? head : { ...head, parent: progress.parent };
}
