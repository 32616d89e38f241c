import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cache, type Lab } from './lab.ts';
import { type Program, run } from './measure.ts';

/** A way to bring the data set into the store, and ways to get it back. */
export interface Contender {
  readonly name: string;
  /** Prefix in the bucket that is its own; emptied before each upload. */
  readonly prefix: string;
  readonly upload: Program;
  readonly downloads: readonly Download[];
}

export interface Download {
  readonly name: string;
  readonly program: Program;
  /** A directory that must then hold exactly the data set's files; removed before and after. */
  readonly result: string;
  /** Removed too. */
  readonly whole: string;
}

const names = { aws: 'aws s3 sync', rclone: 'rclone copy' } as const;
const awsVersion = '1.46.2';
const rcloneVersion = 'v1.75.1';
const aws = join(cache, `bench/awscli-${awsVersion}/bin/aws`);
const rclone = join(cache, `bench/rclone-${rcloneVersion}`);

/** Installs those that are wanted and missing into the cache, by pip and go; minutes the first time. */
export async function fetchContenders(
  wanted: (name: string) => boolean,
  say: (text: string) => void,
  logDirectory: string,
): Promise<void> {
  mkdirSync(join(cache, 'bench'), { recursive: true });
  if (wanted(names.aws) && !existsSync(aws)) {
    say(`fetching awscli ${awsVersion}`);
    const venv = join(cache, `bench/awscli-${awsVersion}`);
    rmSync(venv, { recursive: true, force: true });
    await run({ argv: ['/usr/bin/python3', '-m', 'venv', venv], env: {} }, logDirectory);
    // The program itself is the last file that pip writes.
    await run({ argv: [`${venv}/bin/pip`, 'install', '-q', `awscli==${awsVersion}`], env: {} }, logDirectory);
  }
  if (wanted(names.rclone) && !existsSync(rclone)) {
    say(`building rclone ${rcloneVersion}, 5 to 10 minutes`);
    const building = join(cache, 'bench/rclone-build');
    const install = ['nice', 'go', 'install', '-ldflags', '-s -w', `github.com/rclone/rclone@${rcloneVersion}`] as const;
    await run({ argv: install, env: { GOBIN: building } }, logDirectory);
    renameSync(join(building, 'rclone'), rclone);
    rmSync(building, { recursive: true, force: true });
  }
}

/** sstash reaches into the node; the two others copy the snapshot's directory, as a job on the node itself would. */
export function contenders(lab: Lab, tree: string, sstash: readonly string[]): readonly Contender[] {
  const down = join(lab.directory, 'down');
  const copies = { result: down, whole: down };
  return [
    sstashContender(lab, 'sstash', 'sstash', sstash, []),
    sstashContender(lab, 'sstash --compression none', 'sstash-none', sstash, ['--compression', 'none']),
    {
      name: names.aws,
      prefix: 'aws',
      upload: { argv: [aws, 's3', 'sync', '--only-show-errors', tree, `s3://${lab.bucket}/aws`], env: lab.env },
      downloads: [
        {
          name: names.aws,
          program: { argv: [aws, 's3', 'sync', '--only-show-errors', `s3://${lab.bucket}/aws`, down], env: lab.env },
          ...copies,
        },
      ],
    },
    {
      name: names.rclone,
      prefix: 'rclone',
      upload: { argv: [rclone, 'copy', tree, `bench:${lab.bucket}/rclone`], env: rcloneEnv(lab) },
      downloads: [
        {
          name: names.rclone,
          program: { argv: [rclone, 'copy', `bench:${lab.bucket}/rclone`, down], env: rcloneEnv(lab) },
          ...copies,
        },
      ],
    },
  ];
}

/** The command line of a backup of some tables into a prefix. */
export function sstashBackup(
  lab: Lab,
  sstash: readonly string[],
  prefix: string,
  tables: string,
  extra: readonly string[],
): Program {
  return sstashProgram(lab, sstash, prefix, ['backup', '-K', tables, ...extra]);
}

export function sstashProgram(lab: Lab, sstash: readonly string[], prefix: string, args: readonly string[]): Program {
  const [first = '', ...rest] = sstash;
  return {
    argv: [first, ...rest, ...args, '--quiet', '--json'],
    env: { ...lab.env, SSTASH_LOCATION: `s3://${lab.bucket}/${prefix}` },
  };
}

function sstashContender(lab: Lab, name: string, prefix: string, sstash: readonly string[], extra: readonly string[]): Contender {
  const staged = '/tmp/cassandra_restore';
  const local = join(lab.directory, 'down');
  return {
    name,
    prefix,
    upload: sstashBackup(lab, sstash, prefix, 'bench', extra),
    downloads: [
      {
        name: `${name} (restore to the node)`,
        program: sstashProgram(lab, sstash, prefix, ['restore', 'latest', '--to', staged]),
        // Below it lies nothing else: what is half-done is cleared at the end.
        result: lab.onNode(staged.slice(1)),
        whole: lab.onNode(staged.slice(1)),
      },
      {
        name: `${name} (restore --local)`,
        program: sstashProgram(lab, sstash, prefix, ['restore', 'latest', '--local', local]),
        result: join(local, lab.host),
        whole: local,
      },
    ],
  };
}

function rcloneEnv(lab: Lab): Program['env'] {
  return {
    ...lab.env,
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CONFIG_BENCH_TYPE: 's3',
    RCLONE_CONFIG_BENCH_PROVIDER: 'Other',
    RCLONE_CONFIG_BENCH_ENV_AUTH: 'true',
    RCLONE_CONFIG_BENCH_ENDPOINT: lab.endpoint,
    RCLONE_CONFIG_BENCH_REGION: 'us-east-1',
    RCLONE_CONFIG_BENCH_FORCE_PATH_STYLE: 'true',
    RCLONE_S3_NO_CHECK_BUCKET: 'true',
  };
}
