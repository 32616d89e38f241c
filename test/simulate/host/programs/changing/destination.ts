import type { Process } from '../../process/process.ts';
import { complain, quoted } from '../failure.ts';
import { basenameOf } from '../looking/names.ts';

/** What goes where: into a directory, under its name, or to the name that is given. */
export async function pairsOf(
  process: Process,
  operands: readonly string[],
  directory: string | undefined,
  toName: boolean,
): Promise<ReadonlyMap<string, string>> {
  const last = operands.at(-1) ?? '';
  const into = directory ?? (!toName && process.files.look(last)?.kind === 'directory' ? last : undefined);
  const from = directory === undefined ? operands.slice(0, -1) : operands;
  if (into === undefined && from.length > 1) {
    throw new Error(`${process.argv.join(' ')}: several to one name`);
  }
  if (directory !== undefined && process.files.look(directory)?.kind !== 'directory') {
    await complain(
      process,
      `target directory ${quoted(directory)}: ${process.files.look(directory) === undefined ? 'No such file or directory' : 'Not a directory'}`,
    );
    return new Map();
  }
  return new Map(
    from.map((path) => [path, into === undefined ? last : `${into === '/' ? '' : into.replace(/\/$/, '')}/${basenameOf(path)}`]),
  );
}
