import { plainSizes } from '../node-sum.ts';
import { otherSum, proveLength, provePlainSize } from '../proof.ts';
import { cksumOfTurned } from '../../codec/cksum.ts';
import { crc32Combine } from '../../codec/crc32.ts';
import { type Remote } from '../../cluster/remote.ts';
import { IntegrityError, NotFoundError } from '../../model/errors.ts';
import { type Answer } from './curl-answer.ts';
import { type DirectParts, mebibyte } from './parts.ts';
import { NodeBatch } from './node-batch.ts';
import { type Target } from '../transfer.ts';
import { type StoredFile } from '../../model/backup/manifest.ts';

const smallNeed = mebibyte;

/** A batch of small objects: one curl fetches them beside where they belong, one lzop unpacks them there. */
export async function downloadBatch(parts: DirectParts, unit: readonly Target[], to: Remote, signal: AbortSignal): Promise<void> {
  const node = new NodeBatch(parts, to, smallNeed, signal);
  try {
    await node.ask('directories', [...new Set(unit.map(({ path }) => path.slice(0, path.lastIndexOf('/')) || '/'))]);
    const answers = await node.send(
      unit.map((target) => ({
        key: target.file.key,
        bytes: target.file.storedBytes,
        sign: () => parts.signer.get(target.file.key),
        files: { output: arrival(target) },
        isDone: (answer) => isFetched(answer, target.file),
      })),
    );
    unit.forEach(({ file }, index) => {
      if (answers[index]?.http === 404) {
        throw new NotFoundError(`${parts.store.url}/${file.key} does not exist`);
      }
      proveLength(file, answers[index]?.bytes ?? -1);
    });
    await proveStored(node, unit);
    const containers = unit.filter(isContainer);
    if (containers.length > 0) {
      await provePlainSizes(node, containers);
      await node.ask('unpack', containers.map(arrival));
    }
    await proveTurned(
      node,
      unit.filter(({ file }) => file.digest !== undefined),
      'plain',
    );
    await node.finish();
  } finally {
    await node.close();
  }
}

/** That there is no such object is an answer too, and so is another length when nothing went wrong on the way. */
function isFetched({ curl, http, bytes }: Answer, { storedBytes }: StoredFile): boolean {
  return http === 404 || (http === 200 && (curl === 0 || bytes === storedBytes));
}

async function proveStored(node: NodeBatch, unit: readonly Target[]): Promise<void> {
  const summed = unit.filter(({ file }) => file.storedCksum !== undefined);
  const sums = summed.length === 0 ? [] : await node.ask('cksum', summed.map(arrival));
  summed.forEach(({ file }, index) => {
    if (!sums[index]?.startsWith(`${file.storedCksum} ${file.storedBytes} `)) {
      throw otherSum(file, 'stored');
    }
  });
  await proveTurned(
    node,
    unit.filter(({ file }) => file.storedCrc32 !== undefined),
    'stored',
  );
}

/** One sum for all of them; only when it is wrong is each asked for alone. */
async function proveTurned(node: NodeBatch, targets: readonly Target[], of: 'plain' | 'stored'): Promise<void> {
  if (targets.length === 0 || (await agree(node, targets, of))) {
    return;
  }
  for (const target of targets) {
    if (targets.length === 1 || !(await agree(node, [target], of))) {
      throw otherSum(target.file, of);
    }
  }
  throw new IntegrityError(`what ${targets.length} files of a batch hold changed while they were read`);
}

async function agree(node: NodeBatch, targets: readonly Target[], of: 'plain' | 'stored'): Promise<boolean> {
  const printed = await node.ask('turned', targets.map(of === 'plain' ? ({ path }) => path : arrival));
  let crc = 0;
  let bytes = 0;
  for (const { file } of targets) {
    const [sum, size] = of === 'plain' ? [file.digest, file.bytes] : [file.storedCrc32, file.storedBytes];
    crc = crc32Combine(crc, Number.parseInt(sum ?? '', 16), size);
    bytes += size;
  }
  return printed[0] === `${cksumOfTurned(crc, bytes)} ${bytes}`;
}

async function provePlainSizes(node: NodeBatch, containers: readonly Target[]): Promise<void> {
  const sizes = plainSizes(await node.ask('list', containers.map(arrival)));
  containers.forEach(({ file }, index) => provePlainSize(file, sizes[index]));
}

function isContainer({ file }: { readonly file: StoredFile }): boolean {
  return file.compression === 'lzo';
}

/** Where the object's bytes lie before they are unpacked. */
function arrival({ file, path }: Target): string {
  return file.compression === 'lzo' ? `${path}.lzo` : path;
}
