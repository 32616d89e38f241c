import { z } from 'zod';
import { IntegrityError } from '../model/errors.ts';
import type { BackupKind } from '../model/backup/manifest.ts';
import type { Node } from '../model/ring/ring.ts';
import { tableName } from '../model/sstable.ts';

/** What the manifests are made of. */

export const count: z.ZodNumber = z.number().int().nonnegative();
export const name: z.ZodString = z.string().regex(tableName);
export const hex8: z.ZodString = z.string().regex(/^[0-9a-f]{8}$/);
export const hex64: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/);
export const backupId: z.ZodString = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/);
export const hostName: z.ZodString = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/);
export const moment: z.ZodISODateTime = z.iso.datetime();
export const kind: z.ZodType<BackupKind> = z.enum(['snapshot', 'incremental']);
/** Relative, no empty segment, no `.` or `..`, no NUL: it is joined to a directory on a node when restoring. */
export const relativePath: z.ZodString = z
  .string()
  .refine((path) => path.length > 0 && !hasControlCharacter(path) && path.split('/').every(isPlainSegment));
const state = z.enum(['UN', 'UL', 'UJ', 'UM', 'DN', 'DL', 'DJ', 'DM', '?']);

export const node: z.ZodType<Node> = z.object({
  hostId: z.string(),
  address: z.string(),
  dc: z.string(),
  rack: z.string(),
  tokens: z.array(z.string()),
  state,
  version: z.string().exactOptional(),
});

export const table: { readonly keyspace: z.ZodString; readonly table: z.ZodString; readonly id: z.ZodString } = {
  keyspace: name,
  table: name,
  id: z.string().regex(/^[0-9a-f]{32}$/),
};

/** The JSON as what the schema says. Throws IntegrityError that names the object; `within` is the place of the JSON in it. */
export function parseAs<T>(schema: z.ZodType<T>, json: string, key: string, within: readonly string[] = []): T {
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
  const place = [...within, ...(issue?.path.map(String) ?? [])].join('.');
  throw new IntegrityError(
    `${key} is no manifest of format 1 or 2: ${place === '' ? '' : `${place}: `}${issue?.message ?? 'unreadable'}`,
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
