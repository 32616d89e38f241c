import type { Arguments } from '../../cli/arguments.ts';
import { exitCodes } from '../../cli/run.ts';
import { UsageError } from '../../model/errors.ts';
import { offered } from '../../model/schema/gate/offered.ts';
import { datacenterMapping } from '../../model/schema/replication.ts';
import { tableFilter } from '../../model/options/table-filter.ts';
import {
  type SchemaQuestion,
  type Target,
  applyBackupSchema,
  mapTables,
  readBackupSchema,
} from '../../operations/schema/schema.ts';
import { mappingText, offeredJson, offeredText, schemaQuestion, schemaText } from '../../report/schema-report.ts';
import type { Command } from '../command.ts';
import { locationOptions, nodeOptions, nodesOf, seedOption, selectionOptions, withFunctionsOption } from '../options.ts';
import { openCluster, openRepository } from '../session/session.ts';
import { trustOptions } from '../trust-options.ts';

export const schemaCommand: Command = {
  words: ['schema <action> [backup]'],
  describe: "show a backup's schema, or create in a cluster what it lacks of it",
  options: {
    ...nodeOptions,
    seed: seedOption,
    ...locationOptions,
    ...selectionOptions,
    ...trustOptions,
    replication: { type: 'string', describe: 'replication of every keyspace instead of its own: "{\'class\': …}"' },
    'dc-mapping': { type: 'string', array: true, describe: 'old=new names of datacenters in the replication' },
    'with-functions': withFunctionsOption,
    yes: { type: 'boolean', alias: ['y', 'f', 'force'], default: false, describe: 'apply: do not ask' },
    'dry-run': { type: 'boolean', default: false, describe: 'apply: print the statements, and do nothing' },
  },
  positionals: {
    action: { describe: 'show: print it; apply: run what is missing on the cluster', choices: ['show', 'apply'] },
    backup: { describe: 'its id, or latest', default: 'latest' },
  },
  exitCodes:
    '0 done, 1 failed or you said no, 2 usage, 4 damaged, not signed, or not a schema that a backup writes, 10 no such backup or location, 130 interrupted',
  examples: [
    ['$0 schema show latest -L s3://backups/prod -K shop > shop.cql', 'for cqlsh -f'],
    ['$0 schema apply latest -L s3://backups/prod --hosts new1 --dc-mapping dc1=eu', 'into another cluster'],
  ],
  run: async (args, context) => {
    const action = args.text('action');
    const question = questionOf(args);
    if (action === 'show') {
      const repository = await openRepository(args, context);
      try {
        const schema = offered(await readBackupSchema(question, { repository, listen: context.listen }, context.signal));
        const { warnings } = schema;
        return { json: offeredJson(schema), text: offeredText(schema), warnings, isDocument: true };
      } finally {
        await repository.store.close();
      }
    }
    const session = await openCluster(args, context);
    try {
      const result = await applyBackupSchema(
        {
          ...question,
          ...targetOf(args),
          dryRun: args.flag('dry-run'),
          withFunctions: args.flag('with-functions'),
        },
        async (plan) => {
          context.warn(plan.warnings);
          return args.flag('yes') || (await context.confirm(schemaQuestion(plan), '--yes'));
        },
        { ...session, listen: context.listen },
        context.signal,
      );
      return result === undefined
        ? { json: { applied: false }, text: 'nothing was changed\n', exitCode: exitCodes.failed }
        : { json: result, text: schemaText(result), warnings: result.warnings };
    } finally {
      await session.close();
    }
  },
};

export const mappingCommand: Command = {
  words: ['mapping [backup]'],
  describe: 'which directory of a backup belongs to which table directory that lives now, as JSON',
  options: { ...nodeOptions, seed: seedOption, ...locationOptions, ...selectionOptions, ...trustOptions },
  positionals: { backup: { describe: 'its id, or latest', default: 'latest' } },
  exitCodes: '0 done, 1 failed, 2 usage, 4 damaged or not signed, 10 no such backup or location, 130 interrupted',
  run: async (args, context) => {
    const session = await openCluster(args, context);
    try {
      const { choice, filter } = questionOf(args);
      const tables = await mapTables(
        { choice, filter, ...targetOf(args) },
        { ...session, listen: context.listen },
        context.signal,
      );
      return { json: { tables }, text: mappingText(tables) };
    } finally {
      await session.close();
    }
  },
};

function questionOf(args: Arguments): SchemaQuestion {
  const replication = args.optionalText('replication');
  const datacenters = datacenterMapping(args.list('dc-mapping'));
  return {
    choice: { name: args.text('backup') },
    filter: tableFilter(args.list('keyspaces')),
    change: replication === undefined ? { datacenters } : { replication, datacenters },
  };
}

function targetOf(args: Arguments): Target {
  const target = nodesOf(args);
  if (target.hosts.length === 0 && target.seed === undefined) {
    throw new UsageError('no hosts', { hint: 'name one node with --seed or --hosts' });
  }
  return target;
}
