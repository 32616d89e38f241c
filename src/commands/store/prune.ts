import { parseAge, parseDuration } from '../../model/options/time-span.ts';
import type { Arguments } from '../../cli/arguments.ts';
import type { RetentionPolicy } from '../../model/retention/retention.ts';
import { type PruneOptions, prune } from '../../operations/prune/prune.ts';
import { pruneJson, pruneText, pruneWarnings } from '../../report/prune-report.ts';
import type { Command } from '../command.ts';
import { lockRequest } from '../lock-request.ts';
import { timeToActBy } from '../../operations/location/store-clock.ts';
import { clockOptions, locationOptions, lockOptions } from '../options.ts';
import { openRepository } from '../session/session.ts';
import { keepingTrustOptions } from '../trust-options.ts';

const keep = (what: string) =>
  ({ type: 'number', default: 0, defaultDescription: 'none', describe: what, group: 'Rules:' }) as const;

export const pruneCommand: Command = {
  words: ['prune'],
  describe: 'delete old backups by rules, runs that were given up, and objects that belong to no backup',
  options: {
    ...locationOptions,
    ...keepingTrustOptions,
    'keep-last': keep('keep the newest N'),
    'keep-daily': keep('keep the newest of each of the last N days (UTC) that have one'),
    'keep-weekly': keep('the same with ISO weeks'),
    'keep-monthly': keep('the same with months'),
    'older-than': {
      type: 'string',
      describe: 'delete only what is older: 12h, 30d, 4w, 6mo (months), 1y; with keep rules both must agree',
      group: 'Rules:',
    },
    policy: {
      type: 'string',
      describe: 'only backups of this series; without it the rules count in each series',
      group: 'Rules:',
    },
    'stale-after': {
      type: 'string',
      default: '1d',
      describe: 'an unfinished run without a sign of life for so long is given up: 30m (minutes), 12h, 1d, 1w',
    },
    grace: {
      type: 'string',
      default: '24h',
      describe:
        'the objects of a backup go so long after it was deleted, as a restore may be reading them; those that belong to none when they are older; 0 frees all at once',
    },
    'dry-run': { type: 'boolean', default: false, describe: 'print what would be deleted and what would stay, and do nothing' },
    ...lockOptions,
    ...clockOptions,
  },
  exitCodes:
    '0 done, 1 failed, 2 usage, 4 a manifest is damaged (nothing was deleted), 10 no such location, 11 locked, 130 interrupted',
  examples: [
    ['$0 prune -L s3://backups/prod --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run', 'what would go'],
    ['$0 prune -L s3://backups/prod --older-than 30d', 'the newest complete backup stays, whatever its age'],
  ],
  run: async (args, context) => {
    const rules = pruneRules(args);
    const repository = await openRepository(args, context);
    try {
      const { listen, signal } = context;
      const now = await timeToActBy({ repository, listen }, args.flag('allow-clock-skew'), signal);
      const result = await prune(repository, { ...rules, now }, lockRequest(args, context, 'prune'), signal);
      return { json: pruneJson(result), text: pruneText(result), warnings: pruneWarnings(result) };
    } finally {
      await repository.store.close();
    }
  },
};

function pruneRules(args: Arguments): Omit<PruneOptions, 'now'> {
  return {
    policy: policyOf(args),
    staleAfterSeconds: parseDuration(args.text('stale-after')),
    graceSeconds: parseDuration(args.text('grace')),
    dryRun: args.flag('dry-run'),
  };
}

function policyOf(args: Arguments): RetentionPolicy {
  const olderThan = args.optionalText('older-than');
  const label = args.optionalText('policy');
  return {
    keepLast: args.number('keep-last', 0),
    keepDaily: args.number('keep-daily', 0),
    keepWeekly: args.number('keep-weekly', 0),
    keepMonthly: args.number('keep-monthly', 0),
    olderThan: olderThan === undefined ? undefined : parseAge(olderThan),
    series: label === undefined ? undefined : { label },
  };
}
