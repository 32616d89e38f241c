/**
 * The container of the `lzop` program, as lzop 1.04 writes and reads it. All numbers are big-endian.
 *
 *   container = member, then any number of further members (`lzop a b -c` writes one per file)
 *   member    = header, blocks, four zero bytes
 *   header    = magic (9), version (2), library version (2), [version needed to extract (2)], method (1), [level (1)],
 *               flags (4), [filter (4) if flagged], mode (4), mtime low (4), [mtime high (4)], name length (1), name,
 *               checksum of all that since the magic (4); then, if flagged, the extra field: length (4), data, checksum
 *               of both (4). What stands in brackets without a flag came with version 0x0940.
 *   block     = plain length (4), stored length (4), the sums that the flags name (4 each), data. Equal lengths mean that
 *               the data is stored as it is, and then the sums of compressed data are left out.
 *
 * Nothing says how many blocks or bytes follow, so there is no size limit, and a member is whole only if its zero length
 * was seen.
 */
import { BackupError, IntegrityError } from '../../model/errors.ts';
import { adler32 } from '../adler32.ts';
import { crc32 } from '../crc32.ts';

/** The zero length that ends a member. */
export const endOfMember: Uint8Array = new Uint8Array(4);

export const flag = {
  adler32OfPlain: 0x1,
  adler32OfStored: 0x2,
  extraField: 0x40,
  crc32OfPlain: 0x100,
  crc32OfStored: 0x200,
  filter: 0x800,
  crc32OfHeader: 0x1000,
  /** Bits that no version of lzop gave a meaning; it refuses them too. */
  reserved: 0x000fc000,
  unix: 0x03000000,
} as const;

const magic = Uint8Array.of(0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a);

const writtenByVersion = 0x1040;

const libraryVersion = 0x20a0;

/** lzop asks for 1.001 to read CRC-32 sums. */
const neededVersion = 0x1001;

const newestVersion = 0x1040;

const firstVersionWithLevel = 0x0940;

const largestExtraField = 1024 * 1024;

export interface LzopHeader {
  readonly version: number;
  readonly neededVersion: number;
  /** 1 LZO1X-1, 2 LZO1X-1(15), 3 LZO1X-999: all give the same kind of stream. */
  readonly method: number;
  readonly level: number;
  readonly flags: number;
  readonly mode: number;
  /** Seconds since 1970. */
  readonly modifiedSeconds: number;
  readonly name: string;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Header of a member whose blocks carry the CRC-32 of their plain data. The same arguments give the same bytes.
 * @param name Stored without its directory, and left out when longer than the 255 bytes that fit.
 * @param modified ISO 8601, of which whole seconds since 1970 are kept; 1970 itself when left out.
 */
export function encodeHeader(name: string, modified: string = '1970-01-01T00:00:00Z'): Uint8Array {
  const modifiedSeconds = Math.max(0, Math.floor(Date.parse(modified) / 1000));
  if (Number.isNaN(modifiedSeconds)) {
    throw new BackupError(`${name}: "${modified}" is not a time`);
  }
  const base = new TextEncoder().encode(name.slice(name.lastIndexOf('/') + 1));
  const stored = base.length > 255 ? new Uint8Array() : base;
  const bytes = new Uint8Array(magic.length + 25 + stored.length + 4);
  const view = viewOf(bytes);
  bytes.set(magic);
  view.setUint16(9, writtenByVersion);
  view.setUint16(11, libraryVersion);
  view.setUint16(13, neededVersion);
  view.setUint8(15, 1);
  view.setUint8(16, 5);
  view.setUint32(17, flag.unix | flag.crc32OfPlain);
  view.setUint32(21, 0o100644);
  view.setUint32(25, modifiedSeconds % 2 ** 32);
  view.setUint32(29, Math.floor(modifiedSeconds / 2 ** 32));
  view.setUint8(33, stored.length);
  bytes.set(stored, 34);
  view.setUint32(34 + stored.length, adler32(bytes.subarray(magic.length, 34 + stored.length)));
  return bytes;
}

interface HeaderLayout {
  readonly flags: number;
  readonly mode: number;
  readonly nameLength: number;
}

/** Offsets that depend on version and flags; undefined while the bytes that decide are not all there. */
function layoutOf(view: DataView): HeaderLayout | undefined {
  const flags = view.getUint16(9) >= firstVersionWithLevel ? 17 : 14;
  if (view.byteLength < flags + 4) {
    return undefined;
  }
  const mode = flags + (view.getUint32(flags) & flag.filter ? 8 : 4);
  return { flags, mode, nameLength: mode + (flags === 17 ? 12 : 8) };
}

/**
 * How long the header is that begins with these bytes, as far as they tell: with less than that there is more to fetch,
 * with exactly that it is whole. Throws IntegrityError when they cannot begin a header.
 */
export function headerLength(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  if (bytes.length < 11) {
    return 11;
  }
  if (!magic.every((byte, at) => bytes[at] === byte)) {
    throw new IntegrityError('not an lzop container: wrong magic bytes');
  }
  const layout = layoutOf(view);
  if (layout === undefined) {
    return view.getUint16(9) >= firstVersionWithLevel ? 21 : 18;
  }
  if (bytes.length <= layout.nameLength) {
    return layout.nameLength + 1;
  }
  const checksumEnd = layout.nameLength + 1 + view.getUint8(layout.nameLength) + 4;
  if (bytes.length < checksumEnd || !(view.getUint32(layout.flags) & flag.extraField)) {
    return checksumEnd;
  }
  checkSum(bytes, magic.length, checksumEnd - 4, 'header');
  if (bytes.length < checksumEnd + 4) {
    return checksumEnd + 4;
  }
  const extra = view.getUint32(checksumEnd);
  if (extra > largestExtraField) {
    throw new IntegrityError(`extra field of ${extra} bytes in an lzop header`);
  }
  return checksumEnd + 4 + extra + 4;
}

function checkSum(bytes: Uint8Array, from: number, to: number, what: string): void {
  const view = viewOf(bytes);
  const flags = view.getUint32(layoutOf(view)?.flags ?? 0);
  const covered = bytes.subarray(from, to);
  if (view.getUint32(to) !== (flags & flag.crc32OfHeader ? crc32(covered) : adler32(covered))) {
    throw new IntegrityError(`${what} checksum of an lzop container differs`);
  }
}

/** Reads a whole header (see headerLength). Throws IntegrityError when it is damaged or asks for what is not supported. */
export function parseHeader(bytes: Uint8Array): LzopHeader {
  const view = viewOf(bytes);
  const layout = layoutOf(view);
  if (layout === undefined) {
    throw new IntegrityError('lzop header ends early');
  }
  const withLevel = layout.flags === 17;
  const nameEnd = layout.nameLength + 1 + view.getUint8(layout.nameLength);
  checkSum(bytes, magic.length, nameEnd, 'header');
  if (bytes.length > nameEnd + 4) {
    checkSum(bytes, nameEnd + 4, bytes.length - 4, 'extra field');
  }
  const header: LzopHeader = {
    version: view.getUint16(9),
    neededVersion: withLevel ? view.getUint16(13) : 0,
    method: view.getUint8(withLevel ? 15 : 13),
    level: withLevel ? view.getUint8(16) : 0,
    flags: view.getUint32(layout.flags),
    mode: view.getUint32(layout.mode),
    modifiedSeconds: view.getUint32(layout.mode + 4) + (withLevel ? view.getUint32(layout.mode + 8) * 2 ** 32 : 0),
    name: new TextDecoder().decode(bytes.subarray(layout.nameLength + 1, nameEnd)),
  };
  refuseUnsupported(header, header.flags & flag.filter ? view.getUint32(layout.flags + 4) : 0);
  return header;
}

function refuseUnsupported(header: LzopHeader, filter: number): void {
  if (header.neededVersion > newestVersion) {
    throw new IntegrityError(`lzop container needs version 0x${header.neededVersion.toString(16)} to extract`);
  }
  if (header.method < 1 || header.method > 3) {
    throw new IntegrityError(`unknown method ${header.method} in an lzop header`);
  }
  if (header.flags & flag.reserved) {
    throw new IntegrityError(`unknown flags 0x${header.flags.toString(16)} in an lzop header`);
  }
  if (filter !== 0) {
    throw new IntegrityError(`lzop container was written with filter ${filter}, which is not supported`, {
      hint: 'extract it with the lzop program',
    });
  }
}
