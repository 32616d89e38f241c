/**
 * The checksum of an object's bytes: their CRC-32, or, in backups whose nodes had only `cksum` to sum what they sent, what that
 * printed. A file has one of the two; of a signed backup it has a SHA-256 too, as who can write to the store makes the other two fit.
 */
export interface StoredSum {
  /** CRC-32, 8 hexadecimal digits. */
  readonly storedCrc32?: string;
  /** The POSIX `cksum`, a number below 2^32. */
  readonly storedCksum?: number;
  /** 64 hexadecimal digits. */
  readonly storedSha256?: string;
}

/** A text that is equal for equal sums of one kind, the SHA-256 apart; undefined where there is none. */
export function sumText({ storedCrc32, storedCksum }: StoredSum): string | undefined {
  return storedCrc32 !== undefined ? `CRC-32 ${storedCrc32}` : storedCksum !== undefined ? `cksum ${storedCksum}` : undefined;
}

/** The sum without the rest of the file's line. */
export function sumOf({ storedCrc32, storedCksum, storedSha256 }: StoredSum): StoredSum {
  return {
    ...(storedCrc32 === undefined ? {} : { storedCrc32 }),
    ...(storedCksum === undefined ? {} : { storedCksum }),
    ...(storedSha256 === undefined ? {} : { storedSha256 }),
  };
}

/** The file with another object's size, sum and etag; a sum of the other kind does not stay behind. */
export function withObject<F extends StoredSum, S extends StoredSum>(file: F, object: S): Omit<F, keyof StoredSum> & S {
  const { storedCrc32: _, storedCksum: __, storedSha256: ___, ...rest } = file;
  return { ...rest, ...object };
}

/** A CRC-32 as manifests write it: 8 lower-case hexadecimal digits. */
export function crcText(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
