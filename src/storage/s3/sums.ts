import { createHash } from 'node:crypto';
import type { CompletedPart } from '@aws-sdk/client-s3';

/** A CRC-32 as S3 writes it. */
export function checksumText(crc: number): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc);
  return sum.toString('base64');
}

export function etagOfParts(parts: readonly CompletedPart[]): string {
  const hash = createHash('md5');
  for (const part of parts) {
    hash.update(Buffer.from((part.ETag ?? '').replaceAll('"', ''), 'hex'));
  }
  return `${hash.digest('hex')}-${parts.length}`;
}
