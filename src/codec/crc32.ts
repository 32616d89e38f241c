import { crc32 as zlibCrc32 } from 'node:zlib';

// The polynomial is bit-reflected, as zlib has it: the coefficient of x^0 is the highest bit.
const polynomial = 0xedb88320;
const one = 0x80000000;

/** CRC-32 (that of zlib, gzip and Cassandra's Digest.crc32), continued from the sum of what came before. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return zlibCrc32(bytes, before);
}

/** 8 hexadecimal digits, as manifests hold a CRC-32. */
export function hexOfCrc32(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/** Product of two polynomials modulo the CRC's. */
function multiply(a: number, b: number): number {
  let product = 0;
  let rest = a >>> 0;
  let shifted = b >>> 0;
  for (let bit = one; rest !== 0; bit >>>= 1) {
    if (rest & bit) {
      product ^= shifted;
      rest = (rest ^ bit) >>> 0;
    }
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return product >>> 0;
}

/** x^(2^n); the list begins again after 32, because x^(2^32) = x modulo this polynomial. */
const squares: readonly number[] = (() => {
  const list = [one >>> 1];
  for (let n = 1; n < 32; n++) {
    const last = list.at(-1) ?? 0;
    list.push(multiply(last, last));
  }
  return list;
})();

/** x^(8 * bytes): what appending so many bytes multiplies a CRC by. `bytes` may go beyond 2^32. */
function shiftOf(bytes: number): number {
  let shift = one;
  for (let rest = bytes, n = 3; rest > 0; rest = Math.floor(rest / 2), n++) {
    if (rest % 2 === 1) {
      shift = multiply(squares[n % 32] ?? 0, shift);
    }
  }
  return shift;
}

let lastBytes = 0;
let lastShift = one;

/**
 * CRC-32 of two pieces laid end to end, from the CRC-32 of each and the second one's length in bytes. Costs about 0.1 µs
 * when the length is the one of the call before (nearly all blocks of a container are alike), and a few µs otherwise.
 */
export function crc32Combine(first: number, second: number, secondBytes: number): number {
  if (secondBytes !== lastBytes) {
    lastBytes = secondBytes;
    lastShift = shiftOf(secondBytes);
  }
  return (multiply(lastShift, first) ^ second) >>> 0;
}
