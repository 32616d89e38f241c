import { cksumOfTurned } from '../codec/cksum.ts';
import { RemoteError } from '../model/errors.ts';
import { type StoredFile } from '../model/backup/manifest.ts';
import { otherSum, provePlainSize } from './proof.ts';

/** What `cksum` printed; NaN where it printed nothing that is understood. */
export interface NodeSum {
  readonly cksum: number;
  readonly bytes: number;
}

/** Reads `<sum> <bytes>`, with or without a name after it. */
export function sumIn(line: string | undefined): NodeSum {
  const [cksum, bytes] = (line ?? '').trim().split(' ');
  return { cksum: numberOf(cksum), bytes: numberOf(bytes) };
}

/** What a node is to sum with `cksum` while it restores a file, and what must come of it. */
export interface Check {
  readonly of: 'plain' | 'stored';
  readonly way: 'turned' | 'straight';
  readonly sum: number;
  readonly bytes: number;
}

/** Cassandra's digest of the plain bytes where there is one, else the sum of the object. */
export function checkOf(file: StoredFile): Check {
  const { bytes, storedBytes } = file;
  if (file.digest !== undefined) {
    return { of: 'plain', way: 'turned', sum: cksumOfTurned(Number.parseInt(file.digest, 16), bytes), bytes };
  }
  const stored = { of: 'stored', bytes: storedBytes } as const;
  return file.storedCrc32 === undefined
    ? { ...stored, way: 'straight', sum: file.storedCksum ?? Number.NaN }
    : { ...stored, way: 'turned', sum: cksumOfTurned(Number.parseInt(file.storedCrc32, 16), storedBytes) };
}

/** Throws IntegrityError unless the node found the sum, of as many bytes; RemoteError where it has not said what it found. */
export function proveSum(host: string, file: StoredFile, check: Check, { cksum, bytes }: NodeSum): void {
  if (Number.isNaN(cksum) || Number.isNaN(bytes)) {
    throw new RemoteError(`${host} did not say the sum of ${file.key}`, { host });
  }
  provePlainSize({ key: file.key, bytes: check.bytes }, bytes);
  if (cksum !== check.sum) {
    throw otherSum(file, check.of);
  }
}

/** The sizes in what `lzop -l` printed: method, compressed, plain, ratio, name; heads and totals have no method. */
export function plainSizes(lines: readonly string[]): readonly number[] {
  return lines.flatMap((line) => {
    const [, bytes] = /^LZO\S+ +\d+ +(\d+) /.exec(line) ?? [];
    return bytes === undefined ? [] : [Number(bytes)];
  });
}

export function numberOf(text: string | undefined): number {
  return text === undefined || !/^\d+$/.test(text) ? Number.NaN : Number(text);
}
