import { BackupError, messageOf } from '../model/errors.ts';

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
 * Writes a part of the result and waits until it is written. Gives false when nobody reads any more; throws BackupError when it
 * cannot be written for any other reason.
 */
export async function print(text: string): Promise<boolean> {
  try {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
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
