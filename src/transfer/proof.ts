import { IntegrityError, RemoteError } from '../model/errors.ts';
import type { StoredFile } from '../model/backup/manifest.ts';
import { type StoredSum, crcText, sumText } from '../model/backup/stored-sum.ts';
import type { Upload } from '../model/backup/upload-plan.ts';

/**
 * Sizes and sums as they were found while bytes passed, held against what the listing or the manifest says. Every `prove…`
 * throws IntegrityError where the two differ; `found` is undefined where a node did not tell.
 */

/** As many plain bytes were read of a file, or of a batch of them, as its listing promised. */
export function proveRead(what: string, found: number | undefined, promised: number): void {
  if (found !== promised) {
    throw new IntegrityError(`${what} gave ${found ?? 'no'} bytes instead of the ${promised} that the listing promised`);
  }
}

/** A Data.db that is read from a node has the CRC-32 that Cassandra wrote beside it. */
export function proveDigest(upload: Upload, crc: number): void {
  if (upload.digest !== undefined && crcText(crc) !== upload.digest) {
    throw damagedOnNode(upload, crcText(crc));
  }
}

/** A Data.db that has not the CRC-32 that Cassandra wrote beside it; `found` where it is known. */
export function damagedOnNode({ component, digest }: Upload, found?: string): IntegrityError {
  const { table, path } = component;
  const sum = found === undefined ? 'its CRC-32 is not what' : `CRC-32 ${found},`;
  return new IntegrityError(
    `${table.keyspace}.${table.table} ${path} is damaged on the node: ${sum} its Digest.crc32 says ${digest}`,
    {
      hint: 'nodetool verify (or sstableverify) names the damage, nodetool scrub or repair mends it',
    },
  );
}

/** The object is as long as its manifest says. */
export function proveLength(file: StoredFile, found: number): void {
  if (found !== file.storedBytes) {
    throw new IntegrityError(`${file.key} has ${found} bytes, its manifest says ${file.storedBytes}`, { check: 'size' });
  }
}

/** So far there are not more bytes of an object, or in it, than its manifest says: what is too long is not read to its end. */
export function proveNotMore(file: StoredFile, of: 'plain' | 'stored', soFar: number): void {
  if (of === 'stored' && soFar > file.storedBytes) {
    throw new IntegrityError(`${file.key} has more than the ${file.storedBytes} bytes that its manifest says`, { check: 'size' });
  }
  if (of === 'plain' && soFar > file.bytes) {
    throw new IntegrityError(`${file.key} holds more than the ${file.bytes} bytes of data that its manifest says`, {
      check: 'plain-size',
    });
  }
}

/** The object has the length and the sum that its manifest says. */
export function proveObject(file: StoredFile, bytes: number, sum: StoredSum): void {
  proveLength(file, bytes);
  if (sumText(sum) !== sumText(file)) {
    throw otherSum(file, 'stored', sumText(sum));
  }
}

/** The object has the SHA-256 that its manifest says, where that says one; `found` is undefined where nobody made it. */
export function proveSha256({ key, storedSha256 }: StoredFile, found: string | undefined): void {
  if (storedSha256 !== undefined && found !== storedSha256) {
    const said = found === undefined ? 'a SHA-256 that nobody told' : `SHA-256 ${found}`;
    throw new IntegrityError(`${key} has ${said}, its manifest says ${storedSha256}`, { check: 'checksum' });
  }
}

/** The object holds as many plain bytes as its manifest says, and where both sums are known, those that Cassandra wrote. */
export function provePlain(file: StoredFile, bytes: number, crc: number | undefined): void {
  if (bytes !== file.bytes) {
    throw new IntegrityError(`${file.key} holds ${bytes} bytes of data, its manifest says ${file.bytes}`, {
      check: 'plain-size',
    });
  }
  if (crc !== undefined && file.digest !== undefined && crcText(crc) !== file.digest) {
    throw otherSum(file, 'plain', crcText(crc));
  }
}

/** The node's lzop failed on an object that was found whole. */
export function cannotUnpack(host: string, key: string, said: string): RemoteError {
  return new RemoteError(`${host} cannot unpack ${key}, which is whole: ${said}`, { host, command: 'lzop', stderr: said });
}

/** The object holds something else than was stored, or than Cassandra wrote; `found` where its sum is known. */
export function otherSum(file: StoredFile, of: 'plain' | 'stored', found?: string): IntegrityError {
  if (of === 'stored') {
    const said = found === undefined ? 'not the checksum that its manifest says' : `${found}, its manifest says ${sumText(file)}`;
    return new IntegrityError(`${file.key} has ${said}`, { check: 'checksum' });
  }
  const said =
    found === undefined
      ? `whose CRC-32 is not the ${file.digest} of Cassandra's digest`
      : `with CRC-32 ${found}, Cassandra's digest says ${file.digest}`;
  return new IntegrityError(`${file.key} holds data ${said}`, { check: 'digest' });
}

/** What to do where a node cannot write what it fetches, by what its programs say. */
export function hintOfDisk(said: string): string | undefined {
  return /No space left on device|Disk quota exceeded/i.test(said)
    ? 'make room on that disk, or name a directory on another one with --to; a second run fetches only what is lacking'
    : undefined;
}
