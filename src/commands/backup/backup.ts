import { parseDuration } from '../../model/options/time-span.ts';
import type { Arguments } from '../../cli/arguments.ts';
import { processOwner } from '../../cli/environment.ts';
import { exitCodes } from '../../cli/run.ts';
import { version } from '../../cli/version.ts';
import { UsageError } from '../../model/errors.ts';
import type { TtlWish } from '../../model/node/snapshot-ttl.ts';
import { tableFilter } from '../../model/options/table-filter.ts';
import type { CompressionChoice } from '../../model/backup/upload-plan.ts';
import { requirements } from '../../model/backup/outcome/verdict.ts';
import { backup } from '../../operations/backup/backup.ts';
import { planBackup } from '../../operations/backup/dry-run.ts';
import type { BackupOptions } from '../../operations/backup/options.ts';
import { backupJson, backupPlanJson, backupPlanText, backupText } from '../../report/backup-report.ts';
import type { Command } from '../command.ts';
import {
  clockOptions,
  locationOptions,
  lockOptions,
  nodeOptions,
  perDatacenter,
  nodesOf,
  seedOption,
  selectionOptions,
  transferOptions,
} from '../options.ts';
import { openSession } from '../session/session.ts';
import { keyOption } from '../trust-options.ts';

export const backupCommand: Command = {
  words: ['backup', 'take'],
  describe: 'back up the cluster: snapshots of all nodes at once, or their incremental files',
  options: {
    ...nodeOptions,
    seed: seedOption,
    ...locationOptions,
    ...keyOption,
    ...selectionOptions,
    'new-snapshot': { type: 'boolean', default: false, describe: 'a snapshot backup, whatever the rule says' },
    incremental: { type: 'boolean', default: false, describe: 'an incremental backup, or an error why it cannot be' },
    'snapshot-every': {
      type: 'string',
      default: '1d',
      describe: 'how old the parent of an incremental backup may be: 12h, 1d, 1w',
    },
    'timestamp-format': {
      type: 'string',
      describe: 'strftime name of snapshot backups; with %Y%m%d the first of a day is a snapshot',
    },
    'keep-incrementals': {
      type: 'boolean',
      default: false,
      describe: "leave Cassandra's incremental files on the nodes after they are stored",
    },
    'self-contained': { type: 'boolean', default: false, describe: 'upload everything, also what earlier backups hold' },
    resume: {
      type: 'string',
      requiresArg: false,
      describe:
        'go on with the unfinished run, however old, or with the one that is named; or add missing nodes to a degraded backup of the last 6 h. An error when there is none',
    },
    require: {
      choices: requirements,
      default: 'quorum',
      describe:
        'what a backup that lacks nodes must hold to be committed as degraded: of every range a quorum of the replicas in each datacenter, or any replica; all: every node',
    },
    retention: { type: 'number', describe: 'after the backup keep so many of its series and prune the others' },
    policy: { type: 'string', describe: 'series that the backup belongs to: daily, weekly …' },
    'dry-run': { type: 'boolean', default: false, describe: 'print what would be done, and do nothing' },
    'snapshot-parallel': {
      type: 'string',
      array: true,
      describe: 'nodes that take their snapshot at once, all by default: 5, or dc1:2,dc2:5',
    },
    'min-free': {
      type: 'number',
      default: 5,
      describe: 'percent of a data disk that must be free for a snapshot; 0 takes it anyway',
    },
    'upload-parallel': {
      type: 'string',
      array: true,
      describe: 'nodes that upload at once, all by default: 5, or dc1:2,dc2:5',
    },
    compression: {
      choices: ['lzo', 'none', 'auto'],
      default: 'lzo',
      describe: 'how components are stored; auto: data that Cassandra has compressed as it is, the rest as lzo',
    },
    'snapshot-ttl': {
      type: 'string',
      default: 'auto',
      describe:
        'how long snapshots stay on the nodes if nothing clears them (Cassandra 4.1 and later): 3d, none, or auto: a week, longer where backups take long',
    },
    'clear-on-failure': { type: 'boolean', default: false, describe: 'clear the snapshots of failed nodes too' },
    ...transferOptions,
    ...lockOptions,
    ...clockOptions,
  },
  exitCodes:
    '0 complete, 1 failed, 2 usage, 3 some nodes failed (the backup is degraded, or not committed), 10 no such location, 11 locked, 130 interrupted (with a result where the backup was committed before)',
  examples: [
    ['$0 backup --seed cass1 --user ops --use-sudo -L s3://backups/prod', 'the whole cluster'],
    [
      "$0 backup --hosts cass1,cass2 -K 'shop.*,!shop.cache' -L file:///backups",
      'one keyspace without a table, into a directory',
    ],
  ],
  run: async (args, context) => {
    const options = backupOptions(args);
    const session = await openSession(args, context, { create: true, writes: !args.flag('dry-run') });
    try {
      const parts = { ...session, listen: context.listen };
      if (args.flag('dry-run')) {
        const plan = await planBackup(options, parts, context.signal);
        return { json: backupPlanJson(plan), text: backupPlanText(plan), warnings: plan.warnings };
      }
      const result = await backup(options, parts, context.signal);
      return {
        json: backupJson(result),
        text: backupText(result),
        warnings: result.warnings,
        exitCode: result.interrupted === true ? exitCodes.interrupted : result.complete ? exitCodes.done : exitCodes.partial,
      };
    } finally {
      await session.close();
    }
  },
};

function backupOptions(args: Arguments): BackupOptions {
  return {
    ...nodesOf(args),
    filter: tableFilter(args.list('keyspaces')),
    kind: kindOf(args),
    ...resumeOf(args),
    require: requirementOf(args.text('require')),
    selfContained: args.flag('self-contained'),
    snapshotEverySeconds: parseDuration(args.text('snapshot-every')),
    timestampFormat: args.optionalText('timestamp-format'),
    keepIncrementals: args.flag('keep-incrementals'),
    retention: args.has('retention') ? args.number('retention', 1) : undefined,
    policy: args.optionalText('policy'),
    compression: compressionOf(args.text('compression')),
    snapshotParallel: perDatacenter(args, 'snapshot-parallel'),
    uploadParallel: perDatacenter(args, 'upload-parallel'),
    rateLimit: perDatacenter(args, 'rate-limit'),
    transfers: args.number('transfers', 1),
    clearOnFailure: args.flag('clear-on-failure'),
    snapshotTtl: ttlWish(args.text('snapshot-ttl')),
    minFreePercent: args.number('min-free', 0, 100),
    lockTimeoutSeconds: args.number('lock-timeout', 0),
    allowClockSkew: args.flag('allow-clock-skew'),
    owner: processOwner(),
    writtenBy: `sstash ${version()}`,
  };
}

function kindOf(args: Arguments): BackupOptions['kind'] {
  if (args.flag('new-snapshot') && args.flag('incremental')) {
    throw new UsageError('--new-snapshot and --incremental exclude each other');
  }
  return args.flag('new-snapshot') ? 'snapshot' : args.flag('incremental') ? 'incremental' : undefined;
}

/** A config file, which knows no option without a value, says `resume: true`. */
function resumeOf(args: Arguments): Pick<BackupOptions, 'resume' | 'resumeId'> {
  const text = args.valueIfAny('resume');
  return text === undefined || text === 'false'
    ? { resume: false }
    : { resume: true, resumeId: text === '' || text === 'true' ? undefined : text };
}

function requirementOf(text: string): BackupOptions['require'] {
  return requirements.find((each) => each === text) ?? 'quorum';
}

function compressionOf(text: string): CompressionChoice {
  return text === 'none' || text === 'auto' ? text : 'lzo';
}

/** No run may be surprised by the end of its snapshots: `snapshotTtl` makes it longer where need be. */
function ttlWish(text: string): TtlWish {
  if (text === 'auto' || text === 'none') {
    return text;
  }
  const seconds = parseDuration(text);
  if (seconds < 86_400 || seconds > 366 * 86_400) {
    throw new UsageError(`--snapshot-ttl ${text} is not between a day and a year`, {
      hint: 'none: snapshots stay until they are cleared',
    });
  }
  return seconds;
}
