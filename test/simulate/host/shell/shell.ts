import type { Process } from '../process/process.ts';
import { type Signal, signalNumbers, statusOf } from '../process/signals.ts';
import { stringOf } from '../bytes.ts';
import { type Builtin, builtins } from './builtins/builtins.ts';
import { execute, redirectForGood } from './execute.ts';
import { FunctionReturn, Replaced, ShellExit } from './leave.ts';
import { parse } from './parse.ts';
import type { Command, Redirection } from './syntax.ts';

interface Variable {
  readonly value: string | undefined;
  readonly exported: boolean;
}

/** What a trap is set for. */
export type Condition = Signal | 'EXIT';

/** What a shell says of a child that was ended; of an interrupt and a broken pipe nothing. */
const signalTexts: Partial<Readonly<Record<Signal, string>>> = {
  HUP: 'Hangup',
  QUIT: 'Quit',
  KILL: 'Killed',
  ALRM: 'Alarm clock',
  TERM: 'Terminated',
};

/** A running POSIX shell, as dash is one: its variables, functions, parameters, traps and options. */
export class Shell {
  readonly process: Process;
  /** `$0`, and what its complaints begin with. */
  readonly name: string;
  /** `$$`: of the first shell, in all its subshells. */
  readonly mainPid: number;
  readonly functions: Map<string, Command>;
  readonly traps = new Map<Condition, string>();
  /** By their letters: C, e, f, u. */
  readonly options: Set<string>;
  /** Children that were started in the background. */
  readonly jobs = new Map<number, Process>();
  readonly #variables: Map<string, Variable>;
  #environment: ReadonlyMap<string, string> | undefined;
  parameters: readonly string[];
  status = 0;
  /** Of the last command substitution. */
  substitutionStatus = 0;
  lastBackground: number | undefined;
  /** Commands around the one that runs whose status is asked for: there `set -e` ends nothing. */
  tested = 0;
  line = 1;
  readonly #pending: Signal[] = [];

  constructor(process: Process, name: string, parameters: readonly string[], parent?: Shell) {
    this.process = process;
    this.name = name;
    this.parameters = parameters;
    this.mainPid = parent?.mainPid ?? process.pid;
    this.functions = new Map(parent?.functions);
    this.options = new Set(parent?.options);
    this.tested = parent?.tested ?? 0;
    this.status = parent?.status ?? 0;
    this.lastBackground = parent?.lastBackground;
    this.#variables =
      parent === undefined
        ? new Map([...process.env].map(([key, value]) => [key, { value, exported: true }]))
        : new Map(parent.#variables);
    for (const [condition, action] of parent?.traps ?? []) {
      if (action === '') {
        this.traps.set(condition, action);
      }
    }
    if (parent === undefined) {
      this.#variables.set('PWD', { value: process.files.realpath('.'), exported: true });
      this.#variables.set('IFS', { value: ' \t\n', exported: false });
      this.#variables.set('PPID', { value: String(process.parent), exported: false });
      this.#variables.set('OPTIND', { value: '1', exported: false });
    }
  }

  /** Runs a program's text to its end, with the trap for it. Gives its status. */
  async runMain(text: string): Promise<number> {
    return this.#untilExit(() => this.evaluate(text));
  }

  /** Runs what a subshell is for, in this one, whose process was forked for it. */
  async runForked(command: Command, redirections: readonly Redirection[]): Promise<number> {
    return this.#untilExit(async () => {
      if (redirections.length > 0 && !(await redirectForGood(this, redirections))) {
        return;
      }
      await execute(this, command, true);
    });
  }

  /** `eval`, traps: text in this very shell. */
  async evaluate(text: string): Promise<void> {
    await execute(this, parse(text));
  }

  /** What a command prints, without the line ends behind it. */
  async substitute(body: Command): Promise<string> {
    const { host } = this.process;
    const pipe = host.pipe();
    const reading = pipe.reader.held();
    const child = this.fork(body, (process) => process.setDescriptor(1, pipe.writer));
    const chunks: Uint8Array[] = [];
    try {
      for (
        let chunk = await reading.read(65_536, this.process);
        chunk !== undefined;
        chunk = await reading.read(65_536, this.process)
      ) {
        chunks.push(chunk);
      }
    } finally {
      reading.release();
    }
    this.substitutionStatus = await this.waitFor(child);
    this.status = this.substitutionStatus;
    return stringOf(Buffer.concat(chunks)).replaceAll('\0', '').replace(/\n+$/, '');
  }

  /** A subshell, in a process of its own. */
  fork(command: Command, prepare: (process: Process) => void, redirections: readonly Redirection[] = []): Process {
    return this.process.host.fork(this.process, prepare, (process) =>
      new Shell(process, this.name, this.parameters, this).runForked(command, redirections),
    );
  }

  builtin(name: string): Builtin | undefined {
    return builtins.get(name);
  }

  /** Waits for a child, and says so where a signal has ended it. Gives its status. */
  async waitFor(child: Process): Promise<number> {
    const ending = await this.process.blocked(child.ended());
    const said = ending.signal === undefined ? undefined : signalTexts[ending.signal];
    if (said !== undefined) {
      await this.process.complain(said);
    }
    return statusOf(ending);
  }

  variable(name: string): string | undefined {
    return this.#variables.get(name)?.value;
  }

  /** A variable, or what a shell itself knows: `#`, `?`, `1` … */
  parameter(name: string): string | undefined {
    switch (name) {
      case '#':
        return String(this.parameters.length);
      case '?':
        return String(this.status);
      case '$':
        return String(this.mainPid);
      case '!':
        return this.lastBackground === undefined ? '' : String(this.lastBackground);
      case '-':
        return [...this.options].join('');
      case '0':
        return this.name;
      case '@':
      case '*':
        return this.parameters.length === 0
          ? undefined
          : this.parameters.join(this.variable('IFS')?.[0] ?? (this.variable('IFS') === undefined ? ' ' : ''));
      default:
        return /^\d+$/.test(name) ? this.parameters[Number(name) - 1] : this.variable(name);
    }
  }

  set(name: string, value: string): void {
    this.#put(name, { value, exported: this.#variables.get(name)?.exported ?? false });
  }

  export(name: string): void {
    this.#put(name, { value: this.#variables.get(name)?.value, exported: true });
  }

  unset(name: string): void {
    this.#put(name, undefined);
  }

  /** Has variables be others while something is done; also exported ones. */
  async withVariables<T>(values: ReadonlyMap<string, string>, work: () => Promise<T>): Promise<T> {
    const before = [...values.keys()].map((name) => [name, this.#variables.get(name)] as const);
    for (const [name, value] of values) {
      this.#put(name, { value, exported: true });
    }
    try {
      return await work();
    } finally {
      for (const [name, variable] of before) {
        this.#put(name, variable);
      }
    }
  }

  /** What its programs get. */
  environment(): ReadonlyMap<string, string> {
    this.#environment ??= new Map(
      [...this.#variables].flatMap(([name, { value, exported }]) => (exported && value !== undefined ? [[name, value]] : [])),
    );
    return this.#environment;
  }

  /** A complaint, as dash words it. */
  async complain(what: string): Promise<void> {
    await this.process.complain(`${this.name}: ${this.line}: ${what}`);
  }

  /** Complains, and ends this shell. */
  async fail(status: number, what: string): Promise<never> {
    await this.complain(what);
    throw new ShellExit(status);
  }

  /** `''` has a signal ignored, undefined gives it back its meaning. */
  trap(condition: Condition, action: string | undefined): void {
    if (action === undefined) {
      this.traps.delete(condition);
    } else {
      this.traps.set(condition, action);
    }
    if (condition !== 'EXIT') {
      const { dispositions } = this.process;
      if (action === undefined) {
        dispositions.delete(condition);
      } else {
        dispositions.set(condition, action === '' ? 'ignore' : (signal) => void this.#pending.push(signal));
      }
    }
  }

  /** The signal that came first and waits for its trap. */
  get pending(): Signal | undefined {
    return this.#pending[0];
  }

  /** Does what the traps say for the signals that came. */
  async runTraps(): Promise<void> {
    for (let signal = this.#pending.shift(); signal !== undefined; signal = this.#pending.shift()) {
      const { status } = this;
      this.status = 128 + signalNumbers[signal];
      await this.evaluate(this.traps.get(signal) ?? '');
      this.status = status;
    }
  }

  #put(name: string, variable: Variable | undefined): void {
    if (variable?.exported === true || this.#variables.get(name)?.exported === true) {
      this.#environment = undefined;
    }
    if (variable === undefined) {
      this.#variables.delete(name);
    } else {
      this.#variables.set(name, variable);
    }
  }

  async #untilExit(work: () => Promise<void>): Promise<number> {
    const replaced = await this.#catching(work);
    const atEnd = this.traps.get('EXIT');
    if (!replaced && atEnd !== undefined && atEnd !== '') {
      this.traps.delete('EXIT');
      const { status } = this;
      await this.#catching(async () => {
        await this.evaluate(atEnd);
        this.status = status;
      });
    }
    return this.status;
  }

  /** Whether the shell has become another program by it. */
  async #catching(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return false;
    } catch (error) {
      if (!(error instanceof ShellExit || error instanceof FunctionReturn)) {
        throw error;
      }
      this.status = error.status;
      return error instanceof Replaced;
    }
  }
}
