import { latestRestorable } from '../../model/backup/latest.ts';
import { parseDuration } from '../../model/options/time-span.ts';
import { parseMoment } from '../../model/backup/backup-id.ts';
import { listBackups, namesAt } from '../../operations/list.ts';
import { timeToLookAt } from '../../operations/location/store-clock.ts';
import { forgottenJson, forgottenText } from '../../report/forgotten-report.ts';
import { damagedRow, emptyText, listRow, listText } from '../../report/listing-report.ts';
import type { Command } from '../command.ts';
import { degradedAgeOption, locationOptions } from '../options.ts';
import { openRepository } from '../session/session.ts';
import { trustOptions } from '../trust-options.ts';

export const listCommand: Command = {
  words: ['list', 'ls'],
  describe: 'list the backups of a location, oldest first',
  options: {
    ...locationOptions,
    ...trustOptions,
    'latest-before': { type: 'string', describe: 'only the one that would be latest at this moment' },
    ...degradedAgeOption,
    since: { type: 'string', describe: 'only those from this moment or later' },
    until: { type: 'string', describe: 'only those from this moment or earlier' },
  },
  exitCodes: '0 done (also when there are none), 1 failed, 2 usage, 4 a backup cannot be read, 10 no such location',
  examples: [['$0 list -L s3://backups/prod --json', 'for programs']],
  run: async (args, context) => {
    const moment = (name: string) => {
      const text = args.optionalText(name);
      return text === undefined ? undefined : parseMoment(text);
    };
    const before = moment('latest-before');
    const range = { since: moment('since'), until: moment('until') };
    const narrowed = [before, range.since, range.until].some((each) => each !== undefined);
    const repository = await openRepository(args, context);
    const { url } = repository.store;
    try {
      const now = await timeToLookAt({ repository, listen: context.listen }, context.signal);
      const found = await listBackups(repository, range, context.signal);
      const { damaged, forgotten } = found;
      const maxDegradedAgeSeconds = parseDuration(args.text('max-degraded-age'));
      const latest = before === undefined ? undefined : latestRestorable(found, now, { before, maxDegradedAgeSeconds })?.backup;
      const backups = before === undefined ? found.backups : latest === undefined ? [] : [latest];
      return {
        json: {
          backups: [...backups.map((each) => listRow(each, now, damaged)), ...damaged.map(damagedRow)],
          ...(forgotten.length === 0 ? {} : { forgotten: forgotten.map(forgottenJson) }),
        },
        text:
          (narrowed || backups.length + damaged.length > 0
            ? listText(backups, damaged, `${url}${narrowed ? ' of that time' : ''}`, now)
            : emptyText(url, forgotten.length > 0 ? [] : await namesAt(repository, context.signal))) + forgottenText(forgotten),
        warnings: damaged.map(({ id, reason }) => `backup ${id} cannot be read: ${reason}`),
      };
    } finally {
      await repository.store.close();
    }
  },
};
