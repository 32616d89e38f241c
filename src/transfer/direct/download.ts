import { cksumOfTurned } from '../../codec/cksum.ts';
import { IntegrityError, NotFoundError, RemoteError } from '../../model/errors.ts';
import { crcText } from '../../model/backup/stored-sum.ts';
import type { StoredFile } from '../../model/backup/manifest.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { checkStored } from '../fetch.ts';
import { cannotUnpack, hintOfDisk, proveObject, provePlain, proveSha256 } from '../proof.ts';
import type { Landing, Target } from '../transfer.ts';
import { isAbsent, isFetched } from './answer.ts';
import { type UnderWay, deliver } from './deliver.ts';
import type { NodeSum, ObjectToFetch } from './messages.ts';
import type { NodePart } from './node-part.ts';
import { type UnitNews, heard } from './node-unit.ts';
import { type DirectParts, aloneFrom } from './parts.ts';

export interface Downloading {
  readonly parts: DirectParts;
  readonly node: NodePart;
  readonly landing: Landing;
}

/**
 * Objects fetched and unpacked by the node that needs them: a large one as a stream, small ones together. Proved of each are
 * length and checksum of the object, the container's own sums (by lzop), size of the plain bytes, and Cassandra's digest. Only
 * when all of that is right does the node give the files their own names.
 */
export async function downloadUnit(work: Downloading, unit: readonly Target[], signal: AbortSignal): Promise<void> {
  const { parts, node, landing } = work;
  const [only, ...rest] = unit;
  const alone = only !== undefined && rest.length === 0 && only.file.bytes >= aloneFrom;
  const exchange = node.begin({ download: unit.map(objectToFetch), alone, landing }, signal);
  const fetched = new Set<number>();
  const written = new Set<number>();
  const isWhole = (): boolean => fetched.size === unit.length && written.size === unit.length;
  await heard(exchange, async (news) => {
    switch (news.kind) {
      case 'begun':
        await Promise.all(
          unit.map(async ({ file }, number) => {
            await fetchObject({ parts, node, exchange }, number, file, signal);
            fetched.add(number);
          }),
        );
        break;
      case 'written':
        await proveWritten(work, fileOf(node.host, unit, news.item), news.plain, signal);
        written.add(news.item);
        break;
      case 'failed':
        throw await failureOf(work, unit, news, signal);
      case 'ready':
        throw new RemoteError(`${node.host} said what does not belong to a download`, { host: node.host });
    }
    if (isWhole()) {
      exchange.place();
    }
  });
  unit.forEach(({ file }, item) => {
    if (!fetched.has(item) || !written.has(item)) {
      throw new IntegrityError(`${node.host} did not say what became of ${file.key}`);
    }
  });
}

async function fetchObject(under: UnderWay, number: number, file: StoredFile, signal: AbortSignal): Promise<void> {
  const { store, signer } = under.parts;
  const item = { number, key: file.key, sign: () => signer.get(file.key), isDone: isFetched };
  const { answer, sum = nothing } = await deliver(under, item, signal);
  if (isAbsent(answer)) {
    throw new NotFoundError(`${store.url}/${file.key} does not exist`);
  }
  const { bytes, crc, sha256 } = sum;
  proveObject(file, bytes, isTurned(file) ? { storedCksum: cksumOfTurned(crc, bytes) } : { storedCrc32: crcText(crc) });
  proveSha256(file, sha256);
}

const nothing: NodeSum = { bytes: 0, crc: 0 };

function objectToFetch({ file, path }: Target): ObjectToFetch {
  const { storedBytes: bytes, bytes: plain, compression, storedSha256 } = file;
  const object = { path, bytes, plain, lzo: compression === 'lzo', turned: isTurned(file) };
  return storedSha256 === undefined ? object : { ...object, sha256: true };
}

/** Older manifests hold the POSIX `cksum` of what nodes sent, which is made of bytes with their bits turned round. */
function isTurned({ storedCksum }: StoredFile): boolean {
  return storedCksum !== undefined;
}

async function proveWritten(
  { parts, node }: Downloading,
  file: StoredFile,
  { bytes, crc }: NodeSum,
  signal: AbortSignal,
): Promise<void> {
  if (bytes !== file.bytes && file.compression === 'lzo') {
    await proveWhole(parts.store, file, signal);
    throw cannotUnpack(node.host, file.key, `lzop gave ${bytes} bytes instead of ${file.bytes}`);
  }
  provePlain(file, bytes, crc);
}

/** Whether the object or the node's lzop is broken can only be known by reading the object here. Throws IntegrityError. */
async function proveWhole(store: ObjectStore, file: StoredFile, signal: AbortSignal): Promise<void> {
  const passing = checkStored(store, file, signal);
  while ((await passing.next()).done !== true) {
    // Its sums are what counts.
  }
}

function fileOf(host: string, unit: readonly Target[], item: number): StoredFile {
  const target = unit[item];
  if (target === undefined) {
    throw new RemoteError(`${host} has an object too many`, { host });
  }
  return target.file;
}

async function failureOf(
  { parts, node: { host } }: Downloading,
  unit: readonly Target[],
  news: Extract<UnitNews, { readonly kind: 'failed' }>,
  signal: AbortSignal,
): Promise<Error> {
  const { failure, said, item } = news;
  const files = item === undefined ? unit.map((target) => target.file) : [fileOf(host, unit, item)];
  const [file, ...rest] = files;
  const key = file === undefined ? 'a batch' : rest.length === 0 ? file.key : `a batch beginning with ${file.key}`;
  switch (failure) {
    case 'write':
      return new RemoteError(`${host} cannot write ${key}: ${said}`, { host, stderr: said, hint: hintOfDisk(said) });
    case 'lzop':
    case 'plain': {
      for (const each of files) {
        await proveWhole(parts.store, each, signal);
      }
      return cannotUnpack(host, key, failure === 'plain' ? `lzop gave ${said} bytes instead of ${file?.bytes ?? 0}` : said);
    }
    default:
      return new RemoteError(`${host}: ${key}: ${said}`, { host, stderr: said, transient: failure === 'killed' });
  }
}
