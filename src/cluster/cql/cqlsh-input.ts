import { BackupError } from '../../model/errors.ts';
import { onFewestLines, quotedFault, tokenFault } from '../../model/schema/gate/one-statement.ts';
import { shown } from '../../model/schema/gate/forged.ts';
import { beginsWith } from '../../model/schema/statement-head.ts';

/**
 * All that cqlsh ever reads from us is made here. A command of cqlsh's own can be nothing but one of these constants: no text
 * that came from anywhere becomes one, nor does a line in the middle of a statement.
 */
export class ShellCommand {
  /** DESCRIBE is the server's since Cassandra 4.0, but cqlsh begins to read it as its own. */
  static readonly describeSchema: ShellCommand = new ShellCommand('DESCRIBE SCHEMA WITH INTERNALS');
  /** From here on rows stay on the node. */
  static readonly captureNothing: ShellCommand = new ShellCommand("CAPTURE '/dev/null'");
  static readonly #levels: ReadonlyMap<string, ShellCommand> = new Map(
    ['ONE', 'TWO', 'THREE', 'QUORUM', 'ALL', 'LOCAL_ONE'].map((level) => [level, new ShellCommand(`CONSISTENCY ${level}`)]),
  );
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /** How many replicas have to answer what follows. Throws BackupError for a level that we read with nowhere. */
  static consistency(level: string): ShellCommand {
    const command = ShellCommand.#levels.get(level);
    if (command === undefined) {
      throw new BackupError(`nothing is read at ${JSON.stringify(level)}`);
    }
    return command;
  }
}

/** A statement without its semicolon, or a command. */
export type CqlshInput = string | ShellCommand;

/**
 * The text as cqlsh reads it. Throws BackupError for a statement that it could take for anything but one, of a verb that is
 * none of its own: whoever calls has to see before that none comes so far.
 */
export function inputText(input: CqlshInput): string {
  if (input instanceof ShellCommand) {
    return `${input.text};\n`;
  }
  const fault =
    tokenFault(input) ??
    quotedFault(input) ??
    (verbs.some((verb) => beginsWith(input, verb)) ? undefined : 'a verb that we do not use');
  if (fault !== undefined) {
    throw new BackupError(`cqlsh is not given a statement with ${fault}: ${shown({ text: input.trimStart() })}`);
  }
  return `${onFewestLines(input)};\n`;
}

/** Of these cqlsh has no command. SELECT it reads by itself, as a statement. */
const verbs = ['SELECT', 'CREATE', 'ALTER', 'TRUNCATE'] as const;
