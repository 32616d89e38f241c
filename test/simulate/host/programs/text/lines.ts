import { chunkOf, stringOf } from '../../bytes.ts';
import type { Process } from '../../process/process.ts';
import { each, shown } from '../failure.ts';
import { options } from '../options.ts';
import { bytesOfFile, say, wholeFile } from '../streams/streams.ts';

/** The records of a text, without what ends them; the last may lack its end. */
export function linesOf(text: string, end = '\n'): readonly string[] {
  const lines = text.split(end);
  if (lines.at(-1) === '') {
    lines.pop();
  }
  return lines;
}

async function inputLines(
  process: Process,
  files: readonly string[],
): Promise<{ readonly lines: readonly string[]; readonly status: number }> {
  const lines: string[] = [];
  const status = await each(process, files.length === 0 ? ['-'] : files, shown, async (name) => {
    lines.push(...linesOf(stringOf(await wholeFile(process, name))));
  });
  return { lines, status };
}

async function sayLines(process: Process, lines: readonly string[]): Promise<void> {
  await say(process, chunkOf(lines.map((line) => `${line}\n`).join('')));
}

/** Byte by byte, as with LC_ALL=C; `-n` by the number that a line begins with. */
export async function sort(process: Process): Promise<number> {
  const given = options(process.argv, 'u n r');
  const { lines, status } = await inputLines(process, given.operands);
  const bytes = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
  const numbers = (one: string, other: string): number => (Number.parseFloat(one) || 0) - (Number.parseFloat(other) || 0);
  const sorted = lines.toSorted((one, other) => (given.has('n') ? numbers(one, other) || bytes(one, other) : bytes(one, other)));
  const ordered = given.has('r') ? sorted.toReversed() : sorted;
  await sayLines(process, given.has('u') ? ordered.filter((line, index) => line !== ordered[index - 1]) : ordered);
  return status;
}

/** `-u`: lines that have no equal beside them; `-d`: one of those that have. */
export async function uniq(process: Process): Promise<number> {
  const given = options(process.argv, 'u d c');
  const { lines, status } = await inputLines(process, given.operands);
  const groups: string[][] = [];
  for (const line of lines) {
    const last = groups.at(-1);
    if (last?.[0] === line) {
      last.push(line);
    } else {
      groups.push([line]);
    }
  }
  const wanted = groups.filter(({ length }) => (given.has('u') ? length === 1 : given.has('d') ? length > 1 : true));
  await sayLines(
    process,
    wanted.map(([line = '', ...others]) => (given.has('c') ? `${String(others.length + 1).padStart(7)} ${line}` : line)),
  );
  return status;
}

/** `-d DELIMITER -f LIST` or `-c LIST`. */
export async function cut(process: Process): Promise<number> {
  const given = options(process.argv, 'd: f: c: s');
  const list = given.value('f') ?? given.value('c') ?? '';
  const ranges = list.split(',').map((range) => {
    const [from = '', to] = range.split('-', 2);
    return { from: Number(from || 1), to: to === undefined ? Number(from) : to === '' ? Infinity : Number(to) };
  });
  const isWanted = (_: unknown, index: number): boolean => ranges.some(({ from, to }) => index + 1 >= from && index + 1 <= to);
  const delimiter = given.value('d') ?? '\t';
  const { lines, status } = await inputLines(process, given.operands);
  await sayLines(
    process,
    lines.flatMap((line) => {
      if (given.has('c')) {
        return [[...line].filter(isWanted).join('')];
      }
      if (!line.includes(delimiter)) {
        return given.has('s') ? [] : [line];
      }
      return [line.split(delimiter).filter(isWanted).join(delimiter)];
    }),
  );
  return status;
}

const sets = new Map<string, string>();

/** `tr SET SET`, `tr -d SET`, `tr -s SET`. */
export async function tr(process: Process): Promise<number> {
  const given = options(process.argv, 'd s c');
  const [from = '', to = ''] = given.operands.map(setOf);
  const table = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const inFrom = new Uint8Array(256);
  for (let index = 0; index < from.length; index += 1) {
    inFrom[from.charCodeAt(index)] = 1;
    table[from.charCodeAt(index)] = to.charCodeAt(Math.min(index, to.length - 1));
  }
  const hit = (byte: number): boolean => (inFrom[byte] === 1) !== given.has('c');
  let last = -1;
  for await (const chunk of bytesOfFile(process, '-')) {
    let out: Uint8Array;
    if (given.has('d')) {
      out = chunk.filter((byte) => !hit(byte));
    } else if (to === '') {
      out = chunk.filter((byte) => {
        const kept = !(byte === last && hit(byte));
        last = byte;
        return kept;
      });
    } else {
      const other = to.charCodeAt(to.length - 1);
      out = chunk.map((byte) => (given.has('c') ? (hit(byte) ? other : byte) : (table[byte] ?? byte)));
    }
    await say(process, out);
  }
  return 0;
}

/** The bytes of a set: ranges, octal numbers, letters behind a backslash, classes by name. */
function setOf(words: string): string {
  const before = sets.get(words);
  if (before !== undefined) {
    return before;
  }
  const bytes: string[] = [];
  const tokens = words.match(/\[:\w+:\]|\\[0-7]{1,3}|\\[^]|[^]/g) ?? [];
  const byteOf = (token: string): string => {
    if (/^\\[0-7]/.test(token)) {
      return String.fromCharCode(Number.parseInt(token.slice(1), 8));
    }
    return token.startsWith('\\') && token.length === 2
      ? ({ n: '\n', t: '\t', r: '\r', '\\': '\\' }[token[1] ?? ''] ?? token[1] ?? '')
      : token;
  };
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] ?? '';
    if (/^\[:\w+:\]$/.test(token)) {
      const members = new RegExp(
        token === '[:space:]'
          ? String.raw`\s`
          : token === '[:digit:]'
            ? String.raw`\d`
            : token === '[:upper:]'
              ? '[A-Z]'
              : token === '[:lower:]'
                ? '[a-z]'
                : '(?!)',
      );
      bytes.push(...Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).filter((byte) => members.test(byte)));
    } else if (tokens[index + 1] === '-' && tokens[index + 2] !== undefined) {
      for (let byte = byteOf(token).charCodeAt(0); byte <= byteOf(tokens[index + 2] ?? '').charCodeAt(0); byte += 1) {
        bytes.push(String.fromCharCode(byte));
      }
      index += 2;
    } else {
      bytes.push(byteOf(token));
    }
  }
  const set = bytes.join('');
  sets.set(words, set);
  return set;
}
