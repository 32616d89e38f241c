import type { Clock } from '../../../src/flow/clock.ts';
import { stringOf } from './bytes.ts';
import { type Code, Errno } from './files/errno.ts';
import { Files } from './files/files.ts';
import { Disk } from './files/disk.ts';
import { Inode } from './files/inode.ts';
import { FileTree } from './files/tree.ts';
import { type Listening, mountProc } from './process/proc-files.ts';
import { Pipe } from './process/pipe.ts';
import { OpenFile } from './process/open-file.ts';
import { Process, type ProcessState } from './process/process.ts';
import { Terminated } from './process/signals.ts';
import { ProcessTable } from './process/table.ts';
import { ProgramExit } from './programs/failure.ts';
import { type Program, Programs } from './programs/programs.ts';
import { type Group, type User, Users } from './users.ts';

/** A point at which a world may interfere: a command begins, a name changes, a directory is read, or a piece of a stream is read or written. */
export type Step =
  | { readonly kind: 'command'; readonly process: Process; readonly argv: readonly string[] }
  | { readonly kind: 'change' | 'visit'; readonly process: Process; readonly path: string }
  | { readonly kind: 'chunk'; readonly process: Process; readonly way: 'in' | 'out'; readonly bytes: number };

export interface HostOptions {
  readonly name: string;
  /** Its calendar, and its sleep. */
  readonly clock: Clock;
  readonly users?: readonly User[];
  readonly groups?: readonly Group[];
  /** Room on the disk of `/`. */
  readonly rootBytes?: number;
  /** From 0 to 1, as Math.random: what `mktemp` names its files by. The same every time, if not given. */
  readonly random?: () => number;
  /** Awaited at each step. It may end processes, fill disks, cut connections, or just take long. */
  readonly atStep?: (step: Step) => void | Promise<void>;
}

/**
 * A host in memory: files, users, processes and programs, one clock. It runs the very commands that the product sends to a node.
 *
 * A world makes it so: `const host = new Host({ name, clock, users })`, `host.files.mkdirs('/data')`, `host.files.mount('/data', bytes)`,
 * `host.programs.set('nodetool', async (process) => …)`, `host.daemon({ argv, user })` for a server in the process table, `host.listening`
 * for its sockets; `simulatedRemote(host, { user })` is a connection. A script or program that this host does not know is an
 * error that names it: in `host.defects`, and thrown by the Remote.
 */
export class Host {
  readonly name: string;
  readonly clock: Clock;
  readonly users: Users;
  readonly tree: FileTree;
  /** All files, as root. */
  readonly files: Files;
  readonly processes = new ProcessTable();
  readonly programs: Programs;
  /** Who listens on which port. */
  readonly listening: Listening[] = [];
  /** What this model of a host does not know, or does wrong. A history that leaves any here shows nothing. */
  readonly defects: unknown[] = [];
  /** What connections do when the host goes down. */
  readonly onDown = new Set<() => void>();
  atStep: HostOptions['atStep'];
  readonly random: () => number;
  #up = true;
  #bootedMs: number;
  #moments = 0n;
  readonly #pipeDisk = new Disk(0xc, 0, 0n);
  #pipes = 0;

  constructor({ name, clock, users = [], groups = [], rootBytes, atStep, random = sequence() }: HostOptions) {
    this.name = name;
    this.clock = clock;
    this.atStep = atStep;
    this.random = random;
    this.users = new Users(users, groups);
    this.#bootedMs = clock.elapsedMs() - 1_000_000;
    this.tree = new FileTree(() => this.#moment());
    this.files = new Files(this.tree);
    const [root] = this.tree.disks;
    if (root !== undefined && rootBytes !== undefined) {
      root.totalBytes = rootBytes;
    }
    this.programs = new Programs(this.files);
    this.#furnish();
  }

  get up(): boolean {
    return this.#up;
  }

  /** Clock ticks (hundredths of a second) since it was started. */
  ticks(): number {
    return Math.floor((this.clock.elapsedMs() - this.#bootedMs) / 10);
  }

  /** Lets the world interfere. Nothing is awaited where it does not. */
  step(step: Step): Promise<void> | undefined {
    const wait = this.atStep?.(step);
    return wait === undefined ? undefined : step.process.blocked(wait);
  }

  /** A process that does this; whoever started it waits for `ended()`. It has the descriptors of `from`, and `prepare` is done first. */
  start(
    state: ProcessState,
    body: (process: Process) => Promise<number>,
    from?: Process,
    prepare?: (process: Process) => void,
  ): Process {
    const process = new Process(this, this.processes.nextPid(), state);
    for (const [fd, description] of from?.descriptors() ?? []) {
      process.setDescriptor(fd, description);
    }
    prepare?.(process);
    this.processes.add(process);
    void this.#live(process, body);
    return process;
  }

  /** A child of a process, with all that it has, that does something. */
  fork(parent: Process, prepare: (child: Process) => void, body: (child: Process) => Promise<number>): Process {
    parent.alive();
    const { argv, env, who, cwd, umask, pid, group, dispositions, exe } = parent;
    return this.start({ argv, env, who, cwd, umask, parent: pid, group }, body, parent, (child) => {
      child.exe = exe;
      for (const [signal, disposition] of dispositions) {
        if (disposition === 'ignore') {
          child.dispositions.set(signal, disposition);
        }
      }
      prepare(child);
    });
  }

  /** A child that runs a program. A program that is not there is status 127, and said by whoever asks for it. */
  spawn(parent: Process, argv: readonly string[], prepare: (child: Process) => void = () => {}): Process {
    return this.fork(parent, prepare, (child) => this.become(child, argv));
  }

  /** A pipe between processes. */
  pipe(): Pipe {
    this.#pipes += 1;
    return new Pipe(new Inode(this.#pipeDisk, this.#pipes, 'pipe', { mode: 0o600, uid: 0, gid: 0 }, 0n));
  }

  /** The file of a program, by its name or path. Throws ENOENT, EACCES. */
  resolve(process: Process, name: string): { readonly path: string; readonly inode: Inode } {
    if (name.includes('/')) {
      const inode = process.files.stat(name);
      if (inode.kind !== 'file' || !process.files.allows(name, 1)) {
        throw new Errno('EACCES');
      }
      return { path: name, inode };
    }
    let failure: Code = 'ENOENT';
    for (const directory of (process.env.get('PATH') ?? defaultPath).split(':')) {
      const path = `${directory === '' ? '.' : directory}/${name}`;
      const inode = name === '' ? undefined : process.files.look(path);
      if (inode?.kind === 'file') {
        if (process.files.allows(path, 1)) {
          return { path, inode };
        }
        failure = 'EACCES';
      }
    }
    throw new Errno(failure);
  }

  /** As exec: the process becomes that program. Gives its status when it has ended. Throws ENOENT, EACCES, ENOEXEC. */
  async become(process: Process, argv: readonly string[]): Promise<number> {
    const [name = ''] = argv;
    const { path, inode } = this.resolve(process, name);
    const program = this.programs.of(inode);
    if (program === undefined) {
      return this.#interpret(process, inode, [path, ...argv.slice(1)]);
    }
    process.argv = argv;
    process.exe = inode;
    for (const [signal, disposition] of process.dispositions) {
      if (disposition !== 'ignore') {
        process.dispositions.delete(signal);
      }
    }
    await this.step({ kind: 'command', process, argv });
    process.alive();
    return this.run(program, process);
  }

  /** Runs a program's work in a process. What it fails with it says, as programs do. */
  async run(program: Program, process: Process): Promise<number> {
    try {
      return await program(process);
    } catch (error) {
      if (error instanceof ProgramExit) {
        return error.status;
      }
      if (!(error instanceof Errno)) {
        throw error;
      }
      const [name = ''] = process.argv;
      await process.complain(`${name.slice(name.lastIndexOf('/') + 1)}: ${error.message}`);
      return 1;
    }
  }

  /** A process that does nothing but be there, until `finish()`: a server. */
  daemon({
    argv,
    user,
    cwd = '/',
    open = [],
  }: {
    readonly argv: readonly string[];
    readonly user: string;
    readonly cwd?: string;
    readonly open?: readonly string[];
  }): Process {
    const account = this.user(user);
    const process = this.start(
      { argv, env: new Map(), who: this.users.who(account), cwd: this.files.enter(cwd), umask: 0o022, parent: 1 },
      () => new Promise<never>(() => {}),
    );
    for (const [index, path] of open.entries()) {
      process.setDescriptor(3 + index, new OpenFile(this.files.stat(path), path, { read: false, write: true }));
    }
    return process;
  }

  /** Power off, or a crash of the kernel: every process is gone, every connection lost. What was written stays. */
  powerOff(): void {
    this.#up = false;
    for (const lose of this.onDown) {
      lose();
    }
    for (const process of this.processes.all()) {
      process.finish({ signal: 'KILL' });
    }
    this.listening.length = 0;
  }

  /** It is up again, with nothing left in memory. Some empty /tmp at their start, others keep it. */
  powerOn(tmp: 'emptied' | 'kept' = 'emptied'): void {
    this.#up = true;
    this.#bootedMs = this.clock.elapsedMs();
    for (const place of [...(tmp === 'kept' ? [] : ['/tmp']), '/run', '/dev/shm']) {
      this.#clear(place);
    }
  }

  /** Throws Error where there is no such user: a world is built wrong. */
  user(name: string): User {
    const user = this.users.byName(name);
    if (user === undefined) {
      throw new Error(`${this.name} has no user ${name}`);
    }
    return user;
  }

  /** The environment that a login has. */
  loginEnvironment(user: User): ReadonlyMap<string, string> {
    return new Map([
      ['HOME', user.home ?? '/'],
      ['LOGNAME', user.name],
      ['PATH', defaultPath],
      ['SHELL', '/bin/sh'],
      ['USER', user.name],
    ]);
  }

  async #live(process: Process, body: (process: Process) => Promise<number>): Promise<void> {
    try {
      // Whoever started it sees it begin, not end.
      await Promise.resolve();
      process.alive();
      const status = await body(process);
      process.finish({ status: status & 0xff });
    } catch (error) {
      if (error instanceof Errno) {
        process.finish({ status: error.code === 'ENOENT' ? 127 : 126 });
        return;
      }
      if (!(error instanceof Terminated)) {
        this.defects.push(error);
      }
      process.finish({ status: 125 });
    }
  }

  /** A file that is no program of ours: a script, for what its first line names, else for the shell. */
  async #interpret(process: Process, inode: Inode, argv: readonly string[]): Promise<number> {
    const head = stringOf(inode.bytes.subarray(0, 256));
    const [, interpreter, argument] = /^#! *(\S+)(?:[ \t]+(\S+))?\n/.exec(head) ?? [];
    if (interpreter === undefined) {
      throw new Errno('ENOEXEC');
    }
    return this.become(process, [interpreter, ...(argument === undefined ? [] : [argument]), ...argv]);
  }

  #furnish(): void {
    for (const place of ['/etc', '/root', '/home', '/var/log', '/var/tmp', '/bin', '/dev/fd', '/usr/bin', '/usr/local/bin']) {
      this.files.mkdirs(place);
    }
    for (const place of ['/tmp', '/dev/shm']) {
      this.files.chmod(this.files.mkdirs(place), 0o1777);
    }
    this.files.mkdirs('/run');
    for (const name of ['null', 'zero', 'full']) {
      this.files.device(`/dev/${name}`, name);
    }
    this.files.write('/etc/passwd', this.users.passwd());
    this.files.write('/etc/group', this.users.group());
    mountProc(this);
    this.programs.install();
  }

  #clear(directory: string): void {
    for (const name of this.files.list(directory)) {
      const path = `${directory}/${name}`;
      if (this.files.stat(path, false).kind === 'directory') {
        this.#clear(path);
        this.files.rmdir(path);
      } else {
        this.files.unlink(path);
      }
    }
  }

  /** Nanoseconds since 1970. Each asking is a little later than the one before, as on a real host. */
  #moment(): bigint {
    this.#moments = (this.#moments + 1n) % 1_000_000n;
    return BigInt(this.clock.now().getTime()) * 1_000_000n + this.#moments;
  }
}

/** Numbers that look like chance, always the same ones. */
function sequence(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const defaultPath = '/usr/local/bin:/usr/bin:/bin';
