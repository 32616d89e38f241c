import { crc32 } from 'node:zlib';
import type { LzoPool } from '../codec/lzo-pool.ts';
import { lzopEncode } from '../codec/lzop-encode.ts';
import { ContainerFollower } from '../codec/lzop-follow.ts';
import type { Command, Remote } from '../cluster/remote.ts';
import { inOrder } from '../flow/in-order.ts';
import type { RateLimit } from '../flow/rate-limit.ts';
import { limited } from '../flow/rate-limit.ts';
import { crcText } from '../model/checksum.ts';
import { IntegrityError, RemoteError } from '../model/errors.ts';
import type { StoredBytes, Upload } from '../model/upload-plan.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { checkStored, plainBytes } from './fetch.ts';
import { nicely } from '../cluster/niceness.ts';
import { damagedOnNode } from './node-damage.ts';
import { atMost } from './object-size.ts';
import { tarOf } from './tar.ts';
import type { Source, Target, Transfer } from './transfer.ts';

export interface RelayParts {
  readonly store: ObjectStore;
  readonly pool: LzoPool;
  /** Whether the node has the `lzop` program; without it the control host compresses and decompresses. */
  readonly hasLzop: (remote: Remote) => boolean;
  /** What all streams of a node share; absent where they may be as fast as they can. */
  readonly limitOf?: (remote: Remote) => RateLimit | undefined;
  /** Of what compresses on the node: see `nicely`. */
  readonly niceness?: number;
}

/**
 * Bytes go through the control host: node → ssh → store, and back.
 *
 * Large files are compressed by `lzop` on the node where it is, and are never held in memory. Small files travel
 * together in one `cat` stream that is cut by the known sizes; one exec per file would give 18–300 files/s instead of
 * thousands. Such a batch is held in memory until the exit status has shown that it is whole, and only then stored.
 */
export function relay(parts: RelayParts): Transfer {
  return {
    upload: (from, unit, signal) => {
      const [only, ...rest] = unit;
      return only !== undefined && rest.length === 0 && only.upload.component.bytes >= streamedFrom
        ? uploadOne(parts, from, only, signal).then((stored) => [stored])
        : uploadBatch(parts, from, unit, signal);
    },
    download: (unit, to, signal) => {
      const [only, ...rest] = unit;
      return only !== undefined && rest.length === 0 && only.file.bytes >= streamedFrom
        ? downloadOne(parts, only, to, signal)
        : downloadBatch(parts, unit, to, signal);
    },
  };
}

/** A single file from this size on is streamed; below it is treated as a batch of one. */
const streamedFrom = 1024 * 1024;

/** Small objects of one batch that are put or fetched side by side: all thousand at once took 60 MB more. */
const objectsAtOnce = 16;

async function uploadOne(parts: RelayParts, from: Remote, source: Source, signal: AbortSignal): Promise<StoredBytes> {
  const { upload, path } = source;
  const watch = new Watch(upload);
  const read = (...command: Command) => limited(from.read(command, { signal }), parts.limitOf?.(from), signal);
  const body =
    upload.compression === 'none'
      ? read('cat', '--', path)
      : parts.hasLzop(from)
        ? read(...nicely(['lzop', '-1', '-c', '--', path], parts.niceness ?? 0))
        : lzopEncode(exactly(read('cat', '--', path), upload), { name: baseName(path), pool: parts.pool, signal });
  const object = await parts.store.put(upload.key, watch.follow(body), { atMost: atMost(upload.component.bytes) }, signal);
  return { ...watch.result(), etag: object.etag };
}

async function uploadBatch(
  parts: RelayParts,
  from: Remote,
  unit: readonly Source[],
  signal: AbortSignal,
): Promise<readonly StoredBytes[]> {
  const bytes = await readBatch(from, unit, parts.limitOf?.(from), signal);
  const sizes = unit.map(({ upload }) => upload.component.bytes);
  const bodies = cut(bytes, sizes);
  unit.forEach(({ upload }, index) => checkDigest(upload, crc32(bodies[index] ?? new Uint8Array())));
  const lzo = unit.flatMap(({ upload, path }, index) =>
    upload.compression === 'lzo' ? [{ index, name: baseName(path), modified: upload.component.modified }] : [],
  );
  // One message to the pool for the whole batch; it copies, so `bodies` stay readable.
  const containers = await parts.pool.encodeFiles(
    lzo.map(({ index, name, modified }) => ({ name, modified, bytes: bodies[index] ?? new Uint8Array() })),
  );
  lzo.forEach(({ index }, position) => (bodies[index] = containers[position] ?? new Uint8Array()));
  // A unit that failed may be repeated: inOrder lets nothing of it go on meanwhile.
  const puts = inOrder(unit.entries(), objectsAtOnce, async ([index, { upload }]) => {
    const body = bodies[index] ?? new Uint8Array();
    const object = await parts.store.put(upload.key, body, { bytes: body.byteLength }, signal);
    return { storedBytes: body.byteLength, storedCrc32: crcText(crc32(body)), etag: object.etag };
  });
  const stored: StoredBytes[] = [];
  for await (const one of puts) stored.push(one);
  return stored;
}

/** The bytes of all files of a batch, one after the other; exactly as many as the listing promised. */
async function readBatch(
  from: Remote,
  unit: readonly Source[],
  limit: RateLimit | undefined,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const expected = unit.reduce((sum, { upload }) => sum + upload.component.bytes, 0);
  const bytes = new Uint8Array(expected);
  const names = Buffer.from(unit.map(({ path }) => `${path}\0`).join(''));
  let filled = 0;
  for await (const chunk of limited(from.read(['xargs', '-0', 'cat', '--'], { input: names, signal }), limit, signal)) {
    if (filled + chunk.byteLength > expected) {
      throw new IntegrityError(`${from.host}: files of ${describe(unit)} grew while they were read`);
    }
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  }
  if (filled !== expected) {
    throw new IntegrityError(`${from.host}: files of ${describe(unit)} gave ${filled} bytes instead of ${expected}`);
  }
  return bytes;
}

/** Sees an upload's bytes go by and proves, before the store is told that the body has ended, that they are all there. */
class Watch {
  readonly #upload: Upload;
  readonly #follower: ContainerFollower | undefined;
  #bytes = 0;
  #crc = 0;

  constructor(upload: Upload) {
    this.#upload = upload;
    this.#follower = upload.compression === 'lzo' ? new ContainerFollower({ name: upload.key }) : undefined;
  }

  async *follow(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      if (this.#follower === undefined) {
        this.#bytes += chunk.byteLength;
        this.#crc = crc32(chunk, this.#crc);
      } else {
        await this.#follower.push(chunk);
      }
      yield chunk;
    }
    await this.#prove();
  }

  result(): { readonly storedBytes: number; readonly storedCrc32: string } {
    return { storedBytes: this.#bytes, storedCrc32: crcText(this.#crc) };
  }

  async #prove(): Promise<void> {
    const { path, bytes } = this.#upload.component;
    const summary = await this.#follower?.end();
    const plain = summary?.plainBytes ?? this.#bytes;
    const plainCrc = summary === undefined ? this.#crc : summary.plainCrc32;
    if (summary !== undefined) {
      this.#bytes = summary.storedBytes;
      this.#crc = summary.storedCrc32;
    }
    if (plain !== bytes) {
      throw new IntegrityError(`${path} gave ${plain} bytes instead of the ${bytes} that the listing promised`);
    }
    if (plainCrc !== undefined) {
      checkDigest(this.#upload, plainCrc);
    }
  }
}

/** A Data.db must have the CRC-32 that Cassandra wrote beside it. */
function checkDigest(upload: Upload, plainCrc: number): void {
  if (upload.digest !== undefined && crcText(plainCrc) !== upload.digest) throw damagedOnNode(upload, crcText(plainCrc));
}

/** Passes the plain bytes on and ends with an error when they are not as many as promised. */
async function* exactly(body: AsyncIterable<Uint8Array>, upload: Upload): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let crc = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (bytes !== upload.component.bytes) {
    throw new IntegrityError(`${upload.component.path} gave ${bytes} bytes instead of ${upload.component.bytes}`);
  }
  checkDigest(upload, crc);
}

async function downloadOne(parts: RelayParts, target: Target, to: Remote, signal: AbortSignal): Promise<void> {
  const { file, path } = target;
  const onNode = file.compression === 'lzo' && parts.hasLzop(to);
  const input = onNode
    ? checkStored(parts.store, file, signal, file.digest === undefined ? undefined : parts.pool)
    : plainBytes(parts.store, file, parts.pool, signal);
  const write = onNode ? 'lzop -d -c >"$1"' : 'cat >"$1"';
  try {
    await to.run(['sh', '-c', `mkdir -p -- "$(dirname -- "$1")" && ${write}`, 'sh', path], {
      input: limited(input, parts.limitOf?.(to), signal),
      signal,
    });
  } catch (error) {
    // The node's lzop may notice damage before this side does, and knows no name for what it reads.
    throw error instanceof RemoteError && !error.transient
      ? new RemoteError(`${file.key}: ${error.message}`, { host: error.host, cause: error })
      : error;
  }
}

async function downloadBatch(parts: RelayParts, unit: readonly Target[], to: Remote, signal: AbortSignal): Promise<void> {
  const entries = inOrder(unit, objectsAtOnce, async ({ file, path }) => ({
    path: path.slice(1),
    body: await whole(plainBytes(parts.store, file, parts.pool, signal)),
  }));
  // -m: the time of the restore. A time out of the header would be the same for every version of a file, and the next
  // backup would take a rewritten Statistics.db for one that it knows.
  const input = limited(tarOf(entries), parts.limitOf?.(to), signal);
  await to.run(['tar', '-x', '-m', '-f', '-', '-C', '/', '--no-same-owner'], { input, signal });
}

/** Only for files below the batch limit. */
async function whole(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let from = 0;
  return sizes.map((size) => bytes.subarray(from, (from += size)));
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
