import { Arguments, type OptionSet } from '../../../src/cli/arguments.ts';
import { exitCodeOf } from '../../../src/cli/run.ts';
import { backupCommand } from '../../../src/commands/backup/backup.ts';
import type { Command } from '../../../src/commands/command.ts';
import { outputOptions } from '../../../src/commands/options.ts';
import { clearCommand } from '../../../src/commands/operate/clear.ts';
import { restoreCommand } from '../../../src/commands/restore/restore.ts';
import { deleteCommand } from '../../../src/commands/store/delete.ts';
import { pruneCommand } from '../../../src/commands/store/prune.ts';
import { verifyCommand } from '../../../src/commands/store/verify.ts';
import { BackupError, messageOf } from '../../../src/model/errors.ts';
import type { SimulatedProcess } from '../clock/process.ts';

const commands = {
  backup: backupCommand,
  restore: restoreCommand,
  prune: pruneCommand,
  delete: deleteCommand,
  verify: verifyCommand,
  clear: clearCommand,
} satisfies Record<string, Command>;

/** A command line, taken apart: what yargs would make of it. */
export interface CommandLine {
  readonly command: keyof typeof commands;
  readonly values: Readonly<Record<string, string | number | boolean>>;
}

/** What became of a command, as whoever ran it saw. */
export interface Ran {
  readonly line: CommandLine;
  /** Undefined when it was killed. */
  readonly exitCode: number | undefined;
  /** The result for programs; undefined when it failed. */
  readonly json: unknown;
  /** All that was said: warnings, the result, or the error with its advice. */
  readonly said: readonly string[];
  /** What was thrown and is no error of ours: a fault of the program. */
  readonly defect: unknown;
  readonly begunMs: number;
  readonly endedMs: number;
}

export function lineText({ command, values }: CommandLine): string {
  const { backup, backups, ...options } = values;
  const named = [backup, backups].flatMap((value) => (value === undefined ? [] : [String(value)]));
  const words = Object.entries(options).map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
  return ['sstash', command, ...named, ...words].join(' ');
}

export interface Terminal {
  readonly process: SimulatedProcess;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Hears what is said while it runs. */
  readonly hear: (text: string) => void;
}

/** Runs a command as `cli/run.ts` does, in a simulated process. Never rejects; never resolves when the process is killed. */
export async function runCommandLine(line: CommandLine, { process, signal, nowMs, hear }: Terminal): Promise<Ran> {
  const command: Command = commands[line.command];
  const said: string[] = [];
  const begunMs = nowMs();
  const say = (text: string): void => {
    if (!said.includes(text)) {
      said.push(text);
      hear(text);
    }
  };
  const context = {
    signal,
    listen: (event: { readonly type: string; readonly text?: string }) => {
      if (event.type === 'warning' && event.text !== undefined) {
        say(`warning: ${event.text}`);
      }
    },
    warn: (texts: readonly string[]) => texts.forEach((text) => say(`warning: ${text}`)),
    confirm: async () => true,
  };
  return process.run(async () => {
    try {
      const outcome = await command.run(new Arguments(withDefaults(command, line)), context);
      if ('stream' in outcome) {
        throw new Error(`${line.command} gives a stream`);
      }
      context.warn(outcome.warnings ?? []);
      said.push(...outcome.text.trim().split('\n'));
      const { json, exitCode = 0 } = outcome;
      return { line, exitCode, json, said, defect: undefined, begunMs, endedMs: nowMs() };
    } catch (error) {
      const shown = signal.aborted && error instanceof Error && error.name === 'AbortError' ? signal.reason : error;
      const hint = shown instanceof BackupError && shown.hint !== undefined ? [`  ${shown.hint}`] : [];
      [`sstash: ${messageOf(shown)}`, ...hint].forEach(say);
      const exitCode = signal.aborted ? 130 : exitCodeOf(shown);
      const defect = shown instanceof BackupError ? undefined : shown;
      return { line, exitCode, json: undefined, said, defect, begunMs, endedMs: nowMs() };
    }
  });
}

function withDefaults({ options, positionals = {} }: Command, { values }: CommandLine): Record<string, unknown> {
  const all: OptionSet = { ...options, ...positionals, ...outputOptions };
  return { ...Object.fromEntries(Object.entries(all).map(([name, option]) => [name, option.default])), ...values };
}
