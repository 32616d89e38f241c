import { BackupError, messageOf } from '../model/errors.ts';
import { visible, visibleJson } from '../model/visible.ts';

/**
 * Standard output and error, whose other end may go away or be a full disk. What is written for people is not worth
 * ending a backup for: it goes on unheard. What is written as the result is, except where the reader has seen enough
 * (`| head`).
 */
export function keepWritingFailuresFromEndingUs(): void {
  // Without a listener the error would be thrown out of nowhere. Errors of a result come to `print` as well.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
}

/**
 * What a result is: lines for people, JSON, or a `document` for another program, such as a schema for cqlsh.
 *
 * Buckets and nodes have a say in all of them, and a terminal obeys what it is shown. So no control character passes here but line ends
 * and tabs, wherever the lines go: a log is looked at some day. A document goes byte for byte into a file or a pipe, whose reader has the
 * right to what was stored; on a terminal it is shown as all else is.
 */
export type Form = 'lines' | 'json' | 'document';

function formed(text: string, form: Form): string {
  if (form === 'json') {
    return visibleJson(text);
  }
  return form === 'document' && !process.stdout.isTTY ? text : visible(text);
}

/** Says something to people, on standard error. */
export function say(text: string): void {
  process.stderr.write(visible(text));
}

/** An error as the result of a command; nobody waits, nor cares any more, whether it can be written. */
export function printError(json: string): void {
  process.stdout.write(formed(json, 'json'));
}

/**
 * Writes a part of the result and waits until it is written. Gives false when nobody reads any more; throws BackupError when it
 * cannot be written for any other reason.
 */
export async function print(text: string, form: Form): Promise<boolean> {
  try {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(formed(text, form), (error) => (error ? reject(error) : resolve()));
    });
    return true;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    // A terminal that has gone away answers EIO.
    if (code === 'EPIPE' || (code === 'EIO' && process.stdout.isTTY)) {
      return false;
    }
    throw new BackupError(`the result cannot be written to standard output: ${messageOf(cause)}`, { cause });
  }
}
