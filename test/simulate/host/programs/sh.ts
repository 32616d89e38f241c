import { Errno } from '../files/errno.ts';
import type { Process } from '../process/process.ts';
import { stringOf } from '../bytes.ts';
import { Shell } from '../shell/shell.ts';

/** `sh -c TEXT [NAME [PARAMETER…]]`, `sh -s`, `sh FILE`. */
export async function sh(process: Process): Promise<number> {
  const [own = 'sh', ...args] = process.argv;
  const letters = new Set<string>();
  let rest: readonly string[] = args;
  for (let [word] = rest; word !== undefined && /^-[a-zA-Z]+$/.test(word); [word] = rest) {
    for (const letter of word.slice(1)) {
      letters.add(letter);
    }
    rest = rest.slice(1);
  }
  if (rest[0] === '--') {
    rest = rest.slice(1);
  }
  const run = (text: string, name: string, parameters: readonly string[]): Promise<number> => {
    const shell = new Shell(process, name, parameters);
    for (const letter of ['C', 'e', 'f', 'u']) {
      if (letters.has(letter)) {
        shell.options.add(letter);
      }
    }
    return shell.runMain(text);
  };
  if (letters.has('c')) {
    const [text = '', name = own, ...parameters] = rest;
    return run(text, name, parameters);
  }
  const [file, ...parameters] = rest;
  if (letters.has('s') || file === undefined) {
    return run(await process.input(), own, rest);
  }
  try {
    return await run(stringOf(process.files.read(file)), file, parameters);
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    await process.complain(`${own}: 0: cannot open ${file}: ${error.message}`);
    return 2;
  }
}
