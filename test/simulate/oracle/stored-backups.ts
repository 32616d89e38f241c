import { createHash } from 'node:crypto';
import { crc32, gunzipSync } from 'node:zlib';
import { type Rows, merged } from '../cassandra/rows.ts';
import { partsOf, rowsIn } from '../cassandra/sstable.ts';
import type { Bucket } from '../store/bucket.ts';
import { unpackLzop } from './unpack-lzop.ts';

/**
 * Reads backups out of the bucket by docs/format.md and by nothing of the program: whoever judges must not share its mistakes.
 */

/** What lies in a bucket, now or at some time before. */
export type Objects = Pick<Bucket, 'get' | 'keys'>;

interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly key: string;
  readonly storedBytes: number;
  readonly compression: 'lzo' | 'none';
  readonly storedCrc32?: string;
  readonly storedSha256?: string;
  readonly digest?: string;
}

interface TableName {
  readonly keyspace: string;
  readonly table: string;
  readonly id: string;
}

interface NodeManifest {
  readonly backup: string;
  readonly host: string;
  readonly snapshot: string;
  readonly takenAt: string;
  readonly tables: readonly (TableName & { readonly files: readonly StoredFile[] })[];
}

export interface BackupManifest {
  readonly format: number;
  readonly id: string;
  readonly kind: 'snapshot' | 'incremental';
  readonly parent?: string;
  readonly standsOn?: readonly string[];
  readonly state?: 'degraded';
  readonly missing?: readonly { readonly host: string; readonly hostId: string; readonly reason: string }[];
  readonly takenAt: string;
  readonly finishedAt: string;
  readonly tables: readonly TableName[];
  readonly nodes: readonly { readonly host: string }[];
  readonly signed?: {
    readonly objects: Readonly<Record<string, readonly string[]>>;
    readonly keyId: string;
    readonly hmac: string;
  };
}

/** A committed backup, and where it lies. */
export interface StoredBackup {
  readonly prefix: string;
  readonly manifest: BackupManifest;
}

/** Something that a backup says and that is not so. */
export class BrokenBackup extends Error {}

export function committedBackups(bucket: Objects, base: string): readonly StoredBackup[] {
  const manifests = bucket.keys(`${base}/`).filter((key) => key.endsWith('/manifest.json'));
  return manifests.map((key) => ({
    prefix: key.slice(0, -'manifest.json'.length),
    manifest: parsed(bucket, key) as BackupManifest,
  }));
}

function parsed(bucket: Objects, key: string): unknown {
  const bytes = bucket.get(key)?.bytes;
  if (bytes === undefined) {
    throw new BrokenBackup(`${key} is not there`);
  }
  const text = key.endsWith('.gz') ? gunzipSync(bytes) : Buffer.from(bytes);
  return JSON.parse(text.toString());
}

export function nodeManifests(bucket: Objects, { prefix, manifest }: StoredBackup): readonly NodeManifest[] {
  return manifest.nodes.map(({ host }) => parsed(bucket, `${prefix}${host}/manifest.json.gz`) as NodeManifest);
}

/** The backups that one consists of: its parent, the incremental ones between, itself. */
export function chainOf(backup: StoredBackup, all: readonly StoredBackup[]): readonly StoredBackup[] {
  const { parent, standsOn = [] } = backup.manifest;
  if (parent === undefined) {
    return [backup];
  }
  const below = standsOn.map((id) => {
    const found = all.find(
      ({ manifest }) => manifest.id === id && (manifest.parent === undefined ? id === parent : manifest.parent === parent),
    );
    if (found === undefined) {
      throw new BrokenBackup(`${backup.manifest.id} stands on ${id}, which is not there`);
    }
    return found;
  });
  return [...below, backup];
}

/** Every object of a backup that its manifests name, elsewhere too, and these themselves. */
export function namedKeys(bucket: Objects, base: string, backup: StoredBackup): ReadonlySet<string> {
  const { prefix, manifest } = backup;
  const files = nodeManifests(bucket, backup).flatMap(({ tables }) => tables.flatMap((table) => table.files));
  return new Set([
    ...manifest.nodes.map(({ host }) => `${prefix}${host}/manifest.json.gz`),
    ...files.map(({ key }) => `${base}/${key}`),
  ]);
}

/** The rows of one table that each node has in the chain, by host. Every object is held against what its manifest says. */
export function rowsByHost(
  bucket: Objects,
  base: string,
  chain: readonly StoredBackup[],
  table: TableName,
): ReadonlyMap<string, Rows> {
  const rows = new Map<string, Rows[]>();
  const isIn = ({ manifest }: StoredBackup): boolean => manifest.tables.some(({ id }) => id === table.id);
  const holding = chain.filter(isIn);
  // A node that one of them lacks has rows that are older than the others'.
  const parts = holding.map((backup) => nodeManifests(bucket, backup));
  const whole = new Set(
    parts[0]?.map(({ host }) => host).filter((host) => parts.every((nodes) => nodes.some((node) => node.host === host))),
  );
  for (const { host, backup, tables } of parts.flat()) {
    const held = tables.find((each) => each.id === table.id);
    if (held === undefined) {
      throw new BrokenBackup(`${backup}: the part of ${host} lacks ${table.keyspace}.${table.table}`);
    }
    const own = rowsOfFiles(bucket, base, held.files);
    if (whole.has(host)) {
      rows.set(host, [...(rows.get(host) ?? []), ...own]);
    }
  }
  return new Map([...rows].map(([host, all]) => [host, merged(all)]));
}

function rowsOfFiles(bucket: Objects, base: string, files: readonly StoredFile[]): readonly Rows[] {
  const components = new Map<number, Set<string>>();
  const rows: Rows[] = [];
  for (const file of files) {
    const bytes = bytesOf(bucket, base, file);
    const parts = partsOf(file.path);
    if (parts === undefined) {
      throw new BrokenBackup(`${file.key} is of no sstable`);
    }
    components.set(parts.generation, (components.get(parts.generation) ?? new Set()).add(parts.component));
    if (parts.component === 'Data.db') {
      rows.push(rowsIn(bytes));
    }
  }
  for (const [generation, found] of components) {
    const lacking = ['Data.db', 'Digest.crc32', 'Statistics.db', 'TOC.txt'].find((name) => !found.has(name));
    if (lacking !== undefined) {
      throw new BrokenBackup(`sstable ${generation} lacks ${lacking}`);
    }
  }
  return rows;
}

/** Of what an object of a file holds, in hexadecimal; undefined where there is none. */
export function crcOf(bucket: Objects, base: string, { key, compression }: StoredFile): string | undefined {
  const bytes = bucket.get(`${base}/${key}`)?.bytes;
  return bytes === undefined ? undefined : sumOf(plainOf(bytes, compression));
}

function bytesOf(bucket: Objects, base: string, file: StoredFile): Uint8Array {
  const bytes = bucket.get(`${base}/${file.key}`)?.bytes;
  if (bytes === undefined) {
    throw new BrokenBackup(`${file.key} is not there`);
  }
  if (bytes.byteLength !== file.storedBytes) {
    throw new BrokenBackup(`${file.key} has ${bytes.byteLength} bytes instead of ${file.storedBytes}`);
  }
  if ((file.storedCrc32 ?? sumOf(bytes)) !== sumOf(bytes) || (file.storedSha256 ?? sha256Of(bytes)) !== sha256Of(bytes)) {
    throw new BrokenBackup(`${file.key} has other bytes than were stored`);
  }
  const plain = plainOf(bytes, file.compression);
  if (plain.byteLength !== file.bytes || (file.digest ?? sumOf(plain)) !== sumOf(plain)) {
    throw new BrokenBackup(`${file.key} is not what the node had`);
  }
  return plain;
}

function plainOf(bytes: Uint8Array, compression: StoredFile['compression']): Uint8Array {
  return compression === 'lzo' ? unpackLzop(bytes) : bytes;
}

function sumOf(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
