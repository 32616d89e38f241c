import { crc32 } from 'node:zlib';

/** CRC-32 of a single byte's way through the register, with the highest byte of each leading back to it. */
const table = Array.from({ length: 256 }, (_, byte) => {
  let register = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    register = register & 1 ? (register >>> 1) ^ 0xedb88320 : register >>> 1;
  }
  return register >>> 0;
});

/** The bytes with another one at `at`, and the last four such that length and CRC-32 stay what they were. */
export function forged(bytes: Uint8Array, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 0xff;
  const end = changed.byteLength - 4;
  let register = (crc32(bytes) ^ 0xffffffff) >>> 0;
  for (let step = 0; step < 4; step += 1) {
    const byte = table.findIndex((entry) => entry >>> 24 === register >>> 24);
    register = (((register ^ (table[byte] ?? 0)) << 8) | byte) >>> 0;
  }
  changed.writeUInt32LE((register ^ crc32(changed.subarray(0, end)) ^ 0xffffffff) >>> 0, end);
  return changed;
}
