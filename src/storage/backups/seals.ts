import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { IntegrityError } from '../../model/errors.ts';
import type { BackupManifest, Signed } from '../../model/backup/manifest.ts';

/** A secret of this host that manifests are signed with; docs/format.md says how. */
export interface ManifestKey {
  /** Tells it from others, and nothing of the key itself. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

export function manifestKey(bytes: Uint8Array): ManifestKey {
  return { id: sha256Of(Buffer.concat([Buffer.from('sstash manifest key\n'), bytes])).slice(0, 8), bytes };
}

/** HMAC-SHA-256 of an object's signed bytes, in hexadecimal. Its name is in it: what lies elsewhere is something else. */
function hmacOf(key: ManifestKey, name: string, signed: Uint8Array): string {
  return createHmac('sha256', key.bytes).update(`sstash manifest 1\n${name}\n`).update(signed).digest('hex');
}

function isHmacOf(hmac: string, key: ManifestKey, name: string, signed: Uint8Array): boolean {
  const [found, right] = [hmac, hmacOf(key, name, signed)].map((hex) => Buffer.from(hex, 'hex'));
  return found !== undefined && right !== undefined && found.byteLength === right.byteLength && timingSafeEqual(found, right);
}

/** In hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Where a signature stands in an object: at its end, in a form of fixed length, and of all bytes before it. So it is exact bytes that
 * are signed, no meaning of them, and object and signature are put at once.
 */
export interface Seal {
  /** The key that it is said to be made with. */
  readonly keyId: string;
  readonly hmac: string;
  /** What is signed. */
  readonly body: Uint8Array;
}

/** A backup's manifest with its signature, which is the last thing in its JSON. */
export function sealManifest(manifest: BackupManifest, objects: Signed['objects'], key: ManifestKey, name: string): Uint8Array {
  const whole = JSON.stringify({ ...manifest, signed: { objects, keyId: key.id, hmac: '' } }, undefined, 2);
  const body = Buffer.from(whole.slice(0, -jsonEnd.length + 1));
  return Buffer.concat([body, Buffer.from(`${hmacOf(key, name, body)}${jsonEnd}`)]);
}

export function sealOfJson(bytes: Uint8Array): Seal | undefined {
  const [, keyId, hmac] = /"keyId": "([0-9a-f]{8})",\n {4}"hmac": "([0-9a-f]{64})"\n {2}\}\n\}\n$/.exec(endOf(bytes, 200)) ?? [];
  return keyId === undefined || hmac === undefined
    ? undefined
    : { keyId, hmac, body: bytes.subarray(0, bytes.byteLength - 64 - jsonEnd.length) };
}

const jsonEnd = '"\n  }\n}\n';

/** A second member of the gzip file, which holds nothing and has the signature as its comment: what unpacks it sees none of it. */
export function sealGzip(body: Uint8Array, key: ManifestKey, name: string): Uint8Array {
  return Buffer.concat([body, memberOf(key.id, hmacOf(key, name, body))]);
}

export function sealOfGzip(bytes: Uint8Array): Seal | undefined {
  const [, keyId, hmac] = /sstash-hmac-sha256 ([0-9a-f]{8}) ([0-9a-f]{64})\0.{10}$/s.exec(endOf(bytes, 200)) ?? [];
  if (keyId === undefined || hmac === undefined) {
    return undefined;
  }
  const member = memberOf(keyId, hmac);
  const start = bytes.byteLength - member.byteLength;
  return start >= 0 && member.equals(bytes.subarray(start)) ? { keyId, hmac, body: bytes.subarray(0, start) } : undefined;
}

/** 113 bytes: flags say that a comment follows; then an empty block, its CRC-32 and its length. */
function memberOf(keyId: string, hmac: string): Buffer {
  const head = Buffer.from([0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 0xff]);
  return Buffer.concat([head, Buffer.from(`sstash-hmac-sha256 ${keyId} ${hmac}\0`), Buffer.from([3, 0]), Buffer.alloc(8)]);
}

function endOf(bytes: Uint8Array, count: number): string {
  return Buffer.from(bytes.subarray(Math.max(0, bytes.byteLength - count))).toString('latin1');
}

/** Throws IntegrityError unless one of the keys has signed what is sealed, under this name. */
export function proveSeal({ keyId, hmac, body }: Seal, name: string, keys: readonly ManifestKey[]): void {
  const key = keys.find(({ id }) => id === keyId);
  if (key === undefined) {
    throw new IntegrityError(`${name} is signed with key ${keyId}, which is not given`, {
      hint: 'give it too: --manifest-key NEW,OLD',
    });
  }
  if (!isHmacOf(hmac, key, name, body)) {
    throw new IntegrityError(`${name} is not what was signed there`, { hint: changedHint });
  }
}

export const changedHint = 'somebody who has not the key has changed it, or moved it here: do not restore it';
