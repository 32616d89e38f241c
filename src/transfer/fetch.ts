import { crcText } from '../model/backup/stored-sum.ts';
import { type Hash, createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Cksum } from '../codec/cksum.ts';
import type { LzoPool } from '../codec/lzo/pool.ts';
import { lzopDecode } from '../codec/lzop/decode.ts';
import { ContainerFollower } from '../codec/lzop/follow.ts';
import type { StoredFile } from '../model/backup/manifest.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { proveNotMore, proveObject, provePlain, proveSha256 } from './proof.ts';

/**
 * The plain bytes of a stored component. Ends with IntegrityError unless the object had its recorded size and checksum,
 * every block its own, and the whole the component's size and, for a Data.db, Cassandra's digest. A consumer that has
 * not seen the end must not treat what it got as the file. An object that is longer, or holds more, than its manifest says is left as
 * soon as that shows.
 */
export async function* plainBytes(
  store: ObjectStore,
  file: StoredFile,
  pool: LzoPool,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stored = checkedObject(store, file, signal);
  let bytes = 0;
  let crc = 0;
  const options = { pool, name: file.key, mostPlainBytes: file.bytes };
  for await (const chunk of file.compression === 'lzo' ? lzopDecode(stored, options, signal) : stored) {
    bytes += chunk.byteLength;
    proveNotMore(file, 'plain', bytes);
    crc = crc32(chunk, crc);
    yield chunk;
  }
  provePlain(file, bytes, crc);
}

/**
 * The container of a stored component as it lies in the store, checked while it passes: for a receiver that decompresses
 * by itself, and holds what it gets against Cassandra's digest.
 */
export async function* checkStored(store: ObjectStore, file: StoredFile, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const follower = new ContainerFollower({ name: file.key, mostPlainBytes: file.bytes });
  const cksum = file.storedCksum === undefined ? undefined : new Cksum();
  let passed = 0;
  const sha256 = sha256For(file);
  for await (const chunk of store.get(file.key, {}, signal)) {
    passed += chunk.byteLength;
    proveNotMore(file, 'stored', passed);
    follower.push(chunk);
    cksum?.add(chunk);
    sha256?.update(chunk);
    yield chunk;
  }
  const summary = follower.end();
  const { storedBytes } = summary;
  proveObject(
    file,
    storedBytes,
    cksum === undefined ? { storedCrc32: crcText(summary.storedCrc32) } : { storedCksum: cksum.sum },
  );
  proveSha256(file, sha256?.digest('hex'));
  provePlain(file, summary.plainBytes, summary.plainCrc32);
}

async function* checkedObject(store: ObjectStore, file: StoredFile, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const cksum = file.storedCksum === undefined ? undefined : new Cksum();
  const sha256 = sha256For(file);
  let bytes = 0;
  let crc = 0;
  for await (const chunk of store.get(file.key, {}, signal)) {
    sha256?.update(chunk);
    bytes += chunk.byteLength;
    proveNotMore(file, 'stored', bytes);
    if (cksum === undefined) {
      crc = crc32(chunk, crc);
    } else {
      cksum.add(chunk);
    }
    yield chunk;
  }
  proveObject(file, bytes, cksum === undefined ? { storedCrc32: crcText(crc) } : { storedCksum: cksum.sum });
  proveSha256(file, sha256?.digest('hex'));
}

function sha256For({ storedSha256 }: StoredFile): Hash | undefined {
  return storedSha256 === undefined ? undefined : createHash('sha256');
}

/** An upper bound of what an object can grow to: a block that does not shrink is stored, with its header. */
export function atMost(bytes: number): number {
  return bytes + Math.ceil(bytes / 262_144) * 32 + 4096;
}
