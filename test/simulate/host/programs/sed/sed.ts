import { stringOf } from '../../bytes.ts';
import type { Process } from '../../process/process.ts';
import { each, shown } from '../failure.ts';
import { options } from '../options.ts';
import { wholeFile } from '../streams/streams.ts';
import { linesOf } from '../text/lines.ts';
import { type Address, parseSed, type SedCommand } from './parse-sed.ts';

/** `sed [-n] (SCRIPT | -e SCRIPT…) [FILE…]`. */
export async function sed(process: Process): Promise<number> {
  const given = options(process.argv, 'n e: E');
  const scripts = given.values('e');
  const [first = '', ...rest] = given.operands;
  const commands = parseSed(scripts.length > 0 ? scripts.join('\n') : first, given.has('E') ? 'extended' : 'basic');
  const files = scripts.length > 0 ? given.operands : rest;
  const lines: string[] = [];
  const status = await each(
    process,
    files.length === 0 ? ['-'] : files,
    (name) => `can't read ${shown(name)}`,
    async (name) => {
      lines.push(...linesOf(stringOf(await wholeFile(process, name))));
    },
  );
  await process.print(edited(lines, commands, given.has('n')));
  return status === 0 ? 0 : 2;
}

/** What the script makes of the lines. */
function edited(lines: readonly string[], commands: readonly SedCommand[], quiet: boolean): string {
  const out: string[] = [];
  let at = 0;
  let space = '';
  let isOver = false;
  const isAt = (address: Address, number: number): boolean =>
    address === 'last' ? number === lines.length : typeof address === 'number' ? number === address : address.test(space);
  const ranges = new Map<SedCommand, boolean>();
  const applies = (command: SedCommand): boolean => {
    const { from, to, not } = command;
    let holds = from === undefined || isAt(from, at);
    if (from !== undefined && to !== undefined) {
      const isInside = ranges.get(command) === true;
      holds = isInside || holds;
      const ends = typeof to === 'number' ? at >= to : isAt(to, at) && isInside;
      ranges.set(command, holds && !ends);
    }
    return holds !== not;
  };
  /** False where the line is done with. */
  const run = (list: readonly SedCommand[]): boolean => {
    for (const command of list) {
      if (!applies(command)) {
        continue;
      }
      switch (command.kind) {
        case 'p':
          out.push(space);
          break;
        case 'd':
          return false;
        case 'q':
          isOver = true;
          if (!quiet) {
            out.push(space);
          }
          return false;
        case 'n':
          if (!quiet) {
            out.push(space);
          }
          if (at >= lines.length) {
            isOver = true;
            return false;
          }
          space = lines[at] ?? '';
          at += 1;
          break;
        case 's': {
          const { expression, by, prints } = command;
          const before = space;
          let count = 0;
          space = space.replace(expression, (...found: readonly unknown[]) => {
            count += 1;
            return by.replaceAll(/\\(\d)|\\([^])|&/g, (mark: string, group?: string, character?: string) =>
              group === undefined
                ? character === undefined
                  ? textAt(found, 0)
                  : character === 'n'
                    ? '\n'
                    : character
                : textAt(found, Number(group)),
            );
          });
          if (prints && (count > 0 || space !== before)) {
            out.push(space);
          }
          break;
        }
        case 'block':
          if (!run(command.body)) {
            return false;
          }
          break;
        default:
          command satisfies never;
      }
    }
    return true;
  };
  while (at < lines.length && !isOver) {
    space = lines[at] ?? '';
    at += 1;
    if (run(commands) && !quiet) {
      out.push(space);
    }
  }
  return out.map((line) => `${line}\n`).join('');
}

/** What a group has matched. */
function textAt(found: readonly unknown[], group: number): string {
  const text = found[group];
  return typeof text === 'string' ? text : '';
}
