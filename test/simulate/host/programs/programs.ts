import type { Files } from '../files/files.ts';
import type { Inode } from '../files/inode.ts';
import type { Process } from '../process/process.ts';
import { allPrograms } from './all.ts';

/** What a program does, in its process. Gives its exit status. What it throws but Errno is a defect of the model. */
export type Program = (process: Process) => number | Promise<number>;

/** The programs of a host: files in its directories that can be run, and what they do. */
export class Programs {
  readonly #files: Files;
  readonly #programs = new Map<Inode, Program>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** Puts those in their places that hosts have. */
  install(): void {
    for (const [name, program] of Object.entries(allPrograms)) {
      this.set(name, program);
    }
    this.#files.symlink('../usr/bin/sh', '/bin/sh');
  }

  /** Installs a program, or another one in its place. */
  set(name: string, program: Program, path = `/usr/bin/${name}`): void {
    this.#programs.set(this.#files.write(path, `\x7fELF ${name}`, 0o755), program);
  }

  /** Takes it away again: it is not found any more. */
  remove(name: string, path = `/usr/bin/${name}`): void {
    this.#files.unlink(path);
  }

  of(inode: Inode): Program | undefined {
    return this.#programs.get(inode);
  }
}
