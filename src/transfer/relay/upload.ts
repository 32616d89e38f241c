import { type Hash, createHash } from 'node:crypto';
import { atMost } from '../fetch.ts';
import { crcText } from '../../model/backup/stored-sum.ts';
import { crc32 } from 'node:zlib';
import type { LzoPool } from '../../codec/lzo/pool.ts';
import { lzopEncode } from '../../codec/lzop/encode.ts';
import { ContainerFollower } from '../../codec/lzop/follow.ts';
import { readPlainScript, readingFrom } from '../../cluster/files/plain-files.ts';
import type { Command, Remote } from '../../cluster/remote.ts';
import { nicely } from '../../cluster/niceness.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { limited } from '../../flow/rate-limit.ts';
import { IntegrityError } from '../../model/errors.ts';
import type { StoredBytes, Upload } from '../../model/backup/upload-plan.ts';
import { proveDigest, proveRead } from '../proof.ts';
import { type RelayParts, objectsAtOnce } from './parts.ts';
import type { Source } from '../transfer.ts';

/** One file as a stream: compressed by the node's lzop where it has one, and proved on its way. */
export async function uploadOne(parts: RelayParts, from: Remote, source: Source, signal: AbortSignal): Promise<StoredBytes> {
  const { upload, path } = source;
  const watch = new Watch(upload, parts.sha256 === true ? createHash('sha256') : undefined);
  const read = (...command: Command) => limited(from.read(readingFrom(path, command), {}, signal), parts.limitOf?.(from), signal);
  const body =
    upload.compression === 'none'
      ? read('cat')
      : parts.hasLzop(from)
        ? read(...nicely(['lzop', '-1', '-c'], parts.niceness ?? 0))
        : lzopEncode(exactly(read('cat'), upload), { name: baseName(path), pool: parts.pool }, signal);
  const object = await parts.store.put(upload.key, watch.follow(body), { atMost: atMost(upload.component.bytes) }, signal);
  return { ...watch.result(), etag: object.etag };
}

/** Small files: read by one command, compressed here, and stored only once it is known that they came whole. */
export async function uploadBatch(
  parts: RelayParts,
  from: Remote,
  unit: readonly Source[],
  signal: AbortSignal,
): Promise<readonly StoredBytes[]> {
  const { bodies, memory } = await bodiesOf(parts.pool, unit, await readBatch(from, unit, parts, signal));
  // A unit that failed may be repeated: sideBySide lets nothing of it go on meanwhile.
  const puts = sideBySide(unit.entries(), objectsAtOnce, async ([index, { upload }]) => {
    const body = bodies[index] ?? new Uint8Array();
    const object = await parts.store.put(upload.key, body, { bytes: body.byteLength }, signal);
    const sha256 = parts.sha256 === true ? { storedSha256: createHash('sha256').update(body).digest('hex') } : {};
    return { storedBytes: body.byteLength, storedCrc32: crcText(crc32(body)), ...sha256, etag: object.etag };
  });
  const stored: StoredBytes[] = [];
  for await (const one of puts) {
    stored.push(one);
  }
  parts.pool.give(memory);
  return stored;
}

interface Bodies {
  readonly bodies: readonly Uint8Array[];
  /** The memory of the pool in which they lie. */
  readonly memory: Uint8Array;
}

/** What is stored of each file of a batch, whose bytes are given away. Throws IntegrityError where a digest is not met. */
async function bodiesOf(pool: LzoPool, unit: readonly Source[], bytes: Uint8Array): Promise<Bodies> {
  let end = 0;
  const placed = unit.map(({ upload, path }) => {
    const from = end;
    end += upload.component.bytes;
    proveDigest(upload, crc32(bytes.subarray(from, end)));
    return { upload, name: baseName(path), modified: upload.component.modified, from, bytes: upload.component.bytes };
  });
  const lzo = placed.filter(({ upload }) => upload.compression === 'lzo');
  if (lzo.length === 0) {
    return { bodies: placed.map(({ from, bytes: size }) => bytes.subarray(from, from + size)), memory: bytes };
  }
  const asTheyAre = placed.map(({ upload, from, bytes: size }) =>
    upload.compression === 'lzo' ? undefined : bytes.slice(from, from + size),
  );
  const containers = await pool.encodeFiles(bytes, lzo);
  const next = containers.values();
  const bodies = asTheyAre.map((body) => body ?? next.next().value ?? new Uint8Array());
  return { bodies, memory: containers[0] ?? new Uint8Array() };
}

/** The bytes of all files of a batch, one after the other; exactly as many as the listing promised. */
async function readBatch(
  from: Remote,
  unit: readonly Source[],
  { pool, limitOf }: RelayParts,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const expected = unit.reduce((sum, { upload }) => sum + upload.component.bytes, 0);
  const bytes = pool.take(expected);
  const limit = limitOf?.(from);
  const names = Buffer.from(unit.map(({ path }) => `${path}\0`).join(''));
  let filled = 0;
  for await (const chunk of limited(
    from.read(['xargs', '-0', 'sh', '-c', readPlainScript, 'sh'], { input: names }, signal),
    limit,
    signal,
  )) {
    if (filled + chunk.byteLength > expected) {
      throw new IntegrityError(`${from.host}: files of ${describe(unit)} grew while they were read`);
    }
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  }
  proveRead(`${from.host}: files of ${describe(unit)}`, filled, expected);
  return bytes;
}

/** Sees an upload's bytes go by and proves, before the store is told that the body has ended, that they are all there. */
class Watch {
  readonly #upload: Upload;
  readonly #follower: ContainerFollower | undefined;
  readonly #sha256: Hash | undefined;
  #bytes = 0;
  #crc = 0;

  constructor(upload: Upload, sha256: Hash | undefined) {
    this.#upload = upload;
    this.#sha256 = sha256;
    this.#follower =
      upload.compression === 'lzo'
        ? new ContainerFollower({ name: upload.key, mostPlainBytes: upload.component.bytes })
        : undefined;
  }

  async *follow(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      if (this.#follower === undefined) {
        this.#bytes += chunk.byteLength;
        this.#crc = crc32(chunk, this.#crc);
      } else {
        this.#follower.push(chunk);
      }
      this.#sha256?.update(chunk);
      yield chunk;
    }
    this.#prove();
  }

  result(): Omit<StoredBytes, 'etag'> {
    const sha256 = this.#sha256 === undefined ? {} : { storedSha256: this.#sha256.digest('hex') };
    return { storedBytes: this.#bytes, storedCrc32: crcText(this.#crc), ...sha256 };
  }

  #prove(): void {
    const { path, bytes } = this.#upload.component;
    const summary = this.#follower?.end();
    const plain = summary?.plainBytes ?? this.#bytes;
    const plainCrc = summary === undefined ? this.#crc : summary.plainCrc32;
    if (summary !== undefined) {
      this.#bytes = summary.storedBytes;
      this.#crc = summary.storedCrc32;
    }
    proveRead(path, plain, bytes);
    if (plainCrc !== undefined) {
      proveDigest(this.#upload, plainCrc);
    }
  }
}

/** Passes the plain bytes on and ends with an error when they are not as many as promised. */
async function* exactly(body: AsyncIterable<Uint8Array>, upload: Upload): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let crc = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > upload.component.bytes) {
      break;
    }
    crc = crc32(chunk, crc);
    yield chunk;
  }
  proveRead(upload.component.path, bytes, upload.component.bytes);
  proveDigest(upload, crc);
}

function describe(unit: readonly Source[]): string {
  const first = unit[0]?.upload.component;
  return first === undefined
    ? 'an empty batch'
    : `a batch of ${unit.length} beginning with ${first.table.keyspace}.${first.table.table} ${first.path}`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
