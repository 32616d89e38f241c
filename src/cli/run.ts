import { setMaxListeners } from 'node:events';
import { BackupError, messageOf } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import { openProgress } from './progress.ts';

/** What a command gives back: the same result for people and for programs, and the exit code it stands for. */
export interface CommandOutcome {
  readonly json: unknown;
  readonly text: string;
  readonly exitCode?: number;
}

export interface CommandContext {
  readonly signal: AbortSignal;
  readonly listen: Listen;
  /** A line for people, on standard error: what is about to happen, a warning. */
  readonly say: (text: string) => void;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
}

/** Exit codes that are nobody's error class (DESIGN, section 5). */
export const exitCodes = { done: 0, failed: 1, usage: 2, partial: 3, integrity: 4, interrupted: 130 } as const;

/**
 * Runs one command: interrupt and termination become an AbortSignal, progress goes to standard error, the result to
 * standard output, and whatever is thrown is caught here and nowhere else. Sets the process's exit code.
 */
export async function runCommand(
  output: OutputOptions,
  work: (context: CommandContext) => Promise<CommandOutcome>,
): Promise<void> {
  const abort = new AbortController();
  // Every host, stream and request listens to it.
  setMaxListeners(0, abort.signal);
  const stop = (name: NodeJS.Signals) => {
    if (abort.signal.aborted) {
      process.exit(exitCodes.interrupted);
    }
    process.stderr.write(`\n${name}: stopping; once more to leave at once\n`);
    abort.abort(new BackupError('interrupted'));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const progress = openProgress(process.stderr, output.quiet);
  try {
    const outcome = await work({ signal: abort.signal, listen: progress.listen, say: progress.say });
    progress.close();
    process.stdout.write(output.json ? `${JSON.stringify(outcome.json, undefined, 2)}\n` : outcome.text);
    process.exitCode = outcome.exitCode ?? exitCodes.done;
  } catch (error) {
    progress.close();
    process.exitCode = abort.signal.aborted ? exitCodes.interrupted : exitCodeOf(error);
    report(error, output, process.exitCode);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** An error that ended the program, as `runCommand` shows it. */
export function report(error: unknown, output: OutputOptions, exitCode: number): void {
  const hint = error instanceof BackupError ? error.hint : undefined;
  if (output.json) {
    const json = { error: { message: messageOf(error), ...(hint === undefined ? {} : { hint }), exitCode } };
    process.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
  }
  process.stderr.write(`sstash: ${oneLine(messageOf(error))}\n${hint === undefined ? '' : `  ${hint}\n`}`);
  if (output.debug) {
    process.stderr.write(`${describe(error)}\n`);
  } else if (!(error instanceof BackupError)) {
    process.stderr.write('  this should not happen; run again with --debug to see where\n');
  }
}

export function exitCodeOf(error: unknown): number {
  return error instanceof BackupError ? error.exitCode : exitCodes.failed;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, '; ').trim();
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const cause = error.cause === undefined ? '' : `\ncaused by: ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
