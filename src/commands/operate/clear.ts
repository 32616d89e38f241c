import { exitCodes } from '../../cli/run.ts';
import { clearLeftovers } from '../../operations/leftovers/clear.ts';
import { clearJson, clearQuestion, clearText } from '../../report/leftovers-report.ts';
import type { Command } from '../command.ts';
import { lockRequest } from '../lock-request.ts';
import { locationOptions, lockOptions, nodeOptions, nodesOf, seedOption } from '../options.ts';
import { openCluster } from '../session/session.ts';

export const clearCommand: Command = {
  words: ['clear'],
  describe: 'show what runs that broke off have left on nodes and in a location, and remove what nobody needs',
  options: {
    ...locationOptions,
    ...nodeOptions,
    seed: seedOption,
    unfinished: {
      type: 'string',
      array: true,
      describe: 'also the snapshots of these unfinished runs (ids, or all): they cannot be gone on with as they were',
    },
    'undo-data': {
      type: 'string',
      array: true,
      describe: 'also what these restores by node restart have moved aside (ids): they cannot be taken back any more',
    },
    staged: { type: 'boolean', default: false, describe: 'also files that `restore --method stage` has fetched' },
    yes: { type: 'boolean', alias: ['y', 'f', 'force'], default: false, describe: 'do not ask' },
    'dry-run': { type: 'boolean', default: false, describe: 'print what would be removed, and do nothing' },
    ...lockOptions,
  },
  exitCodes:
    '0 done, or there is nothing; 1 failed, or you said no; 2 usage, 3 a node could not be looked at or something could not be removed, 10 no such location, 11 locked, 130 interrupted',
  examples: [
    ['$0 clear -L s3://backups/prod --seed 10.0.0.1', 'shows what is there, and asks'],
    ['$0 clear -L s3://backups/prod --hosts h1,h2,h3 --unfinished all --yes', 'nobody will go on with a run'],
  ],
  run: async (args, context) => {
    const wish = {
      unfinished: args.list('unfinished'),
      undoData: args.list('undo-data'),
      staged: args.flag('staged'),
    };
    const options = { ...nodesOf(args), wish, dryRun: args.flag('dry-run') };
    const session = await openCluster(args, context);
    try {
      const result = await clearLeftovers(
        options,
        async (found) => {
          context.warn(found.warnings);
          return args.flag('yes') || (await context.confirm(clearQuestion(found), '--yes'));
        },
        { ...session, listen: context.listen, lockRequest: lockRequest(args, context, 'clear') },
        context.signal,
      );
      if (result === undefined) {
        return {
          json: { location: session.repository.store.url, cleared: false },
          text: 'nothing was removed\n',
          exitCode: exitCodes.failed,
        };
      }
      const isWhole = result.absent.length === 0 && result.found.every(({ error }) => error === undefined);
      return {
        json: clearJson(result),
        text: clearText(result),
        warnings: result.warnings,
        exitCode: isWhole ? exitCodes.done : exitCodes.partial,
      };
    } finally {
      await session.close();
    }
  },
};
