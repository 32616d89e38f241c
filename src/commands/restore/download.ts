import { processOwner } from '../../cli/environment.ts';
import { UsageError } from '../../model/errors.ts';
import { tableFilter } from '../../model/options/table-filter.ts';
import { restoreLocal } from '../../operations/download/download.ts';
import { whileReadingChosen } from '../../operations/location/while-reading.ts';
import type { Command } from '../command.ts';
import { choiceOf, choiceOptions, hostOption, locationOptions, selectionOptions, threadsOption } from '../options.ts';
import { openStored } from '../session/session.ts';
import { trustOptions } from '../trust-options.ts';
import { localQuestion, restoreOutcome } from './outcome.ts';

export const downloadCommand: Command = {
  words: ['download [backup]'],
  describe: "bring a backup's files to this host, checked; no node is asked",
  options: {
    host: hostOption,
    ...locationOptions,
    ...selectionOptions,
    to: { type: 'string', describe: 'directory on this host: DIR/<node>/<keyspace>/…' },
    layout: {
      choices: ['plain', 'sstableloader'],
      default: 'plain',
      describe: 'plain: <table>-<id>, as on the node; sstableloader: <table>, for `sstableloader DIR/<node>/<keyspace>/<table>`',
    },
    ...choiceOptions,
    ...trustOptions,
    yes: {
      type: 'boolean',
      alias: 'y',
      default: false,
      describe: 'do not ask before what an earlier download of something else has left there is removed',
    },
    'dry-run': { type: 'boolean', default: false, describe: 'print what would be done, and do nothing' },
    transfers: { type: 'number', default: 3, describe: 'files at once' },
    threads: threadsOption,
  },
  positionals: { backup: { describe: 'its id, or latest', default: 'latest' } },
  exitCodes:
    '0 done, 1 failed or you said no, 2 usage, 3 files of some nodes failed, 4 damaged data, 10 no such backup or location, 11 another download works there, 130 interrupted',
  examples: [
    ['$0 download latest -L s3://backups/prod -K shop --to ./copy', 'a keyspace, as it lay on the nodes'],
    [
      '$0 download latest -L s3://backups/prod -K shop.orders --to ./load --layout sstableloader',
      'then, for each node: sstableloader -d HOSTS ./load/NODE/shop/orders',
    ],
  ],
  run: async (args, context) => {
    const directory = args.optionalText('to');
    if (directory === undefined) {
      throw new UsageError('no directory', { hint: 'say where the files go: --to DIR' });
    }
    const options = {
      choice: choiceOf(args),
      only: args.list('host'),
      filter: tableFilter(args.list('keyspaces')),
      transfers: args.number('transfers', 1),
      dryRun: args.flag('dry-run'),
      directory,
      layout: args.text('layout') === 'sstableloader' ? ('sstableloader' as const) : ('plain' as const),
    };
    const session = await openStored(args, context);
    try {
      const mayClear = async (texts: readonly string[]) =>
        args.flag('yes') || (await context.confirm(localQuestion(texts), '--yes'));
      const parts = { ...session, listen: context.listen, owner: processOwner(), mayClear };
      const result = await whileReadingChosen(
        { ...parts, operation: 'download' },
        options,
        (choice) => restoreLocal({ ...options, choice }, parts, context.signal),
        context.signal,
      );
      return restoreOutcome({ ...result, signatures: session.repository.signatures.counts });
    } finally {
      await session.close();
    }
  },
};
