import { exitCodes } from '../../cli/run.ts';
import { unlock } from '../../operations/location/unlock.ts';
import { unlockJson, unlockQuestion, unlockText } from '../../report/lock-report.ts';
import type { Command } from '../command.ts';
import { locationOptions } from '../options.ts';
import { openRepository } from '../session/session.ts';

export const unlockCommand: Command = {
  words: ['unlock'],
  describe: 'show who holds the lock of a location, and remove it',
  options: {
    ...locationOptions,
    force: { type: 'boolean', alias: ['f', 'yes'], default: false, describe: 'do not ask' },
  },
  exitCodes:
    '0 removed, or there was none; 1 failed, or you said no; 2 usage, 10 no such location, 11 somebody else has just taken it',
  examples: [['$0 unlock -L s3://backups/prod', 'after the host of a backup was lost and nobody wants to wait a minute']],
  run: async (args, context) => {
    const repository = await openRepository(args, context);
    try {
      const { url } = repository.store;
      const result = await unlock(
        repository,
        async (lock) => args.flag('force') || (await context.confirm(unlockQuestion(lock, url, new Date()), '--force')),
        context.signal,
      );
      return {
        json: unlockJson(result),
        text: unlockText(result, new Date()),
        exitCode: result.removed || result.lock === undefined ? exitCodes.done : exitCodes.failed,
      };
    } finally {
      await repository.store.close();
    }
  },
};
