import type { CommandModule, Options } from 'yargs';
import { type OptionSet, Arguments } from '../cli/arguments.ts';
import { type CommandContext, type CommandOutcome, runCommand } from '../cli/run.ts';
import { UsageError } from '../model/errors.ts';
import { outputOptions } from './options.ts';

/** A command of the program: its words and options, and what it does. */
export interface Command {
  /** Its words as yargs reads them, aliases after the first. */
  readonly words: readonly [string, ...string[]];
  readonly describe: string;
  readonly options: OptionSet;
  readonly positionals?: OptionSet;
  /** Its own exit codes, for the help text. */
  readonly exitCodes: string;
  readonly examples?: readonly (readonly [command: string, what: string])[];
  readonly run: (args: Arguments, context: CommandContext) => Promise<CommandOutcome>;
}

/**
 * An option that takes a value must not swallow its default in silence when none follows, unless it says that it may stand
 * alone.
 */
function withValues(options: OptionSet): Record<string, Options> {
  const entries = Object.entries(options);
  return Object.fromEntries(entries.map(([name, option]) => [name, { requiresArg: option.type !== 'boolean', ...option }]));
}

/** A list without a value gets its default from yargs all the same, where it has one. */
function refuseBareLists(options: OptionSet, words: readonly string[]): void {
  const lists = Object.entries(options).filter(([, option]) => option.array === true);
  const spelled = lists.flatMap(([name, { alias = [] }]) =>
    [name, alias].flat().map((each) => (each.length === 1 ? `-${each}` : `--${each}`)),
  );
  const bare = words.find((word, index) => spelled.includes(word) && (words[index + 1] ?? '-').startsWith('-'));
  if (bare !== undefined) {
    throw new UsageError(`${bare} needs a value`, { hint: 'sstash --help, or sstash COMMAND --help' });
  }
}

/** What yargs wants to have; `settle` fills defaults from environment and config file, `words` is the command line. */
export function commandModule(
  command: Command,
  settle: (options: OptionSet) => OptionSet,
  words: readonly string[],
): CommandModule {
  const options = { ...command.options, ...outputOptions };
  return {
    command: [...command.words],
    describe: command.describe,
    builder: (yargs) => {
      for (const [name, option] of Object.entries(command.positionals ?? {})) {
        const choices = option.choices === undefined ? {} : { choices: option.choices };
        yargs.positional(name, { describe: option.describe ?? '', type: 'string', default: option.default, ...choices });
      }
      for (const [example, what] of command.examples ?? []) {
        yargs.example(example, what);
      }
      return yargs.options(withValues(settle(options))).epilogue(`Exit codes: ${command.exitCodes}.`);
    },
    handler: async (values) => {
      refuseBareLists(options, words);
      const args = new Arguments(values, words);
      const output = { json: args.flag('json'), quiet: args.flag('quiet'), debug: args.flag('debug') };
      await runCommand(output, (context) => command.run(args, context));
    },
  };
}
