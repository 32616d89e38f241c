import { chunkOf } from '../../bytes.ts';
import { Errno } from '../../files/errno.ts';
import type { Inode } from '../../files/inode.ts';
import type { Process } from '../../process/process.ts';
import { complain, quoted } from '../failure.ts';
import { type Entry, parseFind, type Search } from './parse-find.ts';

/** Output is held back until it is worth a write, as every program does. */
const heldBytes = 32 * 1024;

/** GNU's find, as far as scripts use it: what it does not know is an error that names it. */
export async function find(process: Process): Promise<number> {
  const walk = new Walk(process, parseFind(process.argv));
  return walk.run();
}

/** One run of it. */
class Walk {
  readonly #process: Process;
  readonly #search: Search;
  #output: string[] = [];
  #held = 0;
  #status = 0;
  #over = false;

  constructor(process: Process, search: Search) {
    this.#process = process;
    this.#search = search;
  }

  async run(): Promise<number> {
    for (const path of this.#search.paths) {
      if (!this.#over) {
        await this.#visit({ path, start: path, depth: 0 }, []);
      }
    }
    await this.#flush();
    for (const { argv, paths } of this.#search.batches) {
      if (paths.length > 0) {
        await this.#exec([...argv, ...paths], true);
      }
    }
    return this.#status;
  }

  async #visit(
    { path, start, depth }: { readonly path: string; readonly start: string; readonly depth: number },
    above: readonly Inode[],
  ): Promise<void> {
    const { files } = this.#process;
    const { follows } = this.#search;
    const own = files.look(path, false);
    const inode = follows ? (files.look(path) ?? own) : own;
    if (inode === undefined || own === undefined) {
      if (depth === 0 || !this.#search.bearsRaces) {
        await this.#complain(path, this.#whyNot(path));
      }
      return;
    }
    if (follows && inode.kind === 'link' && this.#whyNot(path).code === 'ELOOP') {
      await this.#complain(path, new Errno('ELOOP'));
    }
    const entry: Entry = { path, start, depth, inode, own };
    if (follows && inode.kind === 'directory' && above.includes(inode)) {
      await complain(
        this.#process,
        `File system loop detected; ${quoted(path)} is part of the same file system loop as ${quoted(start)}.`,
      );
      this.#status = 1;
      return;
    }
    const { mindepth, maxdepth, depthFirst } = this.#search;
    const isWanted = depth >= mindepth;
    const answer = { prunes: false };
    if (isWanted && !depthFirst) {
      await this.#test(entry, answer);
    }
    if (inode.kind === 'directory' && depth < maxdepth && !answer.prunes && !this.#over) {
      await this.#children(entry, [...above, inode]);
    }
    if (isWanted && depthFirst && !this.#over) {
      await this.#test(entry, answer);
    }
  }

  async #children({ path, start, depth }: Entry, above: readonly Inode[]): Promise<void> {
    let names: readonly string[];
    try {
      await this.#process.visit(path);
      names = this.#process.files.list(path);
      this.#process.files.enter(path);
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      if (error.code !== 'ENOENT' || !this.#search.bearsRaces) {
        await this.#complain(path, error);
      }
      return;
    }
    for (const name of names) {
      if (this.#over) {
        return;
      }
      await this.#visit({ path: path.endsWith('/') ? path + name : `${path}/${name}`, start, depth: depth + 1 }, above);
    }
  }

  async #test(entry: Entry, answer: { prunes: boolean }): Promise<void> {
    await this.#search.test(entry, {
      process: this.#process,
      print: (text) => this.#print(text),
      prune: () => {
        answer.prunes = true;
      },
      quit: () => {
        this.#over = true;
      },
      exec: (argv) => this.#exec(argv, false),
      delete: (path) => this.#delete(entry, path),
    });
  }

  #print(text: string): void | Promise<void> {
    this.#output.push(text);
    this.#held += text.length;
    return this.#held > heldBytes ? this.#flush() : undefined;
  }

  async #flush(): Promise<void> {
    const text = this.#output.join('');
    this.#output = [];
    this.#held = 0;
    if (text !== '') {
      await this.#process.write(chunkOf(text));
    }
  }

  async #exec(argv: readonly string[], batch: boolean): Promise<boolean> {
    await this.#flush();
    const { host } = this.#process;
    try {
      host.resolve(this.#process, argv[0] ?? '');
    } catch (error) {
      if (error instanceof Errno) {
        await this.#complain(argv[0] ?? '', error);
        return false;
      }
      throw error;
    }
    const ending = await this.#process.blocked(host.spawn(this.#process, argv).ended());
    if (batch && ending.status !== 0) {
      this.#status = 1;
    }
    return ending.status === 0;
  }

  async #delete({ own }: Entry, path: string): Promise<boolean> {
    if (path === '.') {
      return true;
    }
    try {
      await this.#process.change(path);
      if (own.kind === 'directory') {
        this.#process.files.rmdir(path);
      } else {
        this.#process.files.unlink(path);
      }
      return true;
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      await complain(this.#process, `cannot delete ${quoted(path)}: ${error.message}`);
      this.#status = 1;
      return false;
    }
  }

  #whyNot(path: string): Errno {
    try {
      this.#process.files.stat(path, this.#search.follows);
    } catch (error) {
      if (error instanceof Errno) {
        return error;
      }
      throw error;
    }
    return new Errno('ENOENT');
  }

  async #complain(path: string, error: Errno): Promise<void> {
    this.#status = 1;
    await complain(this.#process, `${quoted(path)}: ${error.message}`);
  }
}
