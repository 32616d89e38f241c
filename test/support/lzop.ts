import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Runs the real `lzop` on `input`; rejects with its stderr unless it exits with 0. */
export async function lzop(args: readonly string[], input: Uint8Array): Promise<Buffer> {
  const child = spawn('lzop', [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  // lzop stops reading when it finds damage; its exit status says so better than the broken pipe.
  const fed = pipeline(Readable.from([input]), child.stdin).catch(() => {});
  const [output, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
  await fed;
  const [status] = await closed;
  if (status !== 0) {
    throw new Error(`lzop ${args.join(' ')} exited with ${String(status)}: ${stderr.toString()}`);
  }
  return output;
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The bytes in chunks of one size. */
export async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) {
    yield bytes.subarray(from, from + size);
  }
}

/** A deterministic sequence of integers below 2^32 (xorshift). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Bytes that do not compress. */
export function noise(bytes: number, seed = 1): Buffer {
  const next = randomNumbers(seed);
  const target = Buffer.alloc(bytes + 4);
  for (let at = 0; at < bytes; at += 4) {
    target.writeUInt32LE(next(), at);
  }
  return target.subarray(0, bytes);
}

/** Something like the rows of an sstable: ids and numbers that do not compress between words that do. */
export function rows(bytes: number, seed = 1): Buffer {
  const next = randomNumbers(seed);
  const words = Array.from({ length: 500 }, () => next().toString(36));
  const word = (): string => words[next() % words.length] ?? '';
  const parts: Buffer[] = [];
  for (let length = 0; length < bytes;) {
    const part = Buffer.concat([
      noise(16, next()),
      Buffer.from(`\0\x04name ${word()} ${word()} ${word()}\0\x05email${word()}@example.com`),
    ]);
    parts.push(part);
    length += part.length;
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

/** Stretches of every kind, so that a container has stored and compressed blocks. */
export function mixture(bytes: number, seed = 1): Buffer {
  const parts: Buffer[] = [];
  for (let length = 0, n = 0; length < bytes; length += 300_000, n++) {
    parts.push([rows, noise, (size: number): Buffer => Buffer.alloc(size, n)][n % 3]?.(300_000, seed + n) ?? Buffer.alloc(0));
  }
  return Buffer.concat(parts).subarray(0, bytes);
}
