import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { IntegrityError } from '../model/errors.ts';
import type { BackupManifest, InProgress, NodeManifest } from '../model/manifest.ts';
import type { Ring } from '../model/ring.ts';
import { sumText } from '../model/stored-sum.ts';

/**
 * Manifests as they lie in the store: JSON, node manifests gzipped. What is read is untrusted: anything that does not
 * fit format 1 (an unknown version, a path with `..`, a negative size) is an IntegrityError that names the object.
 */

const count = z.number().int().nonnegative();
const name = z.string().regex(/^\w+$/);
const hex8 = z.string().regex(/^[0-9a-f]{8}$/);
const backupId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/);
const hostName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/);
const moment = z.iso.datetime();
const kind = z.enum(['snapshot', 'incremental']);
/** Relative, no empty segment, no `.` or `..`, no NUL: it is joined to a directory on a node when restoring. */
const relativePath = z
  .string()
  .refine((path) => path.length > 0 && !hasControlCharacter(path) && path.split('/').every(isPlainSegment));
const state = z.enum(['UN', 'UL', 'UJ', 'UM', 'DN', 'DL', 'DJ', 'DM', '?']);

const node = z.object({
  hostId: z.string(),
  address: z.string(),
  dc: z.string(),
  rack: z.string(),
  tokens: z.array(z.string()),
  state,
  version: z.string().exactOptional(),
});

const table = { keyspace: name, table: name, id: z.string().regex(/^[0-9a-f]{32}$/) };

const storedFile = z
  .object({
    path: relativePath,
    bytes: count,
    modified: z.string(),
    disk: count,
    key: relativePath,
    compression: z.enum(['lzo', 'none']),
    storedBytes: count,
    storedCrc32: hex8.exactOptional(),
    storedCksum: count.max(0xffffffff).exactOptional(),
    etag: z.string(),
    since: backupId,
    digest: hex8.exactOptional(),
  })
  .refine((file) => sumText(file) !== undefined, 'has no checksum');

const nodeManifest: z.ZodType<NodeManifest> = z.object({
  format: z.literal(1),
  backup: backupId,
  kind,
  parent: backupId.exactOptional(),
  host: hostName,
  node,
  cassandra: z.string(),
  snapshot: z.string(),
  takenAt: moment,
  dataDirectories: z.array(z.string()),
  tables: z.array(z.object({ ...table, files: z.array(storedFile) })),
  keepsIncrementals: z.boolean().exactOptional(),
  setAside: z.array(z.object({ path: relativePath, bytes: count, modified: z.string() })).exactOptional(),
});

const backupManifest: z.ZodType<BackupManifest> = z.object({
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
    }),
  ),
  ringNodes: count.exactOptional(),
  writtenBy: z.string(),
});

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

export function encodeNodeManifest(manifest: NodeManifest): Promise<Uint8Array> {
  return promisify(gzip)(JSON.stringify(manifest));
}

export function decodeBackupManifest(bytes: Uint8Array, key: string): BackupManifest {
  return parse(backupManifest, text(bytes), key);
}

export function decodeInProgress(bytes: Uint8Array, key: string): InProgress {
  return parse(inProgress, text(bytes), key);
}

export function decodeRing(bytes: Uint8Array, key: string): Ring {
  return parse(ring, text(bytes), key);
}

export async function decodeNodeManifest(bytes: Uint8Array, key: string): Promise<NodeManifest> {
  const json = await promisify(gunzip)(bytes).catch((cause: unknown) => {
    throw new IntegrityError(`${key} is no gzip file`, { cause });
  });
  return parse(nodeManifest, text(json), key);
}

function parse<T>(schema: z.ZodType<T>, json: string, key: string): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new IntegrityError(`${key} is not JSON`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) {
    return result.data;
  }
  const issue = result.error.issues[0];
  const place = issue?.path.map(String).join('.') ?? '';
  throw new IntegrityError(
    `${key} is no manifest of format 1: ${place === '' ? '' : `${place}: `}${issue?.message ?? 'unreadable'}`,
    {
      hint: 'a newer version of sstash may have written it, or it was changed behind its back',
    },
  );
}

/** A tab or a line end in a name would break the lists that travel to a node's shell. */
function hasControlCharacter(path: string): boolean {
  return Buffer.from(path).some((byte) => byte < 0x20 || byte === 0x7f);
}

function isPlainSegment(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..';
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
