/**
 * A host knows bytes, no characters: names, words, output. Here they are strings with one character for each byte (latin1), so
 * that shell and programs work on them as those of a real host do; text in ASCII is itself.
 */

/** Text as a host has it. */
export function bytesOf(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1');
}

/** What a host has, as text; what is no UTF-8 comes out damaged. */
export function textOf(bytes: string): string {
  return /^[\0-\x7f]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString();
}

export function chunkOf(bytes: string): Uint8Array {
  return Buffer.from(bytes, 'latin1');
}

export function stringOf(chunk: Uint8Array): string {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
}
