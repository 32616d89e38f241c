import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import { z } from 'zod';
import { wholeOf } from '../../flow/gather.ts';
import { BackupError, IntegrityError } from '../../model/errors.ts';
import type { NodeManifest, StoredTable } from '../../model/backup/manifest.ts';
import type { TableId } from '../../model/sstable.ts';
import { sumText } from '../../model/backup/stored-sum.ts';
import {
  backupId,
  count,
  directory,
  hex64,
  hex8,
  hostName,
  kind,
  moment,
  mostTables,
  node,
  parseAs,
  relativePath,
  table,
  word,
} from '../shapes.ts';
import { componentKeyForm, mostBytesAt, nodeManifestKey } from '../keys.ts';
import { ManifestText, mostPlainBytes } from './manifest-text.ts';

/**
 * A node's manifest as it lies in the store: JSON, gzipped. It is written with a line of its own for each table, and read line
 * by line and file by file: of 100,000 files only those that are wanted, or a page of them, are ever held. Any other JSON of the
 * same form is read as a whole, and may not be as long.
 */

const storedFile = z
  .object({
    path: relativePath,
    bytes: count,
    modified: word,
    disk: count,
    // A repair puts a file under its key: no other object, such as a lock or a manifest, may be named by one.
    key: relativePath.regex(componentKeyForm, 'is no key of a component'),
    compression: z.enum(['lzo', 'none']),
    storedBytes: count,
    storedCrc32: hex8.exactOptional(),
    storedCksum: count.max(0xffffffff).exactOptional(),
    storedSha256: hex64.exactOptional(),
    etag: word,
    since: backupId,
    digest: hex8.exactOptional(),
  })
  .refine((file) => sumText(file) !== undefined, 'has no checksum');

const storedTable: z.ZodType<StoredTable> = z.object({ ...table, files: z.array(storedFile) });

const nodeManifest: z.ZodType<NodeManifest> = z.object({
  format: z.literal(1),
  backup: backupId,
  kind,
  parent: backupId.exactOptional(),
  host: hostName,
  node,
  cassandra: word,
  snapshot: word,
  takenAt: moment,
  dataDirectories: z.array(directory).max(1024),
  keepsIncrementals: z.boolean().exactOptional(),
  setAside: z
    .array(z.object({ path: relativePath, bytes: count, modified: word }))
    .max(mostTables)
    .exactOptional(),
  tables: z.array(storedTable).max(mostTables),
});

/** Files of one manifest that are held at once; what is written never has more. */
const mostFiles = 3_000_000;

/** Characters of JSON that are parsed as one: a file, the head of a manifest, or one that has no lines. */
const mostParsed = 32 * 1024 ** 2;

const opening = '"tables":[';
const closing = ']}';

export async function encodeNodeManifest(manifest: NodeManifest): Promise<Uint8Array> {
  const files = manifest.tables.reduce((sum, each) => sum + each.files.length, 0);
  if (files > mostFiles || manifest.tables.length > mostTables) {
    throw tooMany(manifest);
  }
  const gzip = createGzip();
  const zipped = wholeOf(gzip, mostBytesAt(nodeManifestKey({ id: manifest.backup }, manifest.host)), () => tooMany(manifest));
  // It is awaited below; until then a failure is nobody's.
  zipped.catch(() => undefined);
  let bytes = 0;
  for (const line of linesOf(manifest)) {
    bytes += Buffer.byteLength(line);
    if (bytes > mostPlainBytes) {
      gzip.destroy();
      throw tooMany(manifest);
    }
    if (!gzip.write(line)) {
      await Promise.race([once(gzip, 'drain'), zipped]);
    }
  }
  gzip.end();
  return zipped;
}

/** A manifest that could not be read again is not written. */
function tooMany({ host }: NodeManifest): BackupError {
  return new BackupError(`${host} has more than a manifest can hold, ${mostFiles} files and ${mostTables} tables`, {
    hint: 'back up its keyspaces apart from each other, with -K; and let compaction make fewer sstables of them',
  });
}

function* linesOf({ tables, ...head }: NodeManifest): Generator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},${opening}\n`;
  for (const [index, each] of tables.entries()) {
    yield `${JSON.stringify(each)}${index === tables.length - 1 ? '' : ','}\n`;
  }
  yield `${closing}\n`;
}

/** Whether a table is to be read. */
export type WantedTables = (table: TableId) => boolean;

export const everyTable: WantedTables = () => true;

/** For what a manifest says of its node. */
export const noTable: WantedTables = () => false;

/** Files and tables of a page, unless a single table has more. */
const pageEntries = 5_000;

/**
 * The manifest in pages: each is a manifest that names some of its tables, the last one maybe none. Only tables that are
 * `wanted` are there; the files of the others are not looked at. It is whole only when it has come to its end without an error.
 */
export async function* manifestPages(bytes: Uint8Array, key: string, wanted: WantedTables): AsyncGenerator<NodeManifest, void> {
  const text = new ManifestText(bytes, key);
  try {
    const first = (await text.line(mostParsed)) ?? '';
    yield* first.endsWith(opening) ? pagesOf(first, text, key, wanted) : [await whole(first, text, key, wanted)];
  } finally {
    await text.close();
  }
}

async function* pagesOf(
  first: string,
  text: ManifestText,
  key: string,
  wanted: WantedTables,
): AsyncGenerator<NodeManifest, void> {
  const head = parseAs(nodeManifest, `${first}${closing}`, key);
  let tables: StoredTable[] = [];
  let entries = 0;
  let all = 0;
  for await (const each of tablesIn(text, key, wanted)) {
    tables.push(each);
    // A table without files takes memory as well.
    entries += 1 + each.files.length;
    all += each.files.length;
    if (all > mostFiles) {
      throw tooManyRead(key);
    }
    if (entries >= pageEntries) {
      yield { ...head, tables };
      tables = [];
      entries = 0;
    }
  }
  yield { ...head, tables };
}

async function* tablesIn(text: ManifestText, key: string, wanted: WantedTables): AsyncGenerator<StoredTable> {
  // It is read to the end, where gzip has its checksum.
  for (let number = 0; ; number += 1) {
    const within = ['tables', String(number)];
    if (number > mostTables) {
      throw new IntegrityError(`${key} is damaged: it has more than ${mostTables} tables`);
    }
    const name = await text.take(nameAtStart);
    if (name !== undefined && !wanted(tableOf(name))) {
      await text.skipLine();
      continue;
    }
    const files = name === undefined ? [] : await filesIn(text, key, within);
    const line = await text.line(mostParsed);
    if (line === closing && name === undefined) {
      break;
    }
    if (line === undefined) {
      throw notJson(key);
    }
    const rest = parseAs(storedTable, `${name?.[0] ?? ''}${line.endsWith(',') ? line.slice(0, -1) : line}`, key, within);
    if (wanted(rest)) {
      yield { ...rest, files: [...files, ...rest.files] };
    }
  }
  if ((await text.line(mostParsed)) !== undefined) {
    throw notJson(key);
  }
}

/** The files that come next, each parsed by itself: a table may have 100,000. What looks otherwise stays in the line. */
async function filesIn(text: ManifestText, key: string, within: readonly string[]): Promise<StoredTable['files']> {
  const files: z.infer<typeof storedFile>[] = [];
  for (let next = await text.take(flatObject); next !== undefined; next = await text.take(flatObject)) {
    if (files.length === mostFiles) {
      throw tooManyRead(key);
    }
    files.push(parseAs(storedFile, next[1] ?? '', key, [...within, 'files', String(files.length)]));
  }
  return files;
}

/** What a line begins with, so that a table can be passed over without reading its files. */
const nameAtStart = /\{"keyspace":"([\w.$:!-]{1,512})","table":"([\w.$:!-]{1,512})","id":"([0-9a-f]{32})","files":\[/y;

function tableOf([, keyspace = '', name = '', id = '']: RegExpExecArray): TableId {
  return { keyspace, table: name, id };
}

/** An object that holds no other, and a comma where another one follows. */
const flatObject = /(\{[^{}"]*(?:"(?:[^"\\]|\\.)*"[^{}"]*)*\})(?:,(?=\{)|(?=\]))/y;

async function whole(first: string, text: ManifestText, key: string, wanted: WantedTables): Promise<NodeManifest> {
  const lines = [first];
  let left = mostParsed - first.length;
  for (let line = await text.line(left); line !== undefined; line = await text.line(left)) {
    lines.push(line);
    left -= line.length;
  }
  const manifest = parseAs(nodeManifest, lines.join('\n'), key);
  return { ...manifest, tables: manifest.tables.filter(wanted) };
}

function tooManyRead(key: string): IntegrityError {
  return new IntegrityError(`${key} is damaged: it has more than ${mostFiles} files`);
}

function notJson(key: string): IntegrityError {
  return new IntegrityError(`${key} is not JSON`);
}
