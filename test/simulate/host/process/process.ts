import { Changes } from '../../../../src/flow/changes.ts';
import { chunkOf, stringOf } from '../bytes.ts';
import type { Who } from '../files/access.ts';
import { Errno } from '../files/errno.ts';
import { Files } from '../files/files.ts';
import type { Inode } from '../files/inode.ts';
import type { Host } from '../host.ts';
import type { Description } from './description.ts';
import { OpenFile } from './open-file.ts';
import { type Ending, type Signal, Terminated } from './signals.ts';

/** What a process does with a signal instead of ending. */
export type Disposition = 'ignore' | ((signal: Signal) => void);

export interface ProcessState {
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly who: Who;
  readonly cwd: Inode;
  readonly umask: number;
  readonly parent: number;
  readonly group?: number;
}

const largestRead = 65_536;
/** What a sleep ends with: `abort()` without a reason makes an error with a stack. */
const over = new Error('it slept');

/**
 * A process, as the program in it sees itself: its words, its user, its directory, its files, its descriptors. A program that
 * somebody registers is a function of it: see `Program`. Everything it does throws Terminated once it was ended.
 */
export class Process {
  readonly host: Host;
  readonly pid: number;
  /** Clock ticks from the host's start to its own. */
  readonly startTicks: number;
  argv: readonly string[];
  env: ReadonlyMap<string, string>;
  who: Who;
  cwd: Inode;
  umask: number;
  parent: number;
  group: number;
  /** The program that it became: what /proc/<pid>/exe leads to. */
  exe: Inode | undefined;
  /** The system calls about files, as this process may make them. */
  readonly files: Files;
  readonly dispositions = new Map<Signal, Disposition>();
  /** Told when a signal came that it handles itself. */
  readonly signalled = new Changes();
  readonly #descriptors = new Map<number, Description>();
  readonly #interruptions = new Set<() => void>();
  readonly #endings: ((ending: Ending) => void)[] = [];
  #ending: Ending | undefined;

  constructor(host: Host, pid: number, state: ProcessState) {
    this.host = host;
    this.pid = pid;
    this.startTicks = host.ticks();
    this.argv = state.argv;
    this.env = state.env;
    this.who = state.who;
    this.cwd = state.cwd;
    this.umask = state.umask;
    this.parent = state.parent;
    this.group = state.group ?? pid;
    // oxlint-disable-next-line typescript/no-this-alias -- the actor is this process, as it is at each call
    const process = this;
    this.files = new Files(host.tree, {
      get who() {
        return process.who;
      },
      get cwd() {
        return process.cwd;
      },
      get umask() {
        return process.umask;
      },
      own: (path) => process.#own(path),
    });
  }

  /** Once it has. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** How it ended, when it has. */
  ended(): Promise<Ending> {
    const ending = this.#ending;
    return ending === undefined ? new Promise((resolve) => this.#endings.push(resolve)) : Promise.resolve(ending);
  }

  /** Throws Terminated unless it runs. */
  alive(): void {
    if (this.#ending !== undefined) {
      throw new Terminated('it was ended');
    }
  }

  /** Waits, unless it is ended meanwhile. */
  blocked<T>(work: Promise<T>): Promise<T> {
    this.alive();
    return new Promise<T>((resolve, reject) => {
      const interrupt = (): void => reject(new Terminated('it was ended'));
      this.#interruptions.add(interrupt);
      void work.then(resolve, reject).finally(() => this.#interruptions.delete(interrupt));
    });
  }

  /** Lets time pass. */
  async sleep(milliseconds: number): Promise<void> {
    const stop = new AbortController();
    try {
      await this.blocked(
        this.host.clock.sleep(milliseconds, {}, stop.signal).catch((error: unknown) => {
          if (!stop.signal.aborted) {
            throw error;
          }
        }),
      );
    } finally {
      stop.abort(over);
    }
  }

  /** What a descriptor stands for. Throws EBADF. */
  descriptor(fd: number): Description {
    const description = this.#descriptors.get(fd);
    if (description === undefined) {
      throw new Errno('EBADF');
    }
    return description;
  }

  descriptors(): ReadonlyMap<number, Description> {
    return this.#descriptors;
  }

  /** Has a descriptor stand for something else, or for nothing. */
  setDescriptor(fd: number, description: Description | undefined): void {
    this.alive();
    const before = this.#descriptors.get(fd);
    if (description === undefined) {
      this.#descriptors.delete(fd);
    } else {
      this.#descriptors.set(fd, description.held());
    }
    before?.release();
  }

  /** Opens a file: `<`, `>` (`clobber` or not), `>>`. Throws Errno. */
  async open(path: string, way: 'read' | 'write' | 'append' | 'both', { exclusive = false } = {}): Promise<Description> {
    this.alive();
    const read = way === 'read' || way === 'both';
    const write = way !== 'read';
    const own = this.#ownDescription(path);
    if (own !== undefined) {
      return own;
    }
    const inode = this.files.open(path, { read, write, create: write, truncate: way === 'write', exclusive });
    if (inode.kind === 'pipe') {
      // Nobody opens the other end of a pipe with a name in this world: it waits until it is ended.
      await this.blocked(new Promise<never>(() => {}));
    }
    return new OpenFile(inode, path, { read, write, append: way === 'append' });
  }

  /** Some bytes as soon as there are some; undefined at the end. Throws Errno. */
  async read(fd = 0, most: number = largestRead): Promise<Uint8Array | undefined> {
    this.alive();
    const chunk = await this.descriptor(fd).read(most, this);
    this.alive();
    if (chunk !== undefined) {
      await this.host.step({ kind: 'chunk', process: this, way: 'in', bytes: chunk.byteLength });
      this.alive();
    }
    return chunk;
  }

  /** Everything until the end. Throws Errno. */
  async readAll(fd = 0): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for (let chunk = await this.read(fd); chunk !== undefined; chunk = await this.read(fd)) {
      chunks.push(chunk);
    }
    const [only] = chunks;
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
  }

  /** What comes on standard input, as a byte string. */
  async input(): Promise<string> {
    return stringOf(await this.readAll(0));
  }

  /** Throws Errno, EPIPE only where SIGPIPE does not end it. */
  async write(chunk: Uint8Array, fd = 1): Promise<void> {
    this.alive();
    const description = this.descriptor(fd);
    for (let at = 0; at < chunk.byteLength; at += largestRead) {
      const part = chunk.byteLength <= largestRead ? chunk : chunk.subarray(at, at + largestRead);
      await this.host.step({ kind: 'chunk', process: this, way: 'out', bytes: part.byteLength });
      this.alive();
      try {
        await description.write(part, this);
      } catch (error) {
        if (error instanceof Errno && error.code === 'EPIPE') {
          this.signal('PIPE');
          this.alive();
        }
        throw error;
      }
      this.alive();
    }
  }

  /** A program is about to change what has a name: a moment at which it may be ended. */
  async change(path: string): Promise<void> {
    await this.host.step({ kind: 'change', process: this, path });
    this.alive();
  }

  /** A program is about to read a directory: a moment at which others may change it. */
  async visit(path: string): Promise<void> {
    await this.host.step({ kind: 'visit', process: this, path });
    this.alive();
  }

  /** A byte string to standard output. */
  async print(text: string): Promise<void> {
    if (text !== '') {
      await this.write(chunkOf(text), 1);
    }
  }

  /** A line to standard error; where that is closed, nothing is said. */
  async complain(line: string): Promise<void> {
    try {
      await this.write(chunkOf(`${line}\n`), 2);
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
    }
  }

  /** A signal: it is ended, or does what it has set up. */
  signal(signal: Signal): void {
    if (this.#ending !== undefined) {
      return;
    }
    const disposition = signal === 'KILL' ? undefined : this.dispositions.get(signal);
    if (disposition === undefined) {
      this.finish({ signal });
    } else if (disposition !== 'ignore') {
      disposition(signal);
      this.signalled.tell();
    }
  }

  /** It is no more: its descriptors are closed, whoever waits for it hears, and what it was doing unwinds. */
  finish(ending: Ending): void {
    if (this.#ending !== undefined) {
      return;
    }
    this.#ending = ending;
    this.host.processes.remove(this);
    const descriptions = [...this.#descriptors.values()];
    this.#descriptors.clear();
    for (const description of descriptions) {
      description.release();
    }
    for (const interrupt of this.#interruptions) {
      interrupt();
    }
    for (const hear of this.#endings) {
      hear(ending);
    }
  }

  /** `/proc/self` and what leads there is this process's. */
  #own(path: string): string {
    this.alive();
    if (!path.startsWith('/dev/') && !path.startsWith('/proc/self')) {
      return path;
    }
    const standard = /^\/dev\/(?:std(in|out|err)$|fd(?=\/|$))/.exec(path);
    if (standard === null) {
      return path.replace(/^\/proc\/self(?=\/|$)/, `/proc/${this.pid}`);
    }
    const number = { in: '/0', out: '/1', err: '/2' }[standard[1] ?? ''] ?? path.slice('/dev/fd'.length);
    return `/proc/${this.pid}/fd${number}`;
  }

  /** Opening `/dev/stdin` and the like gives what stands there. */
  #ownDescription(path: string): Description | undefined {
    const own = this.#own(path);
    const directory = `/proc/${this.pid}/fd/`;
    const number = own.startsWith(directory) ? own.slice(directory.length) : '';
    const description = /^\d+$/.test(number) ? this.#descriptors.get(Number(number)) : undefined;
    return description instanceof OpenFile ? undefined : description;
  }
}
