import { gunzipSync, gzipSync } from 'node:zlib';
import { awkwardNumbers, awkwardTexts, repeatedTexts } from './awkward.ts';

/** Numbers that look like chance and are the same for the same seed, in every version of Node (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) {
      throw new RangeError('nothing to choose from');
    }
    return item;
  }
}

type Change = (chance: Chance, bytes: Buffer, corpus: readonly Buffer[]) => Buffer;

/** No input becomes longer by mutation; what a megabyte does is tried by `stretched`. */
const mostBytes = 256 * 1024;

/** One of the corpus, changed in a few places as an attacker, a failing disk or a newer version might. */
export function mutated(chance: Chance, corpus: readonly Buffer[]): Buffer {
  let bytes = chance.of(corpus);
  for (let left = 1 + chance.below(4); left > 0; left -= 1) {
    bytes = chance.of(changes)(chance, bytes, corpus).subarray(0, mostBytes);
  }
  return bytes;
}

/** The same within what is gzipped, and now and then in the gzip file itself. */
export function mutatedWithin(chance: Chance, corpus: readonly Buffer[]): Buffer {
  return chance.below(8) === 0 ? mutated(chance, corpus) : gzipSync(mutated(chance, corpus.map(unzipped)), { level: 1 });
}

function unzipped(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch {
    return bytes;
  }
}

/** A file up to some place, then one short text again and again up to a size, and maybe the rest of the file. */
export function stretched(chance: Chance, corpus: readonly Buffer[], size: number): Buffer {
  const file = chance.of(corpus);
  const at = boundary(chance, file);
  const from = Math.max(0, at - 1 - chance.below(6));
  const unit = chance.below(3) === 0 ? Buffer.from(chance.of(repeatedTexts)) : file.subarray(from, at);
  const rest = chance.below(2) === 0 ? file.subarray(at) : Buffer.from(chance.of(['', 'x', '\n', '\u2028', ' x', '\0']));
  return Buffer.concat([file.subarray(0, at), repeated(unit, size), rest]);
}

export function repeated(unit: Uint8Array, size: number): Buffer {
  return Buffer.alloc(size, unit.length === 0 ? Buffer.from(' ') : Buffer.from(unit));
}

const changes: readonly Change[] = [
  // A bit, a byte, some bytes.
  (chance, bytes) => edited(bytes, chance.below(bytes.length), (at) => (at ?? 0) ^ (1 << chance.below(8))),
  (chance, bytes) => edited(bytes, chance.below(bytes.length), () => chance.below(256)),
  (chance, bytes) =>
    spliced(bytes, chance.below(bytes.length + 1), 0, Buffer.from([0x80 + chance.below(0x80), chance.below(256)])),
  // A length or a sum in a binary format.
  (chance, bytes) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(
      chance.of([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 64 << 20, (64 << 20) + 1, 1 << 18, chance.below(2 ** 32)]),
    );
    return spliced(bytes, chance.below(bytes.length + 1), 4, number);
  },
  // An end that comes early, a part that is gone, twice, elsewhere, or of another file.
  (chance, bytes) => bytes.subarray(0, chance.below(bytes.length + 1)),
  (chance, bytes) => spliced(bytes, boundary(chance, bytes), lengthOf(chance), Buffer.alloc(0)),
  (chance, bytes) => {
    const at = boundary(chance, bytes);
    return spliced(bytes, at, 0, bytes.subarray(at, at + lengthOf(chance)));
  },
  (chance, bytes) => {
    const [from, to] = [boundary(chance, bytes), boundary(chance, bytes)];
    return spliced(bytes, to, 0, bytes.subarray(from, from + lengthOf(chance)));
  },
  (chance, bytes, corpus) => Buffer.concat([bytes.subarray(0, boundary(chance, bytes)), tailOf(chance, chance.of(corpus))]),
  (chance, bytes, corpus) => {
    const other = chance.of(corpus);
    const from = boundary(chance, other);
    return spliced(bytes, boundary(chance, bytes), lengthOf(chance), other.subarray(from, from + lengthOf(chance)));
  },
  // Lines.
  (chance, bytes) => {
    const lines = bytes.toString('latin1').split('\n');
    const [at, to] = [chance.below(lines.length), chance.below(lines.length)];
    const [line = ''] = lines.splice(at, 1);
    lines.splice(to, 0, ...chance.of([[], [line], [line, line], [line.trim()], [` ${line}`]]));
    return Buffer.from(lines.join('\n'), 'latin1');
  },
  // A number or a word in a text.
  (chance, bytes) => replacedWord(chance, bytes, /-?\d+(?:\.\d+)?/g, awkwardNumbers),
  (chance, bytes) => replacedWord(chance, bytes, /\w+/g, awkwardTexts),
  (chance, bytes) => replacedWord(chance, bytes, /[^\w\s]/g, awkwardTexts),
  (chance, bytes) => spliced(bytes, boundary(chance, bytes), 0, Buffer.from(chance.of(awkwardTexts))),
  // A long token, and deep nesting.
  (chance, bytes) =>
    spliced(bytes, boundary(chance, bytes), 0, repeated(Buffer.from(chance.of(repeatedTexts)), 1 + chance.below(20_000))),
  (chance, bytes) => {
    const [open, close] = chance.of([
      ['[', ']'],
      ['{"a":', '}'],
      ['(', ')'],
      ['list<', '>'],
      ['frozen<', '>'],
      ['{a: ', '}'],
      ['- ', ''],
    ] as const);
    const depth = 1 + chance.below(6_000);
    return spliced(bytes, boundary(chance, bytes), 0, Buffer.from(`${open.repeat(depth)}1${close.repeat(depth)}`));
  },
];

function edited(bytes: Buffer, at: number, change: (byte: number | undefined) => number): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) {
    copy[at] = change(copy[at]);
  }
  return copy;
}

function spliced(bytes: Buffer, at: number, gone: number, come: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), come, bytes.subarray(at + gone)]);
}

function lengthOf(chance: Chance): number {
  return 1 + chance.below(chance.of([2, 8, 64, 1024]));
}

function tailOf(chance: Chance, bytes: Buffer): Buffer {
  return bytes.subarray(boundary(chance, bytes));
}

/** A place in a file: mostly where a word or a line ends, since what is between words is what parsers decide by. */
function boundary(chance: Chance, bytes: Buffer): number {
  const at = chance.below(bytes.length + 1);
  if (chance.below(3) === 0) {
    return at;
  }
  const ahead = bytes.toString('latin1', at, at + 64).search(/\b/);
  return ahead === -1 ? at : at + ahead;
}

function replacedWord(chance: Chance, bytes: Buffer, pattern: RegExp, by: readonly string[]): Buffer {
  const found = [...bytes.toString('latin1').matchAll(pattern)];
  if (found.length === 0) {
    return bytes;
  }
  const word = chance.of(found);
  return spliced(bytes, word.index, word[0].length, Buffer.from(chance.of(by)));
}
