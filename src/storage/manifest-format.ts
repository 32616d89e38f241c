import { z } from 'zod';
import { pathOf } from '../model/backup/backup-id.ts';
import { IntegrityError } from '../model/errors.ts';
import type { BackupManifest, BackupRef, InProgress } from '../model/backup/manifest.ts';
import type { Ring } from '../model/ring/ring.ts';
import {
  backupId,
  count,
  hex64,
  hex8,
  hostName,
  kind,
  moment,
  name,
  node,
  parseAs,
  relativePath,
  table,
} from './manifest-shapes.ts';

/**
 * The small manifests as they lie in the store: JSON. What is read is untrusted: anything that does not fit its format (an
 * unknown version, a path with `..`, a negative size) is an IntegrityError that names the object.
 */

const complete = {
  format: z.literal(1),
  id: backupId,
  kind,
  parent: backupId.exactOptional(),
  cluster: z.string(),
  partitioner: z.string(),
  takenAt: moment,
  finishedAt: moment,
  selection: z.array(z.string()),
  policy: z.string().exactOptional(),
  tables: z.array(z.object(table)),
  nodes: z.array(
    z.object({
      host: hostName,
      hostId: z.string(),
      address: z.string(),
      dc: z.string(),
      rack: z.string(),
      cassandra: z.string(),
      files: count,
      bytes: count,
      newFiles: count,
      newBytes: count,
      storedBytes: count,
      takenAt: moment.exactOptional(),
    }),
  ),
  ringNodes: count.exactOptional(),
  writtenBy: z.string(),
  standsOn: z.array(backupId).exactOptional(),
  signed: z.object({ objects: z.record(relativePath, z.array(hex64).nonempty()), keyId: hex8, hmac: hex64 }).exactOptional(),
};

/** What lacks nodes says so: a reader of format 1 alone must not take it for a whole cluster. */
const degraded = {
  ...complete,
  format: z.literal(2),
  state: z.literal('degraded'),
  missing: z.array(z.object({ host: hostName, hostId: z.string(), reason: z.string() })).nonempty(),
  thin: z.array(z.object({ keyspace: name, share: z.number().min(0).max(100) })),
};

const backupManifest: z.ZodType<BackupManifest> = z.discriminatedUnion('format', [z.object(complete), z.object(degraded)]);

const inProgress: z.ZodType<InProgress> = z.object({
  format: z.literal(1),
  id: backupId,
  kind,
  parent: backupId.exactOptional(),
  startedAt: moment,
  updatedAt: moment,
  owner: z.object({ host: z.string(), pid: z.number(), user: z.string() }),
  selection: z.array(z.string()),
  policy: z.string().exactOptional(),
  endedAt: moment.exactOptional(),
  nodes: z.array(
    z.object({
      host: hostName,
      hostId: z.string(),
      state: z.enum(['running', 'done', 'failed']),
      error: z.string().exactOptional(),
    }),
  ),
  writtenBy: z.string(),
});

const ring: z.ZodType<Ring> = z.object({ cluster: z.string(), partitioner: z.string(), nodes: z.array(node) });

export function encodeJson(value: BackupManifest | InProgress | Ring): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function decodeBackupManifest(bytes: Uint8Array, key: string): BackupManifest {
  return parseAs(backupManifest, text(bytes), key);
}

export function decodeInProgress(bytes: Uint8Array, key: string): InProgress {
  return parseAs(inProgress, text(bytes), key);
}

export function decodeRing(bytes: Uint8Array, key: string): Ring {
  return parseAs(ring, text(bytes), key);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** A manifest that was copied to another place would make one backup's objects look like another's. Throws IntegrityError. */
export function belongs(key: string, found: BackupRef, expected: BackupRef): void {
  if (found.id !== expected.id || found.parent !== expected.parent) {
    throw new IntegrityError(`${key} belongs to backup ${pathOf(found)}`);
  }
}
