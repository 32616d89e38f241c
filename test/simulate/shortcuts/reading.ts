import { listDataLinksScript } from '../../../src/cluster/files/data-links.ts';
import { findInScript } from '../../../src/cluster/files/find-links.ts';
import { removeFilesScript } from '../../../src/cluster/files/incremental-files.ts';
import { readFromScript, readPlainScript } from '../../../src/cluster/files/plain-files.ts';
import { readInScript } from '../../../src/cluster/files/small-files.ts';
import type { Files } from '../host/files/files.ts';
import { type Called, missing, type Printed, secondsOf, type Shortcut, walk } from './shortcut.ts';

/** Scripts that read the data directories, and the one that deletes collected files. There are no links in this world. */
export const readingShortcuts: ReadonlyMap<string, Shortcut> = new Map<string, Shortcut>([
  [findInScript, findLinks],
  [
    readInScript,
    ({ files, args: [directory = ''], input }) =>
      catByXargs(
        files,
        names(input).map((name) => `${directory}/${name}`),
      ),
  ],
  [readPlainScript, ({ files, input }) => catByXargs(files, names(input))],
  // What else reads the file packs it.
  [readFromScript, ({ files, args: [path = '', ...program] }) => (program.at(-1) === 'cat' ? readFrom(files, path) : undefined)],
  [listDataLinksScript, () => ({ stdout: '' })],
  [
    removeFilesScript,
    ({ files, args: [directory = ''], input }) => {
      names(input)
        .map((name) => `${directory}/${name}`)
        .filter((path) => files.look(path) !== undefined)
        .forEach((path) => files.unlink(path));
      return { stdout: '' };
    },
  ],
]);

function names(input: Buffer): readonly string[] {
  return input
    .toString()
    .split('\0')
    .filter((name) => name !== '');
}

function cat(files: Files, paths: readonly string[]): Printed {
  const gone = paths.find((path) => files.look(path)?.kind !== 'file');
  return gone === undefined ? { stdout: Buffer.concat(paths.map((path) => files.read(path))) } : missing('cat', gone);
}

function readFrom(files: Files, path: string): Printed {
  return files.look(path)?.kind === 'file'
    ? cat(files, [path])
    : { stdout: '', stderr: `${path}: it is no file any more\n`, status: 1 };
}

/** xargs has a status of its own for programs that fail. */
function catByXargs(files: Files, paths: readonly string[]): Printed {
  const printed = cat(files, paths);
  return printed.status === undefined ? printed : { ...printed, status: 123 };
}

/** What the two finds print: see `findArguments`. */
function findLinks({ files, args }: Called): Printed {
  const [directory = ''] = args;
  const goal = args[args.indexOf('-regex', args.indexOf('-o')) + 1] ?? '';
  const tag = /snapshots\/(.*)$/.exec(goal)?.[1]?.replaceAll('\\', '');
  const last = tag === undefined ? 'backups' : `snapshots/${tag}`;
  if (files.look(directory) === undefined) {
    return missing('cd', directory);
  }
  const below = (path: string): readonly string[] =>
    files.look(path)?.kind === 'directory' ? files.list(path).map((name) => `${path}/${name}`) : [];
  const lines = below(directory)
    .filter((path) => !path.includes('/.'))
    .flatMap(below)
    .map((path) => `${path}/${last}`)
    .flatMap((path) => [...walk(files, path)])
    .map((path) => {
      const inode = files.stat(path);
      const type = inode.kind === 'directory' ? 'd' : 'f';
      return `${type}\t${inode.size}\t${secondsOf(inode.modified)}\t.${path.slice(directory.length)}\0`;
    });
  return { stdout: lines.join('') };
}
