import { z } from 'zod';
import { IntegrityError } from '../model/errors.ts';
import type { BackupKind } from '../model/backup/manifest.ts';
import type { Node } from '../model/ring/ring.ts';
import { isPattern, isWithinBounds, mostPatterns } from '../model/options/table-filter.ts';
import { tableName } from '../model/sstable.ts';
import { hasHidden, visibleInLine } from '../model/visible.ts';

/**
 * What the manifests are made of. Whoever can write to the bucket can write them, so each text has a length, each list a count, and
 * no name holds a character that a terminal, a shell or a list of lines could take for more than a part of it. The limits are several
 * times what the largest clusters have.
 */

/** Tables of one backup: a cluster with a tenth of them is hardly to be worked with. */
export const mostTables = 200_000;
/** Nodes of one ring: the largest clusters that are known of have a thousand or two. */
export const mostNodes = 5_000;
/** Tokens of all nodes of a ring: 256 of each. */
export const mostTokens: number = 256 * mostNodes;

export const count: z.ZodNumber = z.number().int().nonnegative();
/** One line of text: a name that others gave, a version, an etag. */
export const word: z.ZodString = z.string().max(1024).refine(isWord, 'has a character that no name has');
/** The patterns of `-K` that a backup was made with. */
export const selection: z.ZodType<readonly string[]> = z
  .array(word.refine(isPattern, 'is no pattern of tables'))
  .max(mostPatterns)
  .refine(isWithinBounds, 'has more patterns with wildcards than a selection');
/** What a person reads: an error, a reason. It is in one line, whatever it was made of, and not endless. */
export const freeText: z.ZodType<string> = z.string().transform((text) => visibleInLine(text.slice(0, 16_384)));
export const name: z.ZodString = z.string().max(512).regex(tableName);
export const hex8: z.ZodString = z.string().regex(/^[0-9a-f]{8}$/);
export const hex64: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/);
export const backupId: z.ZodString = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/);
export const hostName: z.ZodString = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/);
/** Of a node in its ring; empty, or a question mark, where nobody could say. */
export const address: z.ZodString = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9_.:%?[\]/-]*$/);
export const hostId: z.ZodString = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9_.:?-]*$/);
export const moment: z.ZodISODateTime = z.iso.datetime().max(64);
export const kind: z.ZodType<BackupKind> = z.enum(['snapshot', 'incremental']);
/** Relative, no empty segment, no `.` or `..`, none that could be an option: it is joined to a directory on a node when restoring. */
export const relativePath: z.ZodString = z
  .string()
  .max(4096)
  .refine((path) => isWord(path) && path.split('/').every(isPlainSegment), 'is no path below a directory');
export const directory: z.ZodString = z
  .string()
  .max(4096)
  .regex(/^\//)
  .refine((path) => isWord(path) && !path.split('/').includes('..'), 'is no directory');
const state = z.enum(['UN', 'UL', 'UJ', 'UM', 'DN', 'DL', 'DJ', 'DM', '?']);
/** An integer, or the bytes of an ordered partitioner, which may be as long as a key. */
const token = z
  .string()
  .max(65_536)
  .regex(/^[A-Za-z0-9()[\]_.-]+$/);

export const node: z.ZodType<Node> = z.object({
  hostId,
  address,
  dc: word,
  rack: word,
  tokens: z.array(token).max(65_536),
  state,
  version: word.exactOptional(),
});

export const table: { readonly keyspace: z.ZodString; readonly table: z.ZodString; readonly id: z.ZodString } = {
  keyspace: name,
  table: name,
  id: z.string().regex(/^[0-9a-f]{32}$/),
};

/** The JSON as what the schema says. Throws IntegrityError that names the object; `within` is the place of the JSON in it. */
export function parseAs<T>(schema: z.ZodType<T>, json: string, key: string, within: readonly string[] = []): T {
  const result = schema.safeParse(jsonOf(json, key));
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

/** Characters for each of the lists and objects of a text: what manifests are made of has more. */
const leastPerValue = 16;

function jsonOf(json: string, key: string): unknown {
  try {
    // A list of empty lists takes twenty times the memory of its text, and nothing of ours looks like that.
    if (openings(json) > 100 + json.length / leastPerValue) {
      throw new SyntaxError('it has more lists than any manifest');
    }
    return JSON.parse(json);
  } catch (cause) {
    throw new IntegrityError(`${key} is not JSON`, { cause });
  }
}

/** Lists and objects of a JSON text, as far as it is cheap to tell: brackets in names count as well. */
function openings(json: string): number {
  let found = 0;
  for (const bracket of ['[', '{']) {
    for (let at = json.indexOf(bracket); at >= 0; at = json.indexOf(bracket, at + 1)) {
      found += 1;
    }
  }
  return found;
}

function isWord(text: string): boolean {
  return !hasHidden(text);
}

/** A first `-` would make an option of it where it stands alone. */
function isPlainSegment(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..' && !segment.startsWith('-');
}
