import yargs, { type CommandModule } from 'yargs';
import { UsageError } from '../model/errors.ts';
import type { OptionSet } from './arguments.ts';
import { keepWritingFailuresFromEndingUs } from './output.ts';
import { exitCodeOf, report } from './run.ts';
import { readConfigFile, refuseUnknownSettings, withSettings } from './settings.ts';
import { version } from './version.ts';

export interface ProgramCommand {
  readonly optionNames: readonly string[];
  readonly module: (settle: (options: OptionSet) => OptionSet, words: readonly string[]) => CommandModule;
}

/** Takes the command line apart and runs the command it names. Sets the exit code; never throws. */
export async function runProgram(argv: readonly string[], commands: readonly ProgramCommand[]): Promise<void> {
  keepWritingFailuresFromEndingUs();
  if (argv.some((word) => word.startsWith('--aws-secret-access-key'))) {
    // On Linux it takes the place of the command line, from here on.
    process.title = 'sstash';
  }
  try {
    const file = readConfigFile(configPath(argv));
    refuseUnknownSettings(file, new Set(commands.flatMap((command) => command.optionNames)));
    const parser = yargs(argv)
      .scriptName('sstash')
      .usage('$0 <command>\n\nBack up Apache Cassandra and ScyllaDB clusters to S3 over SSH, and bring the data back.')
      .parserConfiguration({
        'camel-case-expansion': false,
        'dot-notation': false,
        'duplicate-arguments-array': true,
        'greedy-arrays': false,
      })
      .version(version())
      .help()
      .alias('help', 'h')
      .wrap(Math.min(120, process.stdout.columns ?? 100))
      .strict()
      .demandCommand(1, 'which command?')
      .recommendCommands()
      .fail((message: string | null, error: unknown) => {
        throw (
          error ??
          new UsageError(withoutLogins(message ?? 'bad command line', argv), { hint: 'sstash --help, or sstash COMMAND --help' })
        );
      });
    for (const command of commands) {
      parser.command(command.module((options) => withSettings(options, process.env, file), argv));
    }
    await parser.parseAsync();
  } catch (error) {
    const ours = error instanceof Error && error.name === 'YError' ? usageError(error) : error;
    process.exitCode = exitCodeOf(ours);
    const output = { json: argv.includes('--json'), quiet: false, debug: argv.includes('--debug') };
    report(ours, output, process.exitCode);
  }
}

/** A word too many may be the rest of a login whose file was meant. */
function withoutLogins(message: string, argv: readonly string[]): string {
  const holdsLogin = argv.some((word) => /^--[\w-]*(?:credentials|secret|passw)/.test(word));
  return holdsLogin && message.startsWith('Unknown argument')
    ? 'an argument too many; it is not shown, since it may be a part of a login'
    : message;
}

/** What yargs itself found wrong with the command line. */
function usageError(cause: Error): UsageError {
  const option = /^Not enough arguments following: (.+)$/.exec(cause.message)?.[1];
  const message = option === undefined ? cause.message : `${option.length === 1 ? '-' : '--'}${option} needs a value`;
  return new UsageError(message, { cause, hint: 'sstash --help, or sstash COMMAND --help' });
}

/** The config file must be known before the options are: its values are their defaults. */
function configPath(argv: readonly string[]): string | undefined {
  const joined = argv.find((word) => word.startsWith('--config='));
  const position = argv.indexOf('--config');
  return joined?.slice('--config='.length) ?? (position < 0 ? undefined : argv[position + 1]) ?? process.env['SSTASH_CONFIG'];
}
