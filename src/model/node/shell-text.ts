import { BackupError } from '../errors.ts';
import { hasHidden, visibleInLine } from '../visible.ts';

/**
 * How words become text of a shell. Everything that is put into a shell, here or on a node, and every command that is printed for people
 * to run, is quoted by these functions and by nothing else.
 */

const harmless = /^[A-Za-z0-9_@%+=:,./-]+$/;
/** Bare, a shell would take it for a variable assignment instead of a program's name. */
const assignment = /^[A-Za-z_][A-Za-z0-9_]*=/;

/** One word as a POSIX shell reads it back. Throws BackupError on a NUL byte: no argv can carry one. */
export function quote(word: string): string {
  if (word.includes('\0')) {
    throw new BackupError(`a command argument holds a NUL byte: ${JSON.stringify(word)}`);
  }
  return harmless.test(word) && !assignment.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command line that any POSIX shell takes apart into exactly this argv. */
export function commandLine(command: readonly string[]): string {
  return command.map(quote).join(' ');
}

/**
 * One word of a script that people paste or run. Throws BackupError for a word with a line end or another control character: a
 * terminal obeys those while it is pasted into, whatever the quotes around them say.
 */
export function printedWord(word: string): string {
  if (hasHidden(word)) {
    throw new BackupError(`${visibleInLine(word)} cannot stand in a script: it holds a control character`);
  }
  return quote(word);
}

/** A line that the shell passes over, whatever the text holds. */
export function comment(text: string): string {
  return `# ${visibleInLine(text)}`;
}

/** Names the ends of the here-documents of one script: words that nobody knew who had a say in what stands in them. */
export type EndOf = (what: string) => string;

/** `secret` is random: 16 letters and digits at least. Throws BackupError. */
export function endsWith(secret: string): EndOf {
  if (!/^[0-9A-Za-z]{16,}$/.test(secret)) {
    throw new BackupError('what ends a here-document must be random');
  }
  return (what) => `${what}_${secret}`;
}

/**
 * The lines of a script as the standard input of a command; `after` follows on the command's line. Throws BackupError where one of
 * the lines would end it before its time, or has lines of its own.
 */
export function hereDocument(command: string, lines: readonly string[], end: string, after = ''): readonly string[] {
  const first = `${command} <<'${end}'${after}`;
  if ([first, ...lines].some((line) => /[\n\r\0]/.test(line)) || lines.some((line) => line.trim() === end)) {
    throw new BackupError('a script that was to be printed would have been cut off in its middle');
  }
  return [first, ...lines, end];
}
