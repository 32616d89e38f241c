import { randomBytes } from 'node:crypto';
import type { Arguments } from '../../cli/arguments.ts';
import { processOwner } from '../../cli/environment.ts';
import { exitCodes } from '../../cli/run.ts';
import { UsageError } from '../../model/errors.ts';
import { type ReadSample, isSound } from '../../model/verify/verify-result.ts';
import { type VerifyOptions, verify, verifyAndRepair } from '../../operations/verify/verify.ts';
import { verifyJson, verifyText } from '../../report/verify-report.ts';
import type { Command } from '../command.ts';
import { locationOptions, lockOptions, nodeOptions, transferOptions } from '../options.ts';
import { openSession } from '../session/session.ts';
import { trustOptions } from '../trust-options.ts';

export const verifyCommand: Command = {
  words: ['verify [backup]'],
  describe: 'check that everything a backup needs is in the store, and right; mend it from the nodes',
  options: {
    ...locationOptions,
    ...trustOptions,
    all: { type: 'boolean', default: false, describe: 'every backup of the location' },
    'read-data': {
      type: 'string',
      requiresArg: false,
      describe: 'also read, decompress and check the objects: all, or --read-data=10% of their bytes',
    },
    'sample-seed': { type: 'string', describe: 'read the same part again as a run that printed this' },
    repair: {
      type: 'boolean',
      default: false,
      describe: 'store what is lost or damaged again, from the nodes that still have it',
    },
    ...nodeOptions,
    ...transferOptions,
    transfers: { type: 'number', default: 4, describe: 'objects read at once; with --repair also streams per node' },
    ...lockOptions,
  },
  positionals: { backup: { describe: 'its id, or latest (default)' } },
  exitCodes:
    '0 all is right or mended, 1 failed, 2 usage, 4 something is missing or damaged, 10 no such backup or location, 11 locked (--repair), 130 interrupted',
  examples: [
    ['$0 verify latest -L s3://backups/prod', 'by listing: a few seconds'],
    ['$0 verify latest -L s3://backups/prod --manifest-key ~/sstash.key --require-signed', 'refuses what is not signed'],
    ['$0 verify --all --read-data=5% -L s3://backups/prod', 'a part of everything, read to its end'],
    ['$0 verify latest --read-data --repair --user ops --use-sudo -L s3://backups/prod', 'and mend what the nodes still have'],
  ],
  run: async (args, context) => {
    const options = verifyOptions(args);
    const session = await openSession(args, context, { writes: args.flag('repair') });
    try {
      const parts = { ...session, listen: context.listen };
      const repair = {
        hosts: args.list('hosts'),
        owner: processOwner(),
        lockTimeoutSeconds: args.number('lock-timeout', 0),
      };
      const result = args.flag('repair')
        ? await verifyAndRepair({ ...options, ...repair }, parts, context.signal)
        : await verify({ ...options, owner: processOwner() }, parts, context.signal);
      return {
        json: verifyJson(result),
        text: verifyText(result),
        exitCode: isSound(result) ? exitCodes.done : exitCodes.integrity,
      };
    } finally {
      await session.close();
    }
  },
};

function verifyOptions(args: Arguments): VerifyOptions {
  const { sample, taken } = sampleOf(args);
  const named = args.optionalText('backup');
  if (named !== undefined && taken !== undefined) {
    throw new UsageError(`--read-data takes a percentage, not ${taken}`, { hint: 'write --read-data or --read-data=10%' });
  }
  const backup = named ?? taken;
  if (args.flag('all') && backup !== undefined) {
    throw new UsageError(`--all means every backup; leave out ${backup}`);
  }
  return {
    backup: args.flag('all') ? 'all' : (backup ?? 'latest'),
    sample,
    transfers: args.number('transfers', 1),
  };
}

/** `--read-data latest` looks to the parser like an option with a value: what is no percentage is the backup's name. */
function sampleOf(args: Arguments): { readonly sample?: ReadSample; readonly taken?: string } {
  const text = args.valueIfAny('read-data');
  if (text === undefined) {
    return {};
  }
  const seed = args.optionalText('sample-seed') ?? randomBytes(4).toString('hex');
  const percent = /^(\d{1,3}(?:\.\d+)?)%?$/.exec(text)?.[1];
  if (percent === undefined) {
    const sample = { percent: 100, seed };
    return text === '' ? { sample } : { sample, taken: text };
  }
  if (Number(percent) <= 0 || Number(percent) > 100) {
    throw new UsageError(`--read-data takes a percentage of more than 0 and at most 100, not ${text}`);
  }
  return { sample: { percent: Number(percent), seed } };
}
