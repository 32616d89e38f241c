import { homedir } from 'node:os';
import type { Arguments } from '../../cli/arguments.ts';
import { readGuardedBytes } from '../../cli/guarded-file.ts';
import { UsageError } from '../../model/errors.ts';
import { type ManifestKey, manifestKey } from '../../storage/backups/seals.ts';
import type { Trust } from '../../storage/backups/signed-objects.ts';

/** What `--manifest-key` and `--require-signed` say. Throws UsageError for a file that is no key, or that others can read. */
export async function trustOf(args: Arguments): Promise<Trust> {
  const files = args.list('manifest-key').map((file) => file.replace(/^~(?=\/)/, homedir()));
  const required = args.flag('require-signed');
  if (required && files.length === 0) {
    throw new UsageError('--require-signed takes a key to check signatures with: --manifest-key FILE');
  }
  return { keys: files.map(keyOf), required };
}

/** Bytes of a file; no key needs so many. */
const mostBytes = 4096;

function keyOf(file: string): ManifestKey {
  const { bytes } = readGuardedBytes(file, { what: '--manifest-key', secret: true });
  if (bytes.byteLength > mostBytes) {
    throw new UsageError(`--manifest-key ${file} is too long for a key`);
  }
  return manifestKey(manifestKeyIn(bytes, file));
}

/** Bytes of a key; fewer could be guessed. */
const leastBytes = 32;

/**
 * The key that a file holds: in hexadecimal or base64, or, where not everything in it is text, its bytes as they are. A pass
 * phrase is none: who has a manifest could guess it. Throws UsageError, which shows nothing of the contents.
 */
export function manifestKeyIn(contents: Uint8Array, file: string): Uint8Array {
  const text = Buffer.from(contents).toString('latin1');
  const bytes = /^[\t\n\r\x20-\x7e]*$/.test(text) ? keyIn(text.trim()) : contents;
  if (bytes === undefined || bytes.byteLength < leastBytes) {
    throw new UsageError(`--manifest-key ${file} holds no key of at least ${leastBytes} bytes in hexadecimal or base64`, {
      hint: '`openssl rand -hex 32` makes one',
    });
  }
  return bytes;
}

function keyIn(text: string): Uint8Array | undefined {
  if (/^([0-9a-f]{2})+$/i.test(text)) {
    return Buffer.from(text, 'hex');
  }
  return /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2,3})?={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}
