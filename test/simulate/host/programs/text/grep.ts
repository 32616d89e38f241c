import { stringOf } from '../../bytes.ts';
import { Errno } from '../../files/errno.ts';
import type { Process } from '../../process/process.ts';
import { escaped } from '../../shell/pattern.ts';
import { complain, shown } from '../failure.ts';
import { options } from '../options.ts';
import { wholeFile } from '../streams/streams.ts';
import { expressionOf } from './expression.ts';
import { linesOf } from './lines.ts';

/** `grep [-EFacehilnqsvxz] [-e EXPRESSION | -f FILE | EXPRESSION] [FILE…]`. */
export async function grep(process: Process): Promise<number> {
  const given = options(process.argv, 'E F G a c e: f: h H i l n o q s v x z');
  const sources = [...given.values('e')];
  for (const file of given.values('f')) {
    sources.push(...linesOf(stringOf(await wholeFile(process, file))));
  }
  let files = given.operands;
  if (given.values('e').length + given.values('f').length === 0) {
    sources.push(...(files[0] ?? '').split('\n'));
    files = files.slice(1);
  }
  const flags = given.has('i') ? 'i' : '';
  const expressions = sources.map((source) =>
    given.has('F') ? new RegExp(escaped(source), flags) : expressionOf(source, given.has('E') ? 'extended' : 'basic', flags),
  );
  const matches = (line: string): boolean =>
    expressions.some((expression) => (given.has('x') ? expression.exec(line)?.[0] === line : expression.test(line))) !==
    given.has('v');
  const names = files.length === 0 ? ['-'] : files;
  const withName = (names.length > 1 || given.has('H')) && !given.has('h');
  let status = 1;
  let failed = false;
  for (const name of names) {
    try {
      const end = given.has('z') ? '\0' : '\n';
      const found = linesOf(stringOf(await wholeFile(process, name)), end).filter(matches);
      status = found.length > 0 ? 0 : status;
      if (given.has('q')) {
        continue;
      }
      const prefix = withName ? `${name}:` : '';
      if (given.has('l')) {
        await process.print(found.length > 0 ? `${name === '-' ? '(standard input)' : name}\n` : '');
      } else if (given.has('c')) {
        await process.print(`${prefix}${found.length}\n`);
      } else {
        await process.print(found.map((line) => `${prefix}${line}${end}`).join(''));
      }
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      failed = true;
      if (!given.has('s')) {
        await complain(process, `${shown(name)}: ${error.message}`);
      }
    }
  }
  return failed && !(given.has('q') && status === 0) ? 2 : status;
}
