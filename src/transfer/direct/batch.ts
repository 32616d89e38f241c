import { atMost } from '../fetch.ts';
import { type NodeSum, plainSizes, sumIn } from '../node-sum.ts';
import { cksumOfTurned } from '../../codec/cksum.ts';
import { crc32Combine } from '../../codec/crc32.ts';
import { type Remote } from '../../cluster/remote.ts';
import { IntegrityError } from '../../model/errors.ts';
import { total } from '../../model/size.ts';
import { type StoredBytes } from '../../model/backup/upload-plan.ts';
import { isStored } from './curl-answer.ts';
import { type DirectParts } from './parts.ts';
import { NodeBatch } from './node-batch.ts';
import { damagedOnNode, proveRead } from '../proof.ts';
import { type Source } from '../transfer.ts';

/** A source and where what is sent of it lies on the node: itself, or a container in the script's own directory. */
interface Packed {
  readonly source: Source;
  readonly name: string;
}

/** With the sum of what is sent. */
interface Summed extends Packed {
  readonly sum: NodeSum;
}

/**
 * Many small files, sent by their node: one shell, one lzop for all of them (into a directory in the node's memory: a unit
 * is bounded, see `batchLimits`), one curl that keeps its connections. Before anything is sent, each container's size of
 * plain data has been held against the listing, and what lies in those with a digest against the digests.
 */
export async function uploadBatch(
  parts: DirectParts,
  from: Remote,
  unit: readonly Source[],
  signal: AbortSignal,
): Promise<readonly StoredBytes[]> {
  const need = 4 * total(unit.map(({ upload }) => atMost(upload.component.bytes)));
  const node = new NodeBatch(parts, from, need, signal);
  try {
    const packed = await pack(node, unit);
    const printed = await node.ask('cksum', packed.map(nameOf));
    const summed = packed.map((each, index) => ({ ...each, sum: sumIn(printed[index]) }));
    await provePlainSizes(node, summed);
    await proveDigests(node, packed);
    const { signer } = parts;
    const answers = await node.send(
      summed.map(({ source: { upload }, name, sum }) => ({
        key: upload.key,
        bytes: sum.bytes,
        sign: () => signer.put(upload.key),
        files: { upload: name },
        isDone: isStored,
      })),
    );
    await node.finish();
    return summed.map(({ sum }, index) => ({
      storedBytes: sum.bytes,
      storedCksum: sum.cksum,
      etag: answers[index]?.etag ?? '',
    }));
  } finally {
    await node.close();
  }
}

/** Containers get their files' names, so files of one name need directories of their own. */
async function pack(node: NodeBatch, unit: readonly Source[]): Promise<readonly Packed[]> {
  const seen = new Map<string, number>();
  const places = new Map<number, string[]>();
  const packed = unit.map((source): Packed => {
    const { path, upload } = source;
    if (upload.compression === 'none') {
      return { source, name: path };
    }
    const base = path.slice(path.lastIndexOf('/') + 1);
    const place = seen.get(base) ?? 0;
    seen.set(base, place + 1);
    places.set(place, [...(places.get(place) ?? []), path]);
    return { source, name: `${place}/${base}.lzo` };
  });
  for (const [place, paths] of places) {
    await node.ask('pack', paths, String(place));
  }
  return packed;
}

async function provePlainSizes(node: NodeBatch, summed: readonly Summed[]): Promise<void> {
  const containers = summed.filter(isContainer);
  const listed = containers.length === 0 ? [] : plainSizes(await node.ask('list', containers.map(nameOf)));
  const sizes = new Map(containers.map((each, index) => [each, listed[index]]));
  for (const each of summed) {
    const { path, bytes } = each.source.upload.component;
    const found = isContainer(each) ? sizes.get(each) : each.sum.bytes;
    proveRead(path, found, bytes);
  }
}

/** One sum for all files that have a digest; only when it is wrong is each asked for alone. */
async function proveDigests(node: NodeBatch, packed: readonly Packed[]): Promise<void> {
  for (const [verb, files] of [
    ['unpacked', packed.filter(isContainer)],
    ['turned', packed.filter((each) => !isContainer(each))],
  ] as const) {
    const sums = files.filter(({ source }) => source.upload.digest !== undefined);
    if (sums.length === 0 || (await agree(node, verb, sums))) {
      continue;
    }
    for (const one of sums) {
      if (!(await agree(node, verb, [one]))) {
        throw damagedOnNode(one.source.upload);
      }
    }
    throw new IntegrityError(`what ${sums.length} files of a batch hold changed while they were read`);
  }
}

async function agree(node: NodeBatch, verb: string, files: readonly Packed[]): Promise<boolean> {
  const printed = await node.ask(verb, files.map(nameOf));
  const uploads = files.map(({ source }) => source.upload);
  const expected = uploads.reduce(
    (crc, { digest, component }) => crc32Combine(crc, Number.parseInt(digest ?? '', 16), component.bytes),
    0,
  );
  const bytes = total(uploads.map(({ component }) => component.bytes));
  return printed[0] === `${cksumOfTurned(expected, bytes)} ${bytes}`;
}

function isContainer({ source }: Packed): boolean {
  return source.upload.compression === 'lzo';
}

function nameOf({ name }: Packed): string {
  return name;
}
