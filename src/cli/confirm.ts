import { createInterface } from 'node:readline/promises';
import { UsageError } from '../model/errors.ts';
import { visible } from '../model/visible.ts';

/**
 * Asks the person at the terminal; only `y` and `yes` mean yes. Throws UsageError where nobody can answer, naming the
 * flag that answers beforehand.
 */
export async function confirm(question: string, flag: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError('nobody can be asked: this is not a terminal', { hint: `${flag} does it without asking` });
  }
  // The question goes to standard error: standard output is for the result.
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-C at the question is one like any other, but readline keeps it from the process. The end of input is a no.
    terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const answer = await Promise.race([terminal.question(`${visible(question)} [y/N] `, { signal }), closed]);
    return /^\s*y(?:es)?\s*$/i.test(answer);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}
