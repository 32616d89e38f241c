import { crc32Combine } from '../../codec/crc32.ts';
import { IntegrityError, RemoteError } from '../../model/errors.ts';
import { crcText } from '../../model/backup/stored-sum.ts';
import type { StoredBytes } from '../../model/backup/upload-plan.ts';
import type { SentPart, SignedParts } from '../../storage/object-store.ts';
import { atMost } from '../fetch.ts';
import { proveDigest, proveRead } from '../proof.ts';
import type { Source } from '../transfer.ts';
import { put } from './deliver.ts';
import type { FileToSend, NodeSum } from './messages.ts';
import type { NodePart } from './node-part.ts';
import { type UnitNews, heard } from './node-unit.ts';
import { type DirectParts, aloneFrom } from './parts.ts';

type Ready = Extract<UnitNews, { readonly kind: 'ready' }>;

/** Files sent by their node: a large one in parts, small ones in one request each. */
export async function uploadUnit(
  parts: DirectParts,
  node: NodePart,
  unit: readonly Source[],
  signal: AbortSignal,
): Promise<readonly StoredBytes[]> {
  const [only, ...rest] = unit;
  return only !== undefined && rest.length === 0 && only.upload.component.bytes >= aloneFrom
    ? [await uploadInParts(parts, node, only, signal)]
    : await uploadMany(parts, node, unit, signal);
}

async function uploadMany(
  parts: DirectParts,
  node: NodePart,
  unit: readonly Source[],
  signal: AbortSignal,
): Promise<readonly StoredBytes[]> {
  const exchange = node.begin({ upload: unit.map(fileToSend), part: null, ...wanted(parts) }, signal);
  const stored: StoredBytes[] = [];
  const send = async (news: UnitNews): Promise<void> => {
    const ready = readyOf(node.host, unit, news);
    const { item, sum } = ready;
    const source = sourceOf(node.host, unit, item);
    proveSource(node.host, source, ready, sum);
    const { key } = source.upload;
    const etag = await put({ parts, node, exchange }, { number: item, key, sign: () => parts.signer.put(key, sum.crc) }, signal);
    stored[item] = { storedBytes: sum.bytes, storedCrc32: crcText(sum.crc), ...sha256Of(parts, node.host, key, sum), etag };
  };
  await heard(exchange, send);
  return unit.map(({ upload: { key } }, item) => stored[item] ?? nothingSent(node.host, key));
}

/**
 * One file, in parts that are signed one at a time, when their bytes are at hand. What fits one part is put in one request.
 * The last one is signed only when the node has said that every program on the way ended well, that it read as many bytes as the
 * listing promised, and that they have Cassandra's digest: so nothing becomes an object before.
 */
async function uploadInParts(parts: DirectParts, node: NodePart, source: Source, signal: AbortSignal): Promise<StoredBytes> {
  const { key, component } = source.upload;
  const partBytes = parts.signer.partBytes(atMost(component.bytes));
  const exchange = node.begin({ upload: [fileToSend(source)], part: partBytes, ...wanted(parts) }, signal);
  const under = { parts, node, exchange };
  const sums: NodeSum[] = [];
  let bytes = 0;
  const sent: SentPart[] = [];
  let inParts: Promise<SignedParts> | undefined;
  let isProved = false;
  let sha256: Pick<StoredBytes, 'storedSha256'> = {};
  const send = async (news: UnitNews): Promise<void> => {
    const ready = readyOf(node.host, [source], news);
    const { item, last, sum } = ready;
    bytes += sum.bytes;
    // What a node says is not taken for true: neither more parts than the file can have, nor any behind the last one.
    if (item !== sums.push(sum) || isProved || bytes > atMost(component.bytes)) {
      throw new RemoteError(`${node.host} has parts of ${key} that it cannot have`, { host: node.host });
    }
    if (last) {
      proveSource(node.host, source, ready, combined(sums));
      sha256 = sha256Of(parts, node.host, key, sum);
      isProved = true;
    }
    if (last && item === 1) {
      const etag = await put(under, { number: item, key, sign: () => parts.signer.put(key, sum.crc) }, signal);
      sent.push({ etag, crc: sum.crc });
      return;
    }
    inParts ??= parts.signer.inParts(key, signal);
    const begun = await inParts;
    const etag = await put(under, { number: item, key, sign: () => begun.sign(item, sum.crc) }, signal);
    sent[item - 1] = { etag, crc: sum.crc };
  };
  let whole = false;
  try {
    await heard(exchange, send);
    if (!isProved) {
      nothingSent(node.host, key);
    }
    const { crc } = combined(sums);
    const { etag } =
      inParts === undefined ? (sent[0] ?? nothingSent(node.host, key)) : await (await inParts).complete(sent, signal);
    whole = true;
    return { storedBytes: bytes, storedCrc32: crcText(crc), ...sha256, etag };
  } finally {
    if (!whole && inParts !== undefined) {
      await inParts.then(
        (begun) => begun.abort(),
        () => undefined,
      );
    }
  }
}

function wanted({ sha256 }: DirectParts): { readonly sha256?: true } {
  return sha256 === true ? { sha256 } : {};
}

/** The SHA-256 that the node made of all that it sends of a file: its word, as with everything that only the node sees. */
function sha256Of({ sha256 }: DirectParts, host: string, key: string, sum: NodeSum): Pick<StoredBytes, 'storedSha256'> {
  return sha256 === true ? { storedSha256: sum.sha256 ?? unsaid(host, key) } : {};
}

function fileToSend({ upload: { component, compression }, path }: Source): FileToSend {
  return { path, below: namesBelow(path, component.path), bytes: component.bytes, lzo: compression === 'lzo' };
}

/** Operators put tables, and indexes of live ones, behind links; below a snapshot or incremental files there are none. */
function namesBelow(path: string, name: string): number {
  const directory = path.endsWith(`/${name}`) ? path.slice(0, -name.length - 1) : '';
  return /\/(?:snapshots\/[^/]+|backups)$/.test(directory) ? name.split('/').length + 1 : 1;
}

/** The news that an item is ready. Throws what a failure means, and RemoteError for what does not belong here. */
function readyOf(host: string, unit: readonly Source[], news: UnitNews): Ready {
  if (news.kind === 'ready') {
    return news;
  }
  if (news.kind !== 'failed') {
    throw new RemoteError(`${host} said what does not belong to an upload: ${news.kind}`, { host });
  }
  const { failure, said, item } = news;
  const [only] = item === undefined ? unit : [unit[item]];
  if (failure === 'size' && only !== undefined) {
    proveRead(only.upload.component.path, Number(said), only.upload.component.bytes);
  }
  const command = failure === 'lzop' ? 'lzop' : '';
  throw new RemoteError(`${host}: ${said}`, { host, command, stderr: said, transient: failure === 'killed' });
}

function sourceOf(host: string, unit: readonly Source[], item: number): Source {
  const source = unit[item];
  if (source === undefined) {
    throw new RemoteError(`${host} has a file too many`, { host });
  }
  return source;
}

/** What is stored as it is has one sum, which the store sees too; of what lzop was given there is only the node's word. */
function proveSource(host: string, { upload }: Source, { plain }: Ready, sent: NodeSum): void {
  const { component, compression } = upload;
  const { bytes, crc } = compression === 'none' ? sent : (plain ?? unsaid(host, upload.key));
  proveRead(component.path, bytes, component.bytes);
  proveDigest(upload, crc);
}

/** The sum of pieces that lie end to end. */
function combined(sums: readonly NodeSum[]): NodeSum {
  let bytes = 0;
  let crc = 0;
  for (const sum of sums) {
    crc = crc32Combine(crc, sum.crc, sum.bytes);
    bytes += sum.bytes;
  }
  return { bytes, crc };
}

function unsaid(host: string, key: string): never {
  throw new RemoteError(`${host} did not say all that it has read for ${key}`, { host });
}

function nothingSent(host: string, key: string): never {
  throw new IntegrityError(`${host} sent nothing of ${key}`);
}
