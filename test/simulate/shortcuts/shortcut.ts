import type { Files } from '../host/files/files.ts';

/** What a script is run with. */
export interface Called {
  /** As the owner of the data. */
  readonly files: Files;
  /** What follows the script's name. */
  readonly args: readonly string[];
  readonly input: Buffer;
  /** By the node's own calendar. */
  readonly nowMs: number;
  /** Whether the server runs. */
  readonly isUp: boolean;
  /** Whether the node has lzop. */
  readonly lzop: boolean;
}

/** What a script prints and ends with. */
export interface Printed {
  readonly stdout: string | Buffer;
  readonly stderr?: string;
  readonly status?: number;
}

/** Undefined: the host itself has to do it. */
export type Shortcut = (called: Called) => Printed | undefined;

/** What a program says of a path that leads nowhere. */
export function missing(program: string, path: string): Printed {
  return { stdout: '', stderr: `${program}: ${path}: No such file or directory\n`, status: 1 };
}

/** Everything below a directory, it itself first, in the order of names; a path starts with what was asked for. */
export function* walk(files: Files, path: string): Generator<string> {
  const inode = files.look(path, false);
  if (inode === undefined) {
    return;
  }
  yield path;
  if (inode.kind === 'directory') {
    for (const name of files.list(path)) {
      yield* walk(files, `${path}/${name}`);
    }
  }
}

export function removeTree(files: Files, path: string): void {
  const inode = files.look(path, false);
  if (inode?.kind === 'directory') {
    files.list(path).forEach((name) => removeTree(files, `${path}/${name}`));
    files.rmdir(path);
  } else if (inode !== undefined) {
    files.unlink(path);
  }
}

/** As find prints `%T@`. */
export function secondsOf(modified: bigint): string {
  return `${modified / 1_000_000_000n}.${String(modified % 1_000_000_000n).padStart(9, '0')}0`;
}
