import { exitCodes } from '../../cli/run.ts';
import { deleteBackups } from '../../operations/prune/delete.ts';
import { deleteQuestion, deleteText, pruneJson, pruneWarnings } from '../../report/prune-report.ts';
import type { Command } from '../command.ts';
import { lockRequest } from '../lock-request.ts';
import { locationOptions, lockOptions } from '../options.ts';
import { openRepository } from '../session/session.ts';
import { keepingTrustOptions } from '../trust-options.ts';

export const deleteCommand: Command = {
  words: ['delete <backups..>'],
  describe: 'delete backups or unfinished runs by name; what other backups need of them stays, and the rest goes a day later',
  options: {
    ...locationOptions,
    ...keepingTrustOptions,
    'with-incrementals': { type: 'boolean', default: false, describe: 'delete incremental backups that stand on them too' },
    'force-last': { type: 'boolean', default: false, describe: 'even when no complete backup is left' },
    now: { type: 'boolean', default: false, describe: 'free their objects at once, also those of one that was deleted before' },
    yes: { type: 'boolean', alias: ['f', 'force'], default: false, describe: 'do not ask' },
    'dry-run': { type: 'boolean', default: false, describe: 'print what would be deleted, and do nothing' },
    ...lockOptions,
  },
  positionals: { backups: { describe: 'ids as `list` shows them; an incremental one also as PARENT/ID' } },
  exitCodes:
    '0 deleted; 1 failed, or you said no; 2 usage, 4 a manifest is damaged (nothing was deleted), 10 no such backup or location, 11 locked, or being read, 130 interrupted',
  examples: [
    ['$0 delete 20261121T031500Z -L s3://backups/prod', 'asks before it does so'],
    ['$0 delete 20261121T031500Z -L file:///backups --now', 'makes room at once'],
  ],
  run: async (args, context) => {
    const wish = {
      names: args.list('backups'),
      withIncrementals: args.flag('with-incrementals'),
      forceLast: args.flag('force-last'),
      dryRun: args.flag('dry-run'),
      atOnce: args.flag('now'),
    };
    const repository = await openRepository(args, context);
    try {
      const { url } = repository.store;
      const options = { ...wish, now: await repository.now(context.signal) };
      const result = await deleteBackups(
        repository,
        options,
        async (plan) => args.flag('yes') || (await context.confirm(deleteQuestion(plan, url, wish.atOnce), '--yes')),
        lockRequest(args, context, 'delete'),
        context.signal,
      );
      return result === undefined
        ? { json: { location: url, deleted: false }, text: 'nothing was deleted\n', exitCode: exitCodes.failed }
        : { json: pruneJson(result), text: deleteText(result), warnings: pruneWarnings(result) };
    } finally {
      await repository.store.close();
    }
  },
};
