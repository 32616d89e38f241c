import type { Arguments, OptionSet } from '../../cli/arguments.ts';
import type { CommandContext, CommandOutcome } from '../../cli/run.ts';
import { writeConfig } from '../../operations/restore/write-config.ts';
import { configText } from '../../report/config-report.ts';
import { choiceOf } from '../options.ts';
import { openRepository } from '../session/session.ts';
import { readFile } from 'node:fs/promises';
import { messageOf, UsageError } from '../../model/errors.ts';
import { mapLines, type NodeMap, parseNodeMap } from '../../model/target/node-map.ts';

/** `restore --write-config`: the settings of a fresh cluster, from the location alone. An empty directory means print. */
export async function writeSettings(directory: string, args: Arguments, context: CommandContext): Promise<CommandOutcome> {
  const map = await nodeMapOf(args);
  const repository = await openRepository(args, context);
  try {
    const question = { choice: choiceOf(args), only: args.list('host'), map };
    const result = await writeConfig(
      directory === '' || args.flag('dry-run') ? question : { ...question, directory },
      { repository, listen: context.listen },
      context.signal,
    );
    return { json: result, text: configText(result), warnings: result.warnings };
  } finally {
    await repository.store.close();
  }
}

export const mapOptions: OptionSet = {
  map: {
    type: 'string',
    array: true,
    describe: 'old=new: the data of node old of the backup to host new, in place of matching by tokens',
    group: 'Nodes:',
  },
  'map-file': { type: 'string', describe: 'a file of such lines', group: 'Nodes:' },
};

/** What `--map` and `--map-file` say together. Throws UsageError, also for a file that cannot be read or says nothing. */
export async function nodeMapOf(args: Arguments): Promise<NodeMap> {
  const file = args.optionalText('map-file');
  return parseNodeMap([...args.list('map'), ...(file === undefined ? [] : await linesOf(file))]);
}

async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`cannot read the map file: ${messageOf(cause)}`, { cause });
  });
  const lines = mapLines(text);
  if (lines.length === 0) {
    throw new UsageError(`the map file ${file} names no node`, { hint: 'write a line old=new for each' });
  }
  return lines;
}
