import { once } from 'node:events';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import { wholeOf } from '../flow/gather.ts';
import { IntegrityError } from '../model/errors.ts';
import type { NodeManifest, StoredTable } from '../model/backup/manifest.ts';
import type { TableId } from '../model/sstable.ts';
import { sumText } from '../model/backup/stored-sum.ts';
import { backupId, count, hex64, hex8, hostName, kind, moment, node, parseAs, relativePath, table } from './manifest-shapes.ts';

/**
 * A node's manifest as it lies in the store: JSON, gzipped. It is written with a line of its own for each table, and read line
 * by line: of 100,000 files only those that are wanted, or a page of them, are ever held. Any other JSON of the same form is
 * read as a whole.
 */

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
    storedSha256: hex64.exactOptional(),
    etag: z.string(),
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
  cassandra: z.string(),
  snapshot: z.string(),
  takenAt: moment,
  dataDirectories: z.array(z.string()),
  keepsIncrementals: z.boolean().exactOptional(),
  setAside: z.array(z.object({ path: relativePath, bytes: count, modified: z.string() })).exactOptional(),
  tables: z.array(storedTable),
});

const opening = '"tables":[';
const closing = ']}';

export async function encodeNodeManifest(manifest: NodeManifest): Promise<Uint8Array> {
  const gzip = createGzip();
  const zipped = wholeOf(gzip);
  for (const line of linesOf(manifest)) {
    if (!gzip.write(line)) {
      await once(gzip, 'drain');
    }
  }
  gzip.end();
  return zipped;
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

/** Files of a page, unless a single table has more. */
const pageFiles = 5_000;

/**
 * The manifest in pages: each is a manifest that names some of its tables, the last one maybe none. Only tables that are
 * `wanted` are there; the files of the others are not looked at. It is whole only when it has come to its end without an error.
 */
export async function* manifestPages(bytes: Uint8Array, key: string, wanted: WantedTables): AsyncGenerator<NodeManifest, void> {
  const lines = linesIn(bytes, key);
  const { value: first = '' } = await lines.next();
  if (!first.endsWith(opening)) {
    yield await whole(first, lines, key, wanted);
    return;
  }
  const head = parseAs(nodeManifest, `${first}${closing}`, key);
  let tables: StoredTable[] = [];
  let files = 0;
  for await (const each of tablesIn(lines, key, wanted)) {
    tables.push(each);
    files += each.files.length;
    if (files >= pageFiles) {
      yield { ...head, tables };
      tables = [];
      files = 0;
    }
  }
  yield { ...head, tables };
}

/** What the pages make together; undefined of none. */
export async function joinPages(pages: AsyncIterable<NodeManifest>): Promise<NodeManifest | undefined> {
  let head: NodeManifest | undefined;
  const tables: StoredTable[] = [];
  for await (const page of pages) {
    head = page;
    tables.push(...page.tables);
  }
  return head === undefined ? undefined : { ...head, tables };
}

async function* tablesIn(lines: AsyncIterable<string>, key: string, wanted: WantedTables): AsyncGenerator<StoredTable> {
  let number = 0;
  let closed = false;
  // The lines are read to the end, where gzip has its checksum.
  for await (const line of lines) {
    if (closed) {
      throw new IntegrityError(`${key} is not JSON`);
    }
    closed = line === closing;
    const name = nameAtStart(line);
    if (!closed && (name === undefined || wanted(name))) {
      const read = parseAs(storedTable, line.endsWith(',') ? line.slice(0, -1) : line, key, ['tables', String(number)]);
      if (wanted(read)) {
        yield read;
      }
    }
    number += 1;
  }
  if (!closed) {
    throw new IntegrityError(`${key} is not JSON`);
  }
}

/** The table of a line, so that it can be passed over without reading its files. */
function nameAtStart(line: string): TableId | undefined {
  const [, keyspace, name, id] = /^\{"keyspace":"(\w+)","table":"(\w+)","id":"([0-9a-f]{32})"/.exec(line) ?? [];
  return keyspace === undefined || name === undefined || id === undefined ? undefined : { keyspace, table: name, id };
}

async function whole(first: string, rest: AsyncIterable<string>, key: string, wanted: WantedTables): Promise<NodeManifest> {
  const lines = [first];
  for await (const line of rest) {
    lines.push(line);
  }
  const manifest = parseAs(nodeManifest, lines.join('\n'), key);
  return { ...manifest, tables: manifest.tables.filter(wanted) };
}

async function* linesIn(zipped: Uint8Array, key: string): AsyncGenerator<string, undefined> {
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  const decoder = new TextDecoder();
  gunzip.end(zipped);
  const chunks: AsyncIterable<Uint8Array> = gunzip;
  let line: string[] = [];
  try {
    for await (const chunk of chunks) {
      const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
      line.push(first);
      for (const other of others) {
        yield line.join('');
        line = [other];
      }
    }
  } catch (cause) {
    throw new IntegrityError(`${key} is no gzip file`, { cause });
  }
  const last = line.join('');
  if (last !== '') {
    yield last;
  }
}
