import { crc32 } from 'node:zlib';
import type { Description } from '../../process/description.ts';
import type { Process } from '../../process/process.ts';
import { Errno } from '../../files/errno.ts';
import { chunkOf } from '../../bytes.ts';
import { complain, each, ProgramExit, shown } from '../failure.ts';
import { options } from '../options.ts';

/** A file's bytes as they come; `-` is standard input. Throws Errno. */
export async function* bytesOfFile(process: Process, name: string): AsyncGenerator<Uint8Array> {
  const fd = 100;
  if (name !== '-') {
    process.setDescriptor(fd, await process.open(name, 'read'));
  }
  try {
    for (
      let chunk = await process.read(name === '-' ? 0 : fd);
      chunk !== undefined;
      chunk = await process.read(name === '-' ? 0 : fd)
    ) {
      yield chunk;
    }
  } finally {
    if (name !== '-' && process.ending === undefined) {
      process.setDescriptor(fd, undefined);
    }
  }
}

/** All of a file. Throws Errno. */
export async function wholeFile(process: Process, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytesOfFile(process, name)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function cat(process: Process): Promise<number> {
  const { operands } = options(process.argv, 'u');
  return each(process, operands.length === 0 ? ['-'] : operands, shown, async (name) => {
    for await (const chunk of bytesOfFile(process, name)) {
      await say(process, chunk);
    }
  });
}

/** What cannot be written ends the program: `cat: write error: No space left on device`. */
export async function say(process: Process, chunk: Uint8Array): Promise<void> {
  try {
    await process.write(chunk);
  } catch (error) {
    if (error instanceof Errno) {
      await complain(process, `write error: ${error.message}`);
      throw new ProgramExit(1);
    }
    throw error;
  }
}

/** `head [-n LINES | -c BYTES] [FILE…]`; of several files no names are shown, as no script has several. */
export async function head(process: Process): Promise<number> {
  const given = options(process.argv, 'n: c: q');
  const bytes = given.value('c');
  const files = given.operands.length === 0 ? ['-'] : given.operands;
  return each(
    process,
    files,
    (name) => `cannot open ${quotedFor(name)} for reading`,
    async (name) => {
      let left = Number(bytes ?? given.value('n') ?? 10);
      for await (const chunk of left > 0 ? bytesOfFile(process, name) : []) {
        const end = bytes === undefined ? endOfLines(chunk, left) : { bytes: Math.min(left, chunk.byteLength), lines: 0 };
        left -= bytes === undefined ? end.lines : end.bytes;
        await say(process, chunk.subarray(0, end.bytes));
        if (left <= 0) {
          break;
        }
      }
    },
  );
}

function quotedFor(name: string): string {
  return name === '-' ? 'standard input' : `'${name}'`;
}

function endOfLines(chunk: Uint8Array, most: number): { readonly bytes: number; readonly lines: number } {
  let lines = 0;
  for (let at = 0; at < chunk.byteLength; at += 1) {
    if (chunk[at] === 0x0a) {
      lines += 1;
      if (lines === most) {
        return { bytes: at + 1, lines };
      }
    }
  }
  return { bytes: chunk.byteLength, lines };
}

export async function tail(process: Process): Promise<number> {
  const given = options(process.argv, 'n: c: q');
  const files = given.operands.length === 0 ? ['-'] : given.operands;
  return each(
    process,
    files,
    (name) => `cannot open ${quotedFor(name)} for reading`,
    async (name) => {
      const whole = Buffer.from(await wholeFile(process, name));
      const bytes = given.value('c');
      if (bytes !== undefined) {
        await say(
          process,
          bytes.startsWith('+') ? whole.subarray(Number(bytes) - 1) : whole.subarray(Math.max(0, whole.length - Number(bytes))),
        );
        return;
      }
      const wanted = given.value('n') ?? '10';
      const lines = whole.toString('latin1').match(/[^\n]*\n|[^\n]+$/g) ?? [];
      const kept = wanted.startsWith('+')
        ? lines.slice(Number(wanted) - 1)
        : Number(wanted) === 0
          ? []
          : lines.slice(-Number(wanted));
      await say(process, chunkOf(kept.join('')));
    },
  );
}

/** Standard input to standard output and to files; to those that can be written to. */
export async function tee(process: Process): Promise<number> {
  const given = options(process.argv, 'a i p');
  let fd = 100;
  const open: { readonly fd: number; readonly name: string }[] = [];
  let status = await each(process, given.operands, shown, async (name) => {
    const description: Description = await process.open(name, given.has('a') ? 'append' : 'write');
    fd += 1;
    process.setDescriptor(fd, description);
    open.push({ fd, name });
  });
  for (let chunk = await process.read(0); chunk !== undefined; chunk = await process.read(0)) {
    const now = chunk;
    await process.write(now, 1);
    const failed = await each(
      process,
      open.map(({ name }) => name),
      shown,
      (name) => {
        const to = open.find((one) => one.name === name);
        return to === undefined ? undefined : process.write(now, to.fd);
      },
    );
    status = Math.max(status, failed);
    if (failed !== 0) {
      open.length = 0;
    }
  }
  return status;
}

/** Whether two files are the same; silent, as no script wants to read more. */
export async function cmp(process: Process): Promise<number> {
  const {
    operands: [one = '-', other = '-'],
  } = options(process.argv, 's');
  const read = async (name: string): Promise<Uint8Array> => wholeFile(process, name);
  let contents: Buffer[];
  try {
    contents = [Buffer.from(await read(one)), Buffer.from(await read(other))];
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    if (!options(process.argv, 's').has('s')) {
      await complain(process, error.message);
    }
    return 2;
  }
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = contents;
  return first.equals(second) ? 0 : 1;
}

/** POSIX's sum of standard input: that of CRC-32, the other way round, with the length behind the bytes. */
export async function cksum(process: Process): Promise<number> {
  options(process.argv, '');
  let sum = 0;
  let bytes = 0;
  for (let chunk = await process.read(0); chunk !== undefined; chunk = await process.read(0)) {
    sum = crcOf(chunk, sum);
    bytes += chunk.byteLength;
  }
  const length: number[] = [];
  for (let left = bytes; left > 0; left = Math.floor(left / 256)) {
    length.push(left % 256);
  }
  sum = crcOf(Uint8Array.from(length), sum);
  await process.print(`${~sum >>> 0} ${bytes}\n`);
  return 0;
}

/** With the highest bit first, from 0 on: bits of bytes and of the sum turned, it is the CRC-32 of zlib without its ones. */
function crcOf(chunk: Uint8Array, sum: number): number {
  const turned = Uint8Array.from(chunk, turnByte);
  return turnWord(~crc32(turned, ~turnWord(sum) >>> 0) >>> 0);
}

function turnByte(byte: number): number {
  let turned = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    turned |= ((byte >> bit) & 1) << (7 - bit);
  }
  return turned;
}

function turnWord(word: number): number {
  return (
    ((turnByte(word & 0xff) << 24) |
      (turnByte((word >>> 8) & 0xff) << 16) |
      (turnByte((word >>> 16) & 0xff) << 8) |
      turnByte((word >>> 24) & 0xff)) >>>
    0
  );
}

export async function wc(process: Process): Promise<number> {
  const given = options(process.argv, 'l c w m');
  const [name = '-'] = given.operands;
  const text = Buffer.from(await wholeFile(process, name)).toString('latin1');
  const counts = [
    ...(given.has('l') ? [text.split('\n').length - 1] : []),
    ...(given.has('w') ? [text.split(/\s+/).filter((word) => word !== '').length] : []),
    ...(given.has('c') || given.has('m') ? [text.length] : []),
  ];
  await process.print(`${counts.join(' ')}${name === '-' ? '' : ` ${name}`}\n`);
  return 0;
}

/** Files and directories to disk: whatever was written is there already in this model. `sync FILE` needs it to be there. */
export async function sync(process: Process): Promise<number> {
  const { operands } = options(process.argv, 'd f');
  return each(
    process,
    operands,
    (name) => `error opening '${name}'`,
    (name) => void process.files.open(name, { read: true }),
  );
}
