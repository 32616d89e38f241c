import { become } from './become.ts';
import { Errno } from '../files/errno.ts';
import { OpenFile } from '../process/open-file.ts';
import type { Process } from '../process/process.ts';
import { type Builtin, builtins, specialBuiltins } from './builtins/builtins.ts';
import { expandPattern, expandText, expandWords } from './expand.ts';
import { FunctionReturn, LoopJump, ShellExit } from './leave.ts';
import { patternExpression } from './pattern.ts';
import { RedirectionFailure, redirect, redirected } from './redirect.ts';
import type { Shell } from './shell.ts';
import type { Assignment, CaseItem, Command, Redirection } from './syntax.ts';

type Simple = Extract<Command, { readonly kind: 'simple' }>;

/** Runs a command; its status is in `shell.status`. `last`: the shell does nothing else after it, and may become it. */
export async function execute(shell: Shell, command: Command, last = false): Promise<void> {
  switch (command.kind) {
    case 'simple':
      await simple(shell, command, last);
      break;
    case 'sequence':
      if (command.commands.length === 0) {
        shell.status = 0;
      }
      for (const one of command.commands) {
        await execute(shell, one);
      }
      return;
    case 'and':
    case 'or':
      await tested(shell, command.first);
      if ((shell.status === 0) === (command.kind === 'and')) {
        await execute(shell, command.second);
      }
      return;
    case 'not':
      await tested(shell, command.command);
      shell.status = shell.status === 0 ? 1 : 0;
      return;
    case 'if':
      await tested(shell, command.condition);
      return shell.status === 0 ? execute(shell, command.body) : otherwise(shell, command.otherwise);
    case 'while':
    case 'until':
      return loop(shell, command);
    case 'for':
      return forEach(shell, command);
    case 'case':
      return choose(shell, await expandText(shell, command.word), command.items);
    case 'function':
      shell.functions.set(command.name, command.body);
      shell.status = 0;
      return;
    case 'redirected':
      await withRedirections(shell, command.redirections, () => execute(shell, command.command));
      break;
    case 'subshell':
      shell.status = await shell.waitFor(shell.fork(command.body, () => {}));
      break;
    case 'pipeline':
      await pipeline(shell, command.commands);
      break;
    case 'background':
      background(shell, command.command);
      return;
    default:
      command satisfies never;
  }
  if (shell.pending !== undefined) {
    await shell.runTraps();
  }
  if (shell.status !== 0 && shell.tested === 0 && shell.options.has('e')) {
    throw new ShellExit(shell.status);
  }
}

async function tested(shell: Shell, command: Command): Promise<void> {
  shell.tested += 1;
  try {
    await execute(shell, command);
  } finally {
    shell.tested -= 1;
  }
}

async function otherwise(shell: Shell, command: Command | undefined): Promise<void> {
  if (command === undefined) {
    shell.status = 0;
  } else {
    await execute(shell, command);
  }
}

async function loop(
  shell: Shell,
  { kind, condition, body }: Extract<Command, { readonly kind: 'while' | 'until' }>,
): Promise<void> {
  let status = 0;
  for (;;) {
    const goesOn = await round(shell, async () => {
      await tested(shell, condition);
      if ((shell.status === 0) !== (kind === 'while')) {
        return false;
      }
      await execute(shell, body);
      status = shell.status;
      return true;
    });
    if (!goesOn) {
      shell.status = status;
      return;
    }
  }
}

async function forEach(shell: Shell, { name, words, body }: Extract<Command, { readonly kind: 'for' }>): Promise<void> {
  shell.status = 0;
  for (const value of words === undefined ? shell.parameters : await expandWords(shell, words)) {
    shell.set(name, value);
    const goesOn = await round(shell, async () => {
      await execute(shell, body);
      return true;
    });
    if (!goesOn) {
      return;
    }
  }
}

/** One time through a loop. False where the loop ends. */
async function round(shell: Shell, work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LoopJump)) {
      throw error;
    }
    if (error.levels > 1) {
      throw new LoopJump(error.goesOn, error.levels - 1);
    }
    shell.status = 0;
    return error.goesOn;
  }
}

async function choose(shell: Shell, text: string, items: readonly CaseItem[]): Promise<void> {
  for (const { patterns, body } of items) {
    for (const pattern of patterns) {
      if (patternExpression(await expandPattern(shell, pattern)).test(text)) {
        return otherwise(shell, body);
      }
    }
  }
  shell.status = 0;
}

async function pipeline(shell: Shell, commands: readonly Command[]): Promise<void> {
  const { host } = shell.process;
  const children: Process[] = [];
  let input = shell.process.descriptors().get(0)?.held();
  for (const [index, command] of commands.entries()) {
    const pipe = index < commands.length - 1 ? host.pipe() : undefined;
    const from = input;
    const reader = pipe?.reader.held();
    children.push(
      shell.fork(command, (child) => {
        child.setDescriptor(0, from);
        if (pipe !== undefined) {
          child.setDescriptor(1, pipe.writer);
        }
      }),
    );
    from?.release();
    input = reader;
  }
  for (const child of children) {
    shell.status = await shell.waitFor(child);
  }
}

function background(shell: Shell, command: Command): void {
  // What is redirected for all of it is not kept to be taken back: whoever reads hears at once that nobody writes.
  const redirections = command.kind === 'redirected' ? command.redirections : [];
  const body = command.kind === 'redirected' ? command.command : command;
  const nothing = new OpenFile(shell.process.files.stat('/dev/null'), '/dev/null', { read: true, write: false });
  const prepare = (process: Process): void => {
    process.setDescriptor(0, nothing);
    process.dispositions.set('INT', 'ignore');
    process.dispositions.set('QUIT', 'ignore');
  };
  const child = shell.fork(body, prepare, redirections);
  shell.jobs.set(child.pid, child);
  shell.lastBackground = child.pid;
  shell.status = 0;
}

async function simple(shell: Shell, command: Simple, last: boolean): Promise<void> {
  shell.line = command.line;
  shell.substitutionStatus = 0;
  const [name, ...args] = await expandWords(shell, command.words);
  if (name === undefined) {
    await assign(shell, command.assignments);
    const { substitutionStatus } = shell;
    if (await withRedirections(shell, command.redirections, async () => {})) {
      shell.status = substitutionStatus;
    }
    return;
  }
  const body = shell.functions.get(name);
  const builtin = builtins.get(name);
  if (builtin !== undefined && specialBuiltins.has(name)) {
    await assign(shell, command.assignments);
    await special(shell, builtin, [name, ...args], command.redirections);
    return;
  }
  const values = await valuesOf(shell, command.assignments);
  if (body !== undefined) {
    await shell.withVariables(values, async () => {
      await withRedirections(shell, command.redirections, () => callFunction(shell, body, args));
    });
    return;
  }
  if (builtin !== undefined) {
    await shell.withVariables(values, async () => {
      await withRedirections(shell, command.redirections, async () => {
        await step(shell, [name, ...args]);
        shell.status = await runBuiltin(shell, builtin, [name, ...args]);
      });
    });
    return;
  }
  const environment = values.size === 0 ? shell.environment() : new Map([...shell.environment(), ...values]);
  const run = async (process: Process): Promise<number> => {
    process.env = environment;
    try {
      await redirect(shell, process, command.redirections);
    } catch (error) {
      return failedRedirection(shell, process, error);
    }
    return become(shell, process, [name, ...args]);
  };
  if (last && shell.traps.size === 0) {
    shell.status = await run(shell.process);
    return;
  }
  const child = shell.process.host.fork(shell.process, () => {}, run);
  shell.status = await shell.waitFor(child);
}

/** A special builtin: what is redirected in `exec` stays so, and a redirection that fails ends the shell. */
async function special(
  shell: Shell,
  builtin: Builtin,
  argv: readonly string[],
  redirections: readonly Redirection[],
): Promise<void> {
  try {
    await step(shell, argv);
    if (argv[0] === 'exec') {
      await redirect(shell, shell.process, redirections);
      shell.status = await builtin(shell, argv.slice(1));
    } else {
      shell.status = await redirected(shell, redirections, async () => builtin(shell, argv.slice(1)));
    }
  } catch (error) {
    throw error instanceof RedirectionFailure ? new ShellExit(await failedRedirection(shell, shell.process, error)) : error;
  }
}

/** False where they could not be made, which has been said. */
async function withRedirections(shell: Shell, redirections: readonly Redirection[], work: () => Promise<void>): Promise<boolean> {
  if (redirections.length === 0) {
    await work();
    return true;
  }
  try {
    await redirected(shell, redirections, work);
    return true;
  } catch (error) {
    shell.status = await failedRedirection(shell, shell.process, error);
    return false;
  }
}

/** In a shell that does nothing else. False where they could not be made, which has been said. */
export async function redirectForGood(shell: Shell, redirections: readonly Redirection[]): Promise<boolean> {
  try {
    await redirect(shell, shell.process, redirections);
    return true;
  } catch (error) {
    shell.status = await failedRedirection(shell, shell.process, error);
    return false;
  }
}

async function failedRedirection(shell: Shell, process: Process, error: unknown): Promise<number> {
  if (!(error instanceof RedirectionFailure)) {
    throw error;
  }
  await process.complain(`${shell.name}: ${shell.line}: ${error.message}`);
  return 2;
}

async function callFunction(shell: Shell, body: Command, args: readonly string[]): Promise<void> {
  const { parameters } = shell;
  shell.parameters = args;
  try {
    await execute(shell, body);
  } catch (error) {
    if (!(error instanceof FunctionReturn)) {
      throw error;
    }
    shell.status = error.status;
  } finally {
    shell.parameters = parameters;
  }
}

async function runBuiltin(shell: Shell, builtin: Builtin, [name = '', ...args]: readonly string[]): Promise<number> {
  try {
    return await builtin(shell, args);
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    await shell.complain(`${name}: I/O error`);
    return 1;
  }
}

async function assign(shell: Shell, assignments: readonly Assignment[]): Promise<void> {
  for (const { name, word } of assignments) {
    shell.set(name, await expandText(shell, word));
  }
}

async function valuesOf(shell: Shell, assignments: readonly Assignment[]): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const { name, word } of assignments) {
    values.set(name, await expandText(shell, word));
  }
  return values;
}

async function step(shell: Shell, argv: readonly string[]): Promise<void> {
  await shell.process.host.step({ kind: 'command', process: shell.process, argv });
  shell.process.alive();
}
