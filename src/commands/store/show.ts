import { manifestsOf, showBackup } from '../../operations/show.ts';
import { filesJson, filesText, showJson, showText } from '../../report/listing-report.ts';
import type { Command } from '../command.ts';
import { locationOptions } from '../options.ts';
import { openRepository } from '../session/session.ts';
import { trustOptions } from '../trust-options.ts';

const positionals = { backup: { describe: 'its id, or latest', default: 'latest' } };
const exitCodes = '0 done, 1 failed, 2 usage, 4 a manifest is damaged, 10 no such backup or location';

export const showCommand: Command = {
  words: ['show [backup]'],
  describe: "show a backup's nodes, tables and sizes",
  options: { ...locationOptions, ...trustOptions },
  positionals,
  exitCodes,
  run: async (args, context) => {
    const repository = await openRepository(args, context);
    try {
      const choice = { name: args.text('backup') };
      const { backup, nodes, url, now } = await showBackup({ repository, listen: context.listen }, choice, context.signal);
      return { json: showJson(backup, nodes, now), text: showText(backup, nodes, url, now) };
    } finally {
      await repository.store.close();
    }
  },
};

export const filesCommand: Command = {
  words: ['files [backup]'],
  describe: "list every file of a backup with its object's full URL",
  options: { ...locationOptions, ...trustOptions },
  positionals,
  exitCodes,
  run: async (args, context) => {
    const repository = await openRepository(args, context);
    const manifests = manifestsOf({ repository, listen: context.listen }, { name: args.text('backup') }, context.signal);
    const { url } = repository.store;
    return {
      stream: (json) => (json ? filesJson(manifests, url) : filesText(manifests, url)),
      close: () => repository.store.close(),
    };
  },
};
