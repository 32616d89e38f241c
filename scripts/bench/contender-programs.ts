import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './lab.ts';
import { run } from './measure.ts';

/** Names of the contenders that need a program of their own; `--only` looks for a part of these. */
export const names = {
  aws: 'aws s3 sync',
  rclone: 'rclone copy',
  s5cmd: 's5cmd cp',
  loop: 'lzop loop',
  medusa: 'medusa, 8 transfers',
} as const;

/** Those that take minutes a round, or to install: measured only when `--only` names them. */
export const minutes: ReadonlySet<string> = new Set([names.loop, names.medusa]);

const awsVersion = '1.46.2';
const rcloneVersion = 'v1.75.1';
const s5cmdVersion = 'v2.3.0';
const medusaVersion = '0.31.0';
const programs = join(cache, 'bench');
const python = '/usr/bin/python3';

export const aws: string = join(programs, `awscli-${awsVersion}/bin/aws`);
export const rclone: string = join(programs, `rclone-${rcloneVersion}`);
export const s5cmd: string = join(programs, `s5cmd-${s5cmdVersion}`);
/** The virtual environment, to be shown to the node at this very path: its programs name it in their first lines. */
export const medusaHome: string = join(programs, `medusa-${medusaVersion}`);

/** Installs those that are wanted and missing into the cache, by pip and go; minutes the first time. */
export async function fetchContenders(
  wanted: (name: string) => boolean,
  say: (text: string) => void,
  logDirectory: string,
): Promise<void> {
  mkdirSync(programs, { recursive: true });
  if ((wanted(names.aws) || wanted(names.loop)) && !existsSync(aws)) {
    say(`fetching awscli ${awsVersion}`);
    await install(join(programs, `awscli-${awsVersion}`), `awscli==${awsVersion}`, logDirectory);
  }
  if (wanted(names.medusa) && !existsSync(join(medusaHome, 'bin/medusa'))) {
    say(`fetching cassandra-medusa ${medusaVersion}`);
    await install(medusaHome, `cassandra-medusa[S3]==${medusaVersion}`, logDirectory);
  }
  if (wanted(names.rclone) && !existsSync(rclone)) {
    say(`building rclone ${rcloneVersion}, 5 to 10 minutes`);
    await build('rclone', 'github.com/rclone/rclone', rcloneVersion, rclone, logDirectory);
  }
  if (wanted(names.s5cmd) && !existsSync(s5cmd)) {
    say(`building s5cmd ${s5cmdVersion}`);
    await build('s5cmd', 'github.com/peak/s5cmd/v2', s5cmdVersion, s5cmd, logDirectory);
  }
}

/** The program itself is the last file that pip writes. */
async function install(home: string, what: string, logDirectory: string): Promise<void> {
  rmSync(home, { recursive: true, force: true });
  await run({ argv: [python, '-m', 'venv', home], env: {} }, logDirectory);
  await run({ argv: [join(home, 'bin/pip'), 'install', '-q', what], env: {} }, logDirectory);
}

/** From a module of its own: `go install` asks for the list of a module's versions, which not every proxy has. */
async function build(name: string, module: string, version: string, into: string, logDirectory: string): Promise<void> {
  const building = join(programs, `${name}-build`);
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { recursive: true });
  writeFileSync(join(building, 'go.mod'), `module bench\n\ngo 1.24\n\nrequire ${module} ${version}\n`);
  const compile = ['nice', 'go', 'build', '-C', building, '-mod=mod', '-ldflags', '-s -w', '-o', name, module] as const;
  await run({ argv: compile, env: {} }, logDirectory);
  renameSync(join(building, name), into);
  rmSync(building, { recursive: true, force: true });
}
