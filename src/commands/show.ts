import type { Arguments } from '../cli/arguments.ts';
import type { CommandContext } from '../cli/run.ts';
import type { ShownBackup } from '../operations/show.ts';
import { showBackup } from '../operations/show.ts';
import { fileRows, filesText, showJson, showText } from '../report/listing-report.ts';
import type { Command } from './command.ts';
import { locationOptions } from './options.ts';
import { openRepository } from './session.ts';

const positionals = { backup: { describe: 'its id, or latest', default: 'latest' } };
const exitCodes = '0 done, 1 failed, 2 usage, 4 a manifest is damaged, 10 no such backup or location';

export const showCommand: Command = {
  words: ['show [backup]'],
  describe: "show a backup's nodes, tables and sizes",
  options: locationOptions,
  positionals,
  exitCodes,
  run: async (args, context) => {
    const { backup, manifests, url } = await shown(args, context);
    return { json: showJson(backup, manifests), text: showText(backup, manifests, url) };
  },
};

export const filesCommand: Command = {
  words: ['files [backup]'],
  describe: "list every file of a backup with its object's full URL",
  options: locationOptions,
  positionals,
  exitCodes,
  run: async (args, context) => {
    const { manifests, location } = await shown(args, context);
    const files = fileRows(manifests, location);
    return { json: { files }, text: filesText(files) };
  },
};

async function shown(args: Arguments, context: CommandContext): Promise<ShownBackup & { readonly location: string }> {
  const repository = await openRepository(args, context);
  try {
    const parts = { repository, listen: context.listen };
    return { ...(await showBackup(parts, { name: args.text('backup') }, context.signal)), location: repository.store.url };
  } finally {
    await repository.store.close();
  }
}
