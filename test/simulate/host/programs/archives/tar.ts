import { stringOf } from '../../bytes.ts';
import { Errno } from '../../files/errno.ts';
import type { Process } from '../../process/process.ts';
import { complain } from '../failure.ts';
import { options } from '../options.ts';

const blockBytes = 512;

interface Header {
  readonly name: string;
  readonly bytes: number;
  readonly type: string;
  readonly mode: number;
}

/** `tar -x -m -f - --no-same-owner`: unpacks standard input where it is. */
export async function tar(process: Process): Promise<number> {
  const given = options(process.argv, 'x m f: --no-same-owner');
  if (!given.has('x') || given.value('f') !== '-') {
    throw new Error(`the model of tar only unpacks standard input: ${process.argv.join(' ')}`);
  }
  const input = new Reader(process);
  let status = 0;
  let longName: string | undefined;
  for (let entries = 0; ; entries += 1) {
    const block = await input.take(blockBytes);
    const isEnd = block.byteLength < blockBytes || block.every((byte) => byte === 0);
    if (isEnd && (entries > 0 || block.byteLength === blockBytes)) {
      // An archive that is cut off between two entries is taken for whole.
      await input.rest();
      return status;
    }
    const header = isEnd ? undefined : headerOf(block);
    if (header === undefined) {
      await complain(process, 'This does not look like a tar archive');
      await complain(process, 'Exiting with failure status due to previous errors');
      return 2;
    }
    const padded = Math.ceil(header.bytes / blockBytes) * blockBytes;
    const body = await input.take(padded);
    if (header.type === 'L') {
      longName = stringOf(body.subarray(0, header.bytes)).replace(/\0.*$/s, '');
      continue;
    }
    const isWhole = body.byteLength === padded;
    const name = longName ?? header.name;
    longName = undefined;
    try {
      const whole = isWhole ? header.bytes : Math.floor(body.byteLength / blockBytes) * blockBytes;
      await unpack(process, { ...header, name }, body.subarray(0, whole));
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      await complain(process, `${name}: ${error.code === 'ENOSPC' ? 'Cannot write' : 'Cannot open'}: ${error.message}`);
      status = 2;
    }
    if (!isWhole) {
      await complain(process, 'Unexpected EOF in archive');
      await complain(process, 'Unexpected EOF in archive');
      await complain(process, 'Error is not recoverable: exiting now');
      return 2;
    }
  }
}

/** Undefined where its sum is not right. */
function headerOf(block: Uint8Array): Header | undefined {
  const text = (from: number, bytes: number): string => stringOf(block.subarray(from, from + bytes)).replace(/[\0 ].*$/s, '');
  const number = (from: number, bytes: number): number => Number.parseInt(text(from, bytes) || '0', 8);
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  const name = stringOf(block.subarray(0, 100)).replace(/\0.*$/s, '');
  return sum === Number.parseInt(stringOf(block.subarray(148, 156)), 8)
    ? { name, bytes: number(124, 12), type: text(156, 1), mode: number(100, 8) }
    : undefined;
}

async function unpack(process: Process, { name, type, mode }: Header, body: Uint8Array): Promise<void> {
  if (type !== '0' && type !== '') {
    throw new Error(`the model of tar does not know entries of type ${type}`);
  }
  const { files } = process;
  const path = name.replace(/^\/+/, '');
  await process.change(path);
  const steps = path.split('/');
  for (let end = 1; end < steps.length; end += 1) {
    const directory = steps.slice(0, end).join('/');
    if (files.look(directory) === undefined) {
      files.mkdir(directory);
    }
  }
  // Whatever has the name goes: nothing is written through a link.
  if (files.look(path, false) !== undefined) {
    files.unlink(path);
  }
  const bits = process.who.uid === 0 ? mode : mode & ~process.umask;
  const inode = files.open(path, { write: true, create: true, exclusive: true, mode: 0o600 });
  for (let at = 0; at < body.byteLength; at += 10_240) {
    await process.host.step({ kind: 'chunk', process, way: 'out', bytes: Math.min(10_240, body.byteLength - at) });
    process.alive();
    files.writeAt(inode, at, body.subarray(at, at + 10_240));
  }
  files.chmod(inode, bits);
}

/** Standard input by pieces of known lengths. */
class Reader {
  readonly #process: Process;
  #held: Uint8Array = new Uint8Array();

  constructor(process: Process) {
    this.#process = process;
  }

  /** So many bytes, or fewer at the end. */
  async take(bytes: number): Promise<Uint8Array> {
    const chunks = [this.#held];
    let length = this.#held.byteLength;
    while (length < bytes) {
      const chunk = await this.#process.read(0);
      if (chunk === undefined) {
        break;
      }
      chunks.push(chunk);
      length += chunk.byteLength;
    }
    const all = chunks.length === 1 ? this.#held : Buffer.concat(chunks);
    this.#held = all.subarray(bytes);
    return all.subarray(0, bytes);
  }

  async rest(): Promise<void> {
    for (let chunk = await this.#process.read(0); chunk !== undefined; chunk = await this.#process.read(0)) {
      // Read, so that who writes it ends well.
    }
  }
}
