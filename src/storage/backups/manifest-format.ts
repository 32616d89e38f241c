import { z } from 'zod';
import { pathOf } from '../../model/backup/backup-id.ts';
import { IntegrityError } from '../../model/errors.ts';
import type { BackupId, BackupManifest, BackupRef, InProgress } from '../../model/backup/manifest.ts';
import { isTagFor } from '../../model/node/snapshot-tag.ts';
import type { Ring } from '../../model/ring/ring.ts';
import { textOf } from '../read-whole.ts';
import {
  address,
  backupId,
  count,
  freeText,
  hex64,
  hex8,
  hostId,
  hostName,
  kind,
  moment,
  mostNodes,
  mostTables,
  mostTokens,
  name,
  node,
  parseAs,
  relativePath,
  selection,
  table,
  word,
} from '../shapes.ts';

/**
 * The small manifests as they lie in the store: JSON. What is read is untrusted: anything that does not fit its format (an
 * unknown version, a path with `..`, a negative size) is an IntegrityError that names the object.
 */

const complete = {
  format: z.literal(1),
  id: backupId,
  kind,
  parent: backupId.exactOptional(),
  cluster: word,
  partitioner: word,
  takenAt: moment,
  finishedAt: moment,
  snapshot: word.exactOptional(),
  selection,
  policy: word.exactOptional(),
  tables: z.array(z.object(table)).max(mostTables),
  nodes: z
    .array(
      z.object({
        host: hostName,
        hostId,
        address,
        dc: word,
        rack: word,
        cassandra: word,
        files: count,
        bytes: count,
        newFiles: count,
        newBytes: count,
        storedBytes: count,
        takenAt: moment.exactOptional(),
      }),
    )
    .max(mostNodes),
  ringNodes: count.exactOptional(),
  writtenBy: word,
  standsOn: z.array(backupId).max(mostTables).exactOptional(),
  signed: z.object({ objects: z.record(relativePath, z.array(hex64).nonempty()), keyId: hex8, hmac: hex64 }).exactOptional(),
};

/** What lacks nodes says so: a reader of format 1 alone must not take it for a whole cluster. */
const degraded = {
  ...complete,
  format: z.literal(2),
  state: z.literal('degraded'),
  missing: z
    .array(z.object({ host: hostName, hostId, reason: freeText }))
    .nonempty()
    .max(mostNodes),
  thin: z.array(z.object({ keyspace: name, share: z.number().min(0).max(100) })).max(mostTables),
};

const backupManifest: z.ZodType<BackupManifest> = z.discriminatedUnion('format', [z.object(complete), z.object(degraded)]);

const inProgress: z.ZodType<InProgress> = z.object({
  format: z.literal(1),
  id: backupId,
  kind,
  parent: backupId.exactOptional(),
  startedAt: moment,
  updatedAt: moment,
  snapshot: word.exactOptional(),
  owner: z.object({ host: word, pid: z.number(), user: word }),
  selection,
  policy: word.exactOptional(),
  endedAt: moment.exactOptional(),
  nodes: z
    .array(
      z.object({
        host: hostName,
        hostId,
        state: z.enum(['running', 'done', 'failed']),
        error: freeText.exactOptional(),
      }),
    )
    .max(mostNodes),
  writtenBy: word,
  token: word.exactOptional(),
  manifest: z.string().exactOptional(),
});

const ring: z.ZodType<Ring> = z.object({
  cluster: word,
  partitioner: word,
  nodes: z
    .array(node)
    .max(mostNodes)
    .refine(
      (nodes) => nodes.reduce((sum, { tokens }) => sum + tokens.length, 0) <= mostTokens,
      `has more than ${mostTokens} tokens`,
    ),
});

export function encodeJson(value: BackupManifest | InProgress | Ring): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function decodeBackupManifest(bytes: Uint8Array, key: string): BackupManifest {
  return withOwnTag(parseAs(backupManifest, textOf(bytes), key), key);
}

export function decodeInProgress(bytes: Uint8Array, key: string): InProgress {
  return withOwnTag(parseAs(inProgress, textOf(bytes), key), key);
}

/** Snapshots are cleared by it, and nobody who can write to the bucket is to have others cleared. Throws IntegrityError. */
function withOwnTag<T extends { readonly id: BackupId; readonly snapshot?: string }>(found: T, key: string): T {
  if (found.snapshot !== undefined && !isTagFor(found.snapshot, found.id)) {
    throw new IntegrityError(`${key} names a snapshot of another backup: ${found.snapshot}`);
  }
  return found;
}

export function decodeRing(bytes: Uint8Array, key: string): Ring {
  return parseAs(ring, textOf(bytes), key);
}

/** A manifest that was copied to another place would make one backup's objects look like another's. Throws IntegrityError. */
export function belongs(key: string, found: BackupRef, expected: BackupRef): void {
  if (found.id !== expected.id || found.parent !== expected.parent) {
    throw new IntegrityError(`${key} belongs to backup ${pathOf(found)}`);
  }
}
