import { type Arguments } from '../../cli/arguments.ts';
import { type CommandContext, type CommandOutcome } from '../../cli/run.ts';
import { writeConfig } from '../../operations/restore/write-config.ts';
import { configText } from '../../report/config-report.ts';
import { choiceOf } from '../options.ts';
import { nodeMapOf } from './map.ts';
import { openRepository } from '../session.ts';

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
    for (const text of result.warnings) {
      context.listen({ type: 'warning', text });
    }
    return { json: result, text: configText(result) };
  } finally {
    await repository.store.close();
  }
}
