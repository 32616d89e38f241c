import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Options } from 'yargs';
import type { Arguments, OptionSet } from '../cli/arguments.ts';
import { userName } from '../cli/environment.ts';
import { parseMoment } from '../model/backup/backup-id.ts';
import { maxDegradedAge } from '../model/backup/latest.ts';
import { UsageError } from '../model/errors.ts';
import { type Location, parseLocation } from '../model/options/location.ts';
import { timeoutOption } from './timeout-option.ts';
import { type PerDatacenter, parsePerDatacenter } from '../model/options/per-datacenter.ts';
import { parseDuration } from '../model/options/time-span.ts';

/** Options that several commands share. Old names that users know from other tools are aliases. */

export const outputOptions: OptionSet = {
  json: { type: 'boolean', default: false, describe: 'print the result (or the error) as one JSON document on stdout' },
  quiet: {
    type: 'boolean',
    default: false,
    describe: 'no progress on stderr, only warnings and failures; the result is printed all the same',
  },
  debug: { type: 'boolean', default: false, describe: 'show where an error came from' },
  config: { type: 'string', describe: 'config file with option: value lines (default: sstash.yml, if there is one)' },
};

export const locationOptions: OptionSet = {
  location: { type: 'string', alias: 'L', describe: 's3://bucket/base-path or file:///directory', group: 'Location:' },
  's3-bucket-name': { type: 'string', describe: 'bucket, where --location is not used', group: 'Location:' },
  's3-base-path': { type: 'string', describe: 'path in the bucket', group: 'Location:' },
  's3-bucket-region': { type: 'string', describe: 'region of the bucket', group: 'Location:' },
  's3-ssenc': { type: 'boolean', default: false, describe: 'ask for server-side encryption (AES256)', group: 'Location:' },
  endpoint: { type: 'string', describe: 'URL of an S3-compatible store', group: 'Location:' },
  'ca-file': {
    type: 'string',
    describe:
      "PEM file of this host with authorities that vouch for the store's certificate, besides the known ones; nodes get them too",
    group: 'Location:',
  },
  'path-style': {
    type: 'boolean',
    describe: 'bucket in the path, not in the host name (default with --endpoint)',
    group: 'Location:',
  },
  'aws-access-key-id': { type: 'string', describe: 'better in the environment or a profile', group: 'Location:' },
  'aws-secret-access-key': { type: 'string', describe: 'better in the environment or a profile', group: 'Location:' },
};

export function locationOf(args: Arguments): Location {
  const location = args.optionalText('location');
  const bucket = args.optionalText('s3-bucket-name');
  // What the environment or the config file says of the one gives way to the other on the command line.
  const onLine = { location: args.isOnCommandLine('location', 'L'), bucket: args.isOnCommandLine('s3-bucket-name') };
  if (location !== undefined && bucket !== undefined && onLine.location === onLine.bucket) {
    throw new UsageError('--location and --s3-bucket-name say the same thing; give one of them');
  }
  if (location !== undefined && !onLine.bucket) {
    return parseLocation(location);
  }
  if (bucket === undefined) {
    throw new UsageError('no location', { hint: 'give --location s3://bucket/base-path, or file:///directory for a first try' });
  }
  return parseLocation(`s3://${bucket}/${args.text('s3-base-path')}`);
}

export const seedOption: Options = { type: 'string', describe: 'one node; the others are found in the ring', group: 'Nodes:' };

export const nodeOptions: OptionSet = {
  hosts: { type: 'string', array: true, describe: 'nodes, comma-separated', group: 'Nodes:' },
  user: {
    type: 'string',
    default: userName(),
    defaultDescription: 'who you are',
    describe: 'login user on the nodes',
    group: 'Nodes:',
  },
  sshkey: {
    type: 'string',
    describe: 'private key file (default: the agent, and ~/.ssh/id_ed25519, id_ecdsa, id_rsa)',
    group: 'Nodes:',
  },
  sshport: { type: 'number', default: 22, describe: 'SSH port', group: 'Nodes:' },
  'known-hosts': {
    type: 'string',
    default: join(homedir(), '.ssh', 'known_hosts'),
    defaultDescription: '~/.ssh/known_hosts',
    describe: 'file of known host keys',
    group: 'Nodes:',
  },
  'host-key-checking': {
    choices: ['strict', 'accept-new'],
    default: 'strict',
    describe: 'accept-new learns hosts that are not in the file; a changed key is always refused',
    group: 'Nodes:',
  },
  'use-sudo': { type: 'boolean', default: false, describe: 'run commands on the nodes through sudo', group: 'Nodes:' },
  'sudo-user': { type: 'string', describe: 'as this user instead of root; implies --use-sudo', group: 'Nodes:' },
  'nodetool-path': {
    type: 'string',
    default: 'nodetool',
    describe: 'nodetool on the nodes, with options of its own if need be',
    group: 'Nodes:',
  },
  'cqlsh-path': {
    type: 'string',
    default: 'cqlsh',
    describe: 'cqlsh on the nodes, with options of its own if need be',
    group: 'Nodes:',
  },
  'jmx-credentials': {
    type: 'string',
    describe: 'file of this host, mode 600, with the line USER PASSWORD that nodetool needs',
    group: 'Nodes:',
  },
  'cql-credentials': {
    type: 'string',
    describe: 'file of this host, mode 600, with the line USER PASSWORD that cqlsh needs',
    group: 'Nodes:',
  },
  ...timeoutOption,
  'cassandra-conf-path': { type: 'string', describe: 'cassandra.yaml or scylla.yaml on the nodes', group: 'Nodes:' },
};

/** The nodes that are meant: named, or found in the ring of one. */
export function nodesOf(args: Arguments): { readonly hosts: readonly string[]; readonly seed?: string } {
  const seed = args.optionalText('seed');
  const hosts = args.has('hosts') ? args.list('hosts') : [];
  const bySeed = args.isOnCommandLine('seed');
  // What the environment or the config file says of the one gives way to the other on the command line.
  if (seed !== undefined && hosts.length > 0 && bySeed === args.isOnCommandLine('hosts')) {
    throw new UsageError('hosts names the nodes, seed finds them; give one of the two', {
      hint: bySeed
        ? 'leave out --hosts or --seed'
        : 'both are set by the environment or the config file; --hosts or --seed decides',
    });
  }
  return seed === undefined || (hosts.length > 0 && !bySeed) ? { hosts } : { hosts: [], seed };
}

/** Options of commands that write to the location. */
export const lockOptions: OptionSet = {
  'lock-timeout': {
    type: 'number',
    default: 0,
    describe: 'seconds to wait for another run on the same location to end; 0 fails at once',
    group: 'Location:',
  },
};

/** Options of commands that write dates, or delete by them. */
export const clockOptions: OptionSet = {
  'allow-clock-skew': {
    type: 'boolean',
    default: false,
    describe: 'go on where clocks disagree by more than an hour; dates and ages go by the clock of the store',
    group: 'Location:',
  },
};

export const selectionOptions: OptionSet = {
  keyspaces: {
    type: 'string',
    alias: 'K',
    array: true,
    describe: "keyspaces and tables: 'shop', 'shop.*,!shop.cache'; * and ? are wildcards, ! excludes",
  },
};

export const threadsOption: Options = {
  type: 'number',
  default: 0,
  defaultDescription: 'one per core, at most 4',
  describe: 'worker threads that compress and decompress on this host',
};

export const transferOptions: OptionSet = {
  transfer: {
    choices: ['auto', 'direct', 'relay'],
    default: 'auto',
    describe:
      'direct: nodes exchange data with the store themselves, by signed requests; relay: through this host; auto: direct where a node can',
  },
  transfers: { type: 'number', default: 3, describe: 'streams per node' },
  nice: {
    type: 'number',
    default: 10,
    describe: 'niceness of lzop and what sends and fetches on the nodes, 0 to 19; their disk priority is low too unless it is 0',
  },
  'rate-limit': {
    type: 'string',
    array: true,
    describe: 'MiB/s that each node may send or receive, all its streams together: 50, or dc1:20,dc2:100',
  },
  threads: threadsOption,
};

export const hostOption: Options = {
  type: 'string',
  array: true,
  describe: 'only the data of these nodes, as the backup names them',
  group: 'Nodes:',
};

export const withFunctionsOption: Options = {
  type: 'boolean',
  default: false,
  describe: 'create missing functions and aggregates of the backup too: code that runs in the server; the plan shows it',
};

export const degradedAgeOption: OptionSet = {
  'max-degraded-age': {
    type: 'string',
    default: maxDegradedAge,
    describe: 'latest is a degraded backup only when it is newer by more than this than the last complete one: 12h, 1d, 1w',
  },
};

/** Which backup, beside its name. */
export const choiceOptions: OptionSet = {
  ...degradedAgeOption,
  'latest-before': { type: 'string', describe: 'with latest: the newest backup from this moment or earlier' },
};

/** The backup that is meant by the positional and `choiceOptions`. */
export function choiceOf(args: Arguments): {
  readonly name: string;
  readonly before?: Date;
  readonly maxDegradedAgeSeconds: number;
} {
  const name = args.text('backup');
  const before = args.optionalText('latest-before');
  if (before !== undefined && name !== 'latest') {
    throw new UsageError('--latest-before goes with latest, not with a named backup');
  }
  const choice = { name, maxDegradedAgeSeconds: parseDuration(args.text('max-degraded-age')) };
  return before === undefined ? choice : { ...choice, before: parseMoment(before) };
}

/** What an option says that may say something for each datacenter. */
export function perDatacenter(args: Arguments, option: string): PerDatacenter {
  return parsePerDatacenter(option, args.list(option));
}

/** The path of a file on this host. A config file knows no shell that would read `~/`. */
export function filePath(args: Arguments, name: string): string | undefined {
  return args.optionalText(name)?.replace(/^~(?=\/)/, homedir());
}
