import { crc32 } from 'node:zlib';
import type { Rows } from './rows.ts';

/** The components of an sstable by their names. Its rows are in the Data.db, as JSON; `ballast` makes that longer. The last byte is no row's. */
export function sstableFiles(generation: number, rows: Rows, ballast = 0): ReadonlyMap<string, Buffer> {
  const data = Buffer.from(
    `${JSON.stringify([...rows].map(([key, { value, at }]) => [key, value, at]))}\n${'.'.repeat(ballast)}#`,
  );
  const files: [string, Buffer][] = [
    ['Data.db', data],
    ['Digest.crc32', Buffer.from(String(crc32(data)))],
    ['Statistics.db', statistics(0)],
  ];
  const names = [...files.map(([component]) => component), 'TOC.txt'];
  files.push(['TOC.txt', Buffer.from(names.map((name) => `${name}\n`).join(''))]);
  return new Map(files.map(([component, bytes]) => [`nb-${generation}-big-${component}`, bytes]));
}

/** What compaction and repair write anew under the old name, as long as before. */
export function statistics(level: number): Buffer {
  return Buffer.from(`level ${String(level).padStart(6)}\n`);
}

/** The rows in a Data.db. Throws where it is none. */
export function rowsIn(data: Uint8Array): Rows {
  const text = Buffer.from(data).toString();
  const rows: unknown = JSON.parse(text.slice(0, text.indexOf('\n')));
  if (!Array.isArray(rows)) {
    throw new Error('no sstable');
  }
  return new Map(rows.map(([key, value, at]: [string, number | null, number]) => [key, { value, at }]));
}

/** The number and component in a file's name; undefined for a file that is of no sstable. */
export function partsOf(name: string): { readonly generation: number; readonly component: string } | undefined {
  const [, generation, component] = /^nb-(\d+)-big-(.+)$/.exec(name) ?? [];
  return generation === undefined || component === undefined ? undefined : { generation: Number(generation), component };
}
