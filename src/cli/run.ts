import { setMaxListeners } from 'node:events';
import { BackupError, messageOf, withoutSignatures } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import { confirm } from './confirm.ts';
import { isMeantToOutlive } from './hangup.ts';
import { visibleIndented } from '../model/visible.ts';
import { print, printError, say } from './output.ts';
import { openProgress } from './progress.ts';

/** What a command gives back: the same result for people and for programs, and the exit code it stands for. */
export type CommandOutcome = WholeOutcome | StreamedOutcome;

interface WholeOutcome {
  readonly json: unknown;
  readonly text: string;
  /** Whether the text is a document for another program: see `Form`. */
  readonly isDocument?: boolean;
  readonly exitCode?: number;
  /** What people should know besides; those that were said already are not said again. */
  readonly warnings?: readonly string[];
}

/** A result that may be too long to be held; `close` comes after it, whatever happens. */
interface StreamedOutcome {
  readonly stream: (json: boolean) => AsyncIterable<string>;
  readonly close: () => Promise<void>;
}

export interface CommandContext {
  readonly signal: AbortSignal;
  readonly listen: Listen;
  /** Says each warning once, however often it comes: before a question, say, and with the result. */
  readonly warn: (texts: readonly string[]) => void;
  /** Asks the person at the terminal. Throws UsageError where nobody can answer, naming the flag that answers beforehand. */
  readonly confirm: (question: string, flag: string) => Promise<boolean>;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
}

/** Exit codes that belong to no class of error; every command's help lists its own. */
export const exitCodes = { done: 0, failed: 1, usage: 2, partial: 3, integrity: 4, interrupted: 130 } as const;

/**
 * Runs one command: interrupt, termination and the loss of the terminal become an AbortSignal, progress goes to standard error, the result to
 * standard output, and whatever is thrown is caught here and nowhere else. Sets the process's exit code.
 */
export async function runCommand(
  output: OutputOptions,
  work: (context: CommandContext) => Promise<CommandOutcome>,
): Promise<void> {
  const progress = openProgress(process.stderr, output.quiet);
  const abort = new AbortController();
  // Every host, stream and request listens to the signal.
  setMaxListeners(0, abort.signal);
  const stop = (name: NodeJS.Signals) => {
    if (!abort.signal.aborted) {
      progress.say(`${name}: stopping; once more to leave at once`);
      abort.abort(new BackupError('interrupted'));
    } else if (name !== 'SIGHUP') {
      process.exit(exitCodes.interrupted);
    }
    // That the terminal is lost both the kernel and the shell tell: nobody has asked twice.
  };
  const hangup = isMeantToOutlive(process.env) ? () => undefined : stop;
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', hangup);
  try {
    const warn = onceEach((text) => progress.listen({ type: 'warning', text }));
    const ask = (question: string, flag: string) => progress.aside(() => confirm(question, flag, abort.signal));
    const outcome = await work({ signal: abort.signal, listen: progress.listen, warn, confirm: ask });
    if ('stream' in outcome) {
      await printAll(outcome, output.json);
      progress.close();
      process.exitCode = exitCodes.done;
    } else {
      warn(outcome.warnings ?? []);
      progress.close();
      process.exitCode = outcome.exitCode ?? exitCodes.done;
      const form = outcome.isDocument === true ? 'document' : 'lines';
      await (output.json ? print(`${JSON.stringify(outcome.json, undefined, 2)}\n`, 'json') : print(outcome.text, form));
    }
  } catch (error) {
    progress.close();
    process.exitCode = abort.signal.aborted ? exitCodes.interrupted : exitCodeOf(error);
    report(abort.signal.aborted && isAbort(error) ? abort.signal.reason : error, output, process.exitCode);
  } finally {
    // The second telling of a lost terminal may come after the end, and must not take the exit code away.
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function onceEach(tell: (text: string) => void): (texts: readonly string[]) => void {
  const said = new Set<string>();
  return (texts) => {
    for (const text of texts.filter((each) => !said.has(each))) {
      said.add(text);
      tell(text);
    }
  };
}

/** What a timer or a request of Node's own throws when it is aborted, without a word of why. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** Writes in pieces of some size (a write per line costs more than the line), and no faster than the reader takes them. */
async function printAll({ stream, close }: StreamedOutcome, json: boolean): Promise<void> {
  let piece = '';
  const form = json ? 'json' : 'lines';
  try {
    for await (const text of stream(json)) {
      piece += text;
      if (piece.length >= pieceLength) {
        if (!(await print(piece, form))) {
          return;
        }
        piece = '';
      }
    }
    await print(piece, form);
  } finally {
    await close();
  }
}

const pieceLength = 65_536;

/** An error that ended the program, as `runCommand` shows it. */
export function report(error: unknown, output: OutputOptions, exitCode: number): void {
  const hint = error instanceof BackupError ? error.hint : undefined;
  if (output.json) {
    const json = { error: { message: withoutSignatures(messageOf(error)), ...(hint === undefined ? {} : { hint }), exitCode } };
    printError(`${JSON.stringify(json, undefined, 2)}\n`);
  }
  say(`sstash: ${withoutSignatures(oneLine(messageOf(error)))}\n${hint === undefined ? '' : `  ${visibleIndented(hint)}\n`}`);
  if (output.debug) {
    say(`${visibleIndented(withoutSignatures(describe(error)))}\n`);
  } else if (!(error instanceof BackupError)) {
    say('  this should not happen; run again with --debug to see where\n');
  }
}

export function exitCodeOf(error: unknown): number {
  return error instanceof BackupError ? error.exitCode : exitCodes.failed;
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/(:?)\s*\n\s*/g, (_, colon: string) => (colon === '' ? '; ' : ': '));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const cause = error.cause === undefined ? '' : `\ncaused by: ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
