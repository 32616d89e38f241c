import type { RestoreOptions } from '../../operations/restore/options.ts';
import { mapOptions, nodeMapOf, writeSettings } from './write-config.ts';
import type { Arguments } from '../../cli/arguments.ts';
import { processOwner } from '../../cli/environment.ts';
import { exitCodes } from '../../cli/run.ts';
import { UsageError } from '../../model/errors.ts';
import type { RestoreResult } from '../../model/restore/restore-result.ts';
import { parseRenames } from '../../model/restore/table-copy.ts';
import { loaderProgram, programWords } from '../../model/options/program-words.ts';
import { tableFilter } from '../../model/options/table-filter.ts';
import type { BackupChoice } from '../../operations/choose-backup.ts';
import { restore } from '../../operations/restore/restore.ts';
import { whileReadingChosen } from '../../operations/location/while-reading.ts';
import { restoreLocal } from '../../operations/download/download.ts';
import { restoreQuestion } from '../../report/restore-report.ts';
import type { Command } from '../command.ts';
import {
  choiceOf,
  choiceOptions,
  hostOption,
  locationOptions,
  nodeOptions,
  selectionOptions,
  transferOptions,
  withFunctionsOption,
} from '../options.ts';
import { openSession } from '../session/session.ts';
import { trustOptions } from '../trust-options.ts';
import { localQuestion, restoreOutcome } from './outcome.ts';
import { restartOptions, undo } from './undo.ts';

const methods = ['auto', 'stage', 'import', 'refresh', 'load', 'node-restart'] as const;

export const restoreCommand: Command = {
  words: ['restore [backup]'],
  describe: 'bring data back, checked: into the live tables where -K names them, else beside the live data',
  options: {
    ...nodeOptions,
    host: hostOption,
    ...mapOptions,
    ...locationOptions,
    ...selectionOptions,
    to: {
      type: 'string',
      defaultDescription: 'stage: /tmp/cassandra_restore; else sstash_restore beside the data directory',
      describe: 'directory on each node',
    },
    local: { type: 'string', describe: 'a directory on this host instead: DIR/<node>/<keyspace>/…; no node is asked' },
    'write-config': {
      type: 'string',
      requiresArg: false,
      describe: 'only write DIR/<node>.yaml: settings that give the nodes of a fresh cluster the tokens; without DIR print them',
    },
    method: {
      choices: methods,
      default: 'auto',
      describe:
        'stage: beside the live data, with commands to place it; import, refresh: into the live tables by nodetool; load: streamed by sstableloader (ScyllaDB: by its nodetool), for a cluster with other tokens or another number of nodes; node-restart: all nodes are stopped, files replaced, nodes started; auto: online when -K names tables, else stage',
    },
    rename: {
      type: 'string',
      array: true,
      describe: 'ks.table=ks2.table2: a copy beside the living table, created and filled online; in place of -K',
    },
    'sstableloader-path': {
      type: 'string',
      default: 'sstableloader',
      describe: 'load: sstableloader on the nodes, with options of its own if need be',
    },
    truncate: { type: 'boolean', default: false, describe: 'online: empty the tables first, so that nothing newer stays' },
    probe: {
      type: 'boolean',
      default: true,
      describe: 'read some rows of every restored table by CQL in the end; --no-probe does not',
    },
    yes: {
      type: 'boolean',
      alias: 'y',
      default: false,
      describe: 'do not ask before anything live is changed, or what an earlier restore has left is removed',
    },
    undo: {
      type: 'string',
      requiresArg: false,
      describe: 'take a restore by node-restart back: the newest, or the one of this id',
      group: 'Node restart:',
    },
    'stop-cmd': {
      type: 'string',
      defaultDescription: 'systemctl or service',
      describe: 'shell text that stops Cassandra on a node',
      group: 'Node restart:',
    },
    'start-cmd': {
      type: 'string',
      defaultDescription: 'systemctl or service',
      describe: 'shell text that starts it',
      group: 'Node restart:',
    },
    'start-timeout': {
      type: 'number',
      default: 300,
      describe: 'seconds until a started node must be up',
      group: 'Node restart:',
    },
    repair: {
      type: 'boolean',
      default: false,
      describe: 'repair the restored tables in the end, node after node; not with stage or --local',
    },
    'accept-thin': {
      type: 'boolean',
      default: false,
      describe: 'restore although nodes have become replicas since the backup and get no rows until a repair',
    },
    'with-functions': withFunctionsOption,
    ...choiceOptions,
    ...trustOptions,
    'dry-run': { type: 'boolean', default: false, describe: 'print what would be done, and do nothing' },
    ...transferOptions,
  },
  positionals: { backup: { describe: 'its id, or latest', default: 'latest' } },
  exitCodes:
    '0 done, 1 failed or you said no, 2 usage, 3 some nodes failed, 4 damaged data, 10 no such backup or location, 11 another restore works on a node, 130 interrupted',
  examples: [
    ['$0 restore latest -L s3://backups/prod -K shop.orders', 'one table, online, dropped or not'],
    ['$0 restore latest -L s3://backups/prod --to /data/restore', 'all tables, beside the live data of every node'],
    [
      '$0 restore latest -L s3://backups/prod -K shop --method node-restart',
      'the whole keyspace, nodes stopped; --undo goes back',
    ],
    ['$0 restore latest -L s3://backups/prod --rename shop.orders=shop.orders_old', 'a copy beside the living table'],
    [
      '$0 restore latest -L s3://backups/prod -K shop --method load --hosts new1,new2',
      'into a cluster with other tokens or another number of nodes',
    ],
    ['$0 restore 20261121T031500Z -L s3://backups/prod --write-config ./yaml', 'a fresh cluster, before its first start'],
  ],
  run: async (args, context) => {
    const undoId = args.valueIfAny('undo');
    if (undoId !== undefined) {
      return undo(undoId, args, context);
    }
    const directory = args.valueIfAny('write-config');
    if (directory !== undefined) {
      return writeSettings(directory, args, context);
    }
    const options = { ...restoreOptions(args), map: await nodeMapOf(args) };
    const session = await openSession(args, context);
    try {
      const withSignatures = (found: RestoreResult) => ({ ...found, signatures: session.repository.signatures.counts });
      const agree = async (plan: RestoreResult) => {
        context.warn(plan.warnings);
        return args.flag('yes') || (await context.confirm(restoreQuestion(withSignatures(plan)), '--yes'));
      };
      const mayClear = async (texts: readonly string[]) =>
        args.flag('yes') || (await context.confirm(localQuestion(texts), '--yes'));
      const parts = { ...session, owner: processOwner(), listen: context.listen, agree, mayClear };
      const local = args.optionalText('local');
      if (local !== undefined && options.map.size > 0) {
        throw new UsageError('--map sends data to hosts, and --local to none');
      }
      const read = async (choice: BackupChoice) =>
        local !== undefined
          ? restoreLocal({ ...options, choice, directory: local, layout: 'plain' }, parts, context.signal)
          : restore({ ...options, choice }, parts, context.signal);
      const result = await whileReadingChosen(
        { ...parts, owner: processOwner(), operation: 'restore' },
        options,
        read,
        context.signal,
      );
      if (result === undefined) {
        return { json: { restored: false }, text: 'nothing was restored\n', exitCode: exitCodes.failed };
      }
      return restoreOutcome(withSignatures(result));
    } finally {
      await session.close();
    }
  },
};

function restoreOptions(args: Arguments): Omit<RestoreOptions, 'map'> {
  const renames = parseRenames(args.list('rename'));
  if (renames.length > 0 && (args.has('keyspaces') || args.has('local'))) {
    throw new UsageError(`--rename goes with neither -K nor --local`, {
      hint: 'it names the tables itself, and fills copies of them in the cluster; run what else is wanted by itself',
    });
  }
  if (args.flag('repair') && args.has('local')) {
    throw new UsageError('--repair goes with a restore into live tables, and --local changes none');
  }
  const directory = args.optionalText('to')?.replace(/\/+$/, '');
  if (directory !== undefined && !directory.startsWith('/')) {
    throw new UsageError(`--to must be an absolute path on the nodes, not ${args.text('to')}`);
  }
  return {
    choice: choiceOf(args),
    hosts: args.list('hosts'),
    only: args.list('host'),
    filter: tableFilter(
      renames.length > 0 ? renames.map(({ from }) => `${from.keyspace}.${from.table}`) : args.list('keyspaces'),
    ),
    renames,
    loader: programWords(args.text('sstableloader-path'), loaderProgram),
    directory,
    transfers: args.number('transfers', 1),
    dryRun: args.flag('dry-run'),
    method: methodOf(args.text('method')),
    truncate: args.flag('truncate'),
    restart: restartOptions(args),
    repair: args.flag('repair'),
    probe: args.flag('probe'),
    acceptThin: args.flag('accept-thin'),
    withFunctions: args.flag('with-functions'),
  };
}

function methodOf(text: string): RestoreOptions['method'] {
  const method = methods.find((each) => each === text);
  if (method === undefined) {
    throw new UsageError(`no method ${text}`);
  }
  return method;
}
