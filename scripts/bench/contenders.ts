import { join } from 'node:path';
import type { Contender, Download } from './contender.ts';
import { aws, names, rclone, s5cmd } from './contender-programs.ts';
import type { Lab } from './lab.ts';
import type { Program } from './measure.ts';
import { medusaContender } from './medusa.ts';

/** sstash reaches into the node, Medusa runs on it; the others copy the snapshot's directory, as a job on the node would. */
export async function contenders(
  lab: Lab,
  tree: string,
  sstash: readonly string[],
  wanted: (name: string) => boolean,
): Promise<readonly Contender[]> {
  const all = [
    sstashContender(lab, 'sstash direct', sstash, 'direct', 'lzo'),
    sstashContender(lab, 'sstash direct, auto', sstash, 'direct', 'auto'),
    sstashContender(lab, 'sstash direct, none', sstash, 'direct', 'none'),
    sstashContender(lab, 'sstash relay', sstash, 'relay', 'lzo'),
    sstashContender(lab, 'sstash relay, none', sstash, 'relay', 'none'),
    copier(lab, names.aws, 'aws', lab.env, (from, to) => [aws, 's3', 'sync', '--only-show-errors', from, to], 's3://', tree),
    copier(lab, names.rclone, 'rclone', rcloneEnv(lab), (from, to) => [rclone, 'copy', from, to], 'bench:', tree),
    s5cmdContender(lab, tree),
    loopContender(lab, tree),
  ].filter(({ name }) => wanted(name));
  return wanted(names.medusa) ? [...all, await medusaContender(lab)] : all;
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

function sstashContender(
  lab: Lab,
  name: string,
  sstash: readonly string[],
  transfer: 'direct' | 'relay',
  compression: 'lzo' | 'auto' | 'none',
): Contender {
  const staged = '/tmp/cassandra_restore';
  const local = join(lab.directory, 'down');
  const prefix = `sstash-${transfer}-${compression}`;
  const backup = sstashBackup(lab, sstash, prefix, 'bench', ['--transfer', transfer, '--compression', compression]);
  const toControlHost: Download = {
    name: `${name} (restore --local)`,
    program: sstashProgram(lab, sstash, prefix, ['restore', 'latest', '--local', local]),
    result: join(local, lab.host),
    whole: local,
    made: true,
  };
  return {
    name,
    prefix,
    upload: backup,
    again: backup,
    downloads: [
      {
        name: `${name} (restore to the node)`,
        program: sstashProgram(lab, sstash, prefix, ['restore', 'latest', '--to', staged, '--transfer', transfer]),
        // Below it lies nothing else: what is half-done is cleared at the end.
        result: lab.onNode(staged.slice(1)),
        whole: lab.onNode(staged.slice(1)),
      },
      // The control host reads for itself, whichever way was taken up.
      ...(transfer === 'relay' ? [toControlHost] : []),
    ],
  };
}

/** A program that copies directories and leaves out what is there already. */
function copier(
  lab: Lab,
  name: string,
  prefix: string,
  env: Program['env'],
  copy: (from: string, to: string) => Program['argv'],
  scheme: string,
  tree: string,
): Contender {
  const down = join(lab.directory, 'down');
  const remote = `${scheme}${lab.bucket}/${prefix}`;
  const upload: Program = { argv: copy(tree, remote), env };
  const program: Program = { argv: copy(remote, down), env };
  return { name, prefix, upload, again: upload, downloads: [{ name, program, result: down, whole: down, made: true }] };
}

function s5cmdContender(lab: Lab, tree: string): Contender {
  const down = join(lab.directory, 'down');
  const copy = (from: string, to: string): Program => ({
    argv: [s5cmd, '--endpoint-url', lab.endpoint, '--log', 'error', 'cp', from, to],
    env: lab.env,
  });
  const remote = `s3://${lab.bucket}/s5cmd/`;
  return {
    name: names.s5cmd,
    prefix: 's5cmd',
    upload: copy(`${tree}/`, remote),
    downloads: [{ name: names.s5cmd, program: copy(`${remote}*`, `${down}/`), result: down, whole: down }],
  };
}

/** `lzop | aws s3 cp` per file, what people write themselves; twice as many at once as there are cores here, or it would be slower still. */
function loopContender(lab: Lab, tree: string): Contender {
  const down = join(lab.directory, 'down');
  const remote = `s3://${lab.bucket}/loop`;
  const each = (text: string): Program => ({
    argv: [
      'bash',
      '-c',
      `cd "$1" && find . -type f -printf '%P\\0' | xargs -0 -P 4 -n 1 bash -euo pipefail -c "$2" "$3" "$4" "$5"`,
      'bash',
      tree,
      text,
      aws,
      remote,
      down,
    ],
    env: lab.env,
  });
  return {
    name: names.loop,
    prefix: 'loop',
    upload: each('lzop -1 -c -- "$3" | "$0" s3 cp --only-show-errors - "$1/$3.lzo"'),
    downloads: [
      {
        name: names.loop,
        program: each('mkdir -p "$(dirname "$2/$3")"; "$0" s3 cp --only-show-errors "$1/$3.lzo" - | lzop -d -c >"$2/$3"'),
        result: down,
        whole: down,
        made: true,
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
