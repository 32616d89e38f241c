/**
 * The sums that the POSIX program `cksum` prints, the only checksum that every node can make of its bytes at the cost of
 * reading them. Its CRC has the polynomial of zlib's but takes the bits of each byte the other way round, begins with 0, and
 * takes in the length (its bytes, lowest first, as many as it needs) at the end.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/cksum.html
 *
 * So it is zlib's CRC over bytes turned round, which costs little here, and the other way about: a node that turns the
 * bytes round with `tr` has in `cksum` a zlib CRC-32, the one of Cassandra's Digest.crc32.
 */
import { crc32, crc32Combine } from './crc32.ts';

/** Collects the sum of a stream. */
export class Cksum {
  #register = empty;
  #bytes = 0;

  add(chunk: Uint8Array): void {
    this.#register = crc32(turned(chunk), this.#register);
    this.#bytes += chunk.byteLength;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What `cksum` prints for everything added so far. */
  get sum(): number {
    return printed(this.#register, this.#bytes);
  }
}

/** What `tr "$turning" | cksum` prints for bytes that have this CRC-32. */
export function cksumOfTurned(crc: number, bytes: number): number {
  // zlib's CRC begins with all bits set and is turned over at the end: take both away.
  return printed(crc32Combine(empty, (crc ^ empty) >>> 0, bytes) ^ empty, bytes);
}

/** The second argument of `tr '\000-\377' …` that turns the bits of every byte round, in octal. */
export const turning: string = Array.from(
  { length: 256 },
  (_, byte) => `\\${turnedByte(byte).toString(8).padStart(3, '0')}`,
).join('');

/** zlib's `crc32` starts from the complement of what it is given: with this, from 0. */
const empty = 0xffffffff;

function printed(register: number, bytes: number): number {
  const sum = crc32(Buffer.from(lengthBytes(bytes).map(turnedByte)), register >>> 0);
  return turnedWord(sum);
}

function lengthBytes(bytes: number): number[] {
  const list: number[] = [];
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 256)) {
    list.push(rest % 256);
  }
  return list;
}

function turnedByte(byte: number): number {
  return turnedWord(byte) >>> 24;
}

function turnedWord(word: number): number {
  let turnedBits = 0;
  for (let bit = 0; bit < 32; bit += 1) {
    turnedBits |= ((word >>> bit) & 1) << (31 - bit);
  }
  return turnedBits >>> 0;
}

const scratch = Buffer.allocUnsafeSlow(65_536);
const words = new Uint32Array(scratch.buffer, scratch.byteOffset, scratch.byteLength / 4);

/** The chunk with the bits of each byte turned round, four bytes at a time; several times as fast as by a table. */
function turned(chunk: Uint8Array): Uint8Array {
  const copy = chunk.byteLength <= scratch.byteLength ? scratch : Buffer.alloc(Math.ceil(chunk.byteLength / 4) * 4);
  const view = copy === scratch ? words : new Uint32Array(copy.buffer, copy.byteOffset, copy.byteLength / 4);
  copy.set(chunk);
  const count = Math.ceil(chunk.byteLength / 4);
  for (let at = 0; at < count; at += 1) {
    let word = view[at] ?? 0;
    word = ((word >>> 1) & 0x55555555) | ((word & 0x55555555) << 1);
    word = ((word >>> 2) & 0x33333333) | ((word & 0x33333333) << 2);
    view[at] = ((word >>> 4) & 0x0f0f0f0f) | ((word & 0x0f0f0f0f) << 4);
  }
  return copy.subarray(0, chunk.byteLength);
}
