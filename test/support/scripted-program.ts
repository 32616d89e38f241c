import { AsyncLocalStorage } from 'node:async_hooks';
import { registerHooks } from 'node:module';
import type { Remote } from '../../src/cluster/remote.ts';

const doors = ['cluster/ssh/ssh.ts', 'storage/lock/process-table.ts'];

/**
 * The program's own commands on nodes that are not there: whatever is imported after this reaches scripted nodes in the place of ssh, each
 * run those that it was given; and each run is a process that has ended when it has. Everything else of the program is as it is: options,
 * stores, exit codes.
 */
export function redirectDoors(): void {
  const own = new Set(doors.map((door) => new URL(`../../src/${door}`, import.meta.url).href));
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      return own.has(found.url) ? { ...found, url: import.meta.url } : found;
    },
  });
}

type Connect = (host: string) => Promise<Remote>;

const reached = new AsyncLocalStorage<Connect>();

/** Stands for `cluster/ssh/ssh.ts`. */
export async function openSsh({ host }: { readonly host: string }): Promise<Remote> {
  const connect = reached.getStore() ?? (() => Promise.reject(new Error(`nobody has said how ${host} is reached`)));
  return connect(host);
}

/** Stands for `storage/lock/process-table.ts`. */
export function processTable(): string {
  return 'scripted';
}

export function isProcessAlive(): boolean {
  return false;
}

/** What became of a command, as whoever ran it saw. */
export interface Ran {
  readonly code: number;
  /** The result for programs; undefined when it failed. */
  readonly json: unknown;
  /** Warnings, and the error with its advice. */
  readonly said: string;
  /** What was thrown and is no error of ours: a fault of the program. */
  readonly defect: unknown;
}

export type Values = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Runs a command as `cli/run.ts` does. */
export async function runCommandOn(connect: Connect, name: string, values: Values, signal: AbortSignal): Promise<Ran> {
  const { Arguments } = await import('../../src/cli/arguments.ts');
  const { exitCodeOf } = await import('../../src/cli/run.ts');
  const { BackupError, messageOf } = await import('../../src/model/errors.ts');
  const { outputOptions } = await import('../../src/commands/options.ts');
  const command = await commandOf(name);
  const all = { ...command.options, ...command.positionals, ...outputOptions };
  const defaults = Object.fromEntries(Object.entries(all).map(([option, { default: value }]) => [option, value]));
  const said = new Set<string>();
  const warn = (texts: readonly string[]): void => texts.forEach((text) => said.add(`warning: ${text}`));
  const context = {
    signal,
    warn,
    listen: (event: { readonly type: string; readonly text?: string }) => {
      if (event.type === 'warning') {
        warn([event.text ?? '']);
      }
    },
    confirm: async () => true,
  };
  return reached.run(connect, async () => {
    try {
      const outcome = await command.run(new Arguments({ ...defaults, ...values }, []), context);
      if ('stream' in outcome) {
        let text = '';
        for await (const piece of outcome.stream(true)) {
          text += piece;
        }
        await outcome.close();
        return { code: 0, json: JSON.parse(text), said: [...said].join('\n'), defect: undefined };
      }
      warn(outcome.warnings ?? []);
      return { code: outcome.exitCode ?? 0, json: outcome.json, said: [...said].join('\n'), defect: undefined };
    } catch (error) {
      said.add(`sstash: ${messageOf(error)}`);
      const ours = error instanceof BackupError;
      said.add(ours ? (error.hint ?? '') : '');
      return {
        code: signal.aborted ? 130 : exitCodeOf(error),
        json: undefined,
        said: [...said].join('\n'),
        defect: ours || signal.aborted ? undefined : error,
      };
    }
  });
}

async function commandOf(name: string) {
  const all = [
    (await import('../../src/commands/backup/backup.ts')).backupCommand,
    (await import('../../src/commands/restore/restore.ts')).restoreCommand,
    (await import('../../src/commands/restore/download.ts')).downloadCommand,
    ...Object.values(await import('../../src/commands/restore/schema.ts')),
    (await import('../../src/commands/store/verify.ts')).verifyCommand,
    (await import('../../src/commands/store/delete.ts')).deleteCommand,
    (await import('../../src/commands/store/prune.ts')).pruneCommand,
    (await import('../../src/commands/store/list.ts')).listCommand,
    ...Object.values(await import('../../src/commands/store/show.ts')),
    (await import('../../src/commands/operate/clear.ts')).clearCommand,
    (await import('../../src/commands/operate/unlock.ts')).unlockCommand,
  ];
  const command = all.find((each) => each.words[0].split(' ')[0] === name);
  if (command === undefined) {
    throw new Error(`there is no command ${name}`);
  }
  return command;
}
