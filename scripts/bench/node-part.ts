/**
 * npm run bench:node: what the program of direct transfer costs a node, by itself, beside s5cmd. Both move the same files of this
 * machine to the same S3 server (versitygw) and back, in interleaved rounds; no Cassandra, no ssh. What the control host does in
 * the meantime is in the wall time and not in the CPU seconds.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { batchBySize } from '../../src/model/backup/batches.ts';
import type { Compression, StoredFile } from '../../src/model/backup/manifest.ts';
import { storedFile } from '../../src/model/backup/upload-plan.ts';
import { eachBatch } from '../../src/operations/nodes/each-batch.ts';
import { componentKey } from '../../src/storage/keys.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import { direct } from '../../src/transfer/direct/direct.ts';
import { NodePrograms } from '../../src/transfer/direct/node-programs.ts';
import type { Source, Target, Transfer } from '../../src/transfer/transfer.ts';
import { identityOf } from '../../test/support/identity.ts';
import { localRemote } from '../../test/support/local-remote.ts';
import { tableOf } from '../../test/support/manifests.ts';
import { never } from '../../test/support/never.ts';
import { type S3Server, startVersityGateway } from '../../test/support/s3-servers.ts';
import { fetchContenders, names, s5cmd } from './contender-programs.ts';
import { type CpuGroup, type CpuGroups, makeCpuGroups } from './cpu-groups.ts';
import { markdownTable, median } from './figures.ts';
import { cache, repository } from './lab.ts';
import { measure, run } from './measure.ts';

const help = `npm run bench:node -- [OPTIONS]: needs Debian and root

  --rounds N    3 unless given
`;
const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, help: { type: 'boolean', default: false } },
});
const directory = join(cache, 'bench', 'node');
const backup = { id: '20261121T031500Z' };
const table = tableOf('bench', 'files');
const streams = 8;
const gibibyte = 1024 ** 3;
const say = (text: string): void => console.error(`bench: ${text}`);

interface FileSet {
  readonly name: string;
  readonly count: number;
  readonly bytes: number;
}

const sets: readonly FileSet[] = [
  { name: '60 files of 11 MB', count: 60, bytes: 11_000_000 },
  { name: '20,000 files of 10 kB', count: 20_000, bytes: 10_000 },
];

interface Run {
  readonly set: FileSet;
  readonly who: string;
  readonly what: 'up' | 'down';
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

/** Half of what is written there does not compress, the other half does. */
function makeFiles({ name, count, bytes }: FileSet): readonly string[] {
  say(`making ${name}`);
  const data = Buffer.concat([randomBytes(bytes / 2), Buffer.alloc(bytes / 2, randomBytes(50).toString('base64'))]);
  const files = Array.from({ length: count }, (_, index) => join(directory, 'files', `nb-${index}-big-Data.db`));
  mkdirSync(join(directory, 'files'), { recursive: true });
  for (const file of files) {
    writeFileSync(file, data);
  }
  return files;
}

/** Our program: it enters the group of the node before it begins. */
function programIn(group: CpuGroup): string {
  const path = join(directory, 'python');
  writeFileSync(path, `#!/bin/sh\necho 0 >'${group.procs}'\nexec /usr/bin/python3 "$@"\n`, { mode: 0o755 });
  return path;
}

async function timed(of: Omit<Run, 'wallSeconds' | 'cpuSeconds'>, group: CpuGroup, work: () => Promise<void>): Promise<Run> {
  await run({ argv: ['sync'], env: {} }, '/tmp');
  const [before, began] = [group.seconds(), performance.now()];
  await work();
  return { ...of, wallSeconds: (performance.now() - began) / 1000, cpuSeconds: group.seconds() - before };
}

async function ownRuns(
  set: FileSet,
  files: readonly string[],
  server: S3Server,
  groups: CpuGroups,
  round: number,
): Promise<Run[]> {
  const runs: Run[] = [];
  for (const compression of ['none', 'lzo'] as const) {
    const base = `${round}-${compression}`;
    const { bucket, endpoint, credentials } = server;
    const store = await openS3Store({ bucket, base, endpoint, region: 'us-east-1', credentials }, never);
    const python = programIn(groups.node);
    const programs = new NodePrograms({ pythonOf: () => python });
    const patience = { attempts: 3, firstDelayMs: 100 };
    const { signer } = store;
    if (signer === undefined) {
      throw new Error('the store signs nothing');
    }
    try {
      const transfer = direct({ store, signer, programs, patience });
      const who = `sstash, ${compression}`;
      let stored: readonly StoredFile[] = [];
      const upload = async (): Promise<void> => {
        stored = await uploaded(transfer, files, set.bytes, compression);
      };
      runs.push(await timed({ set, who, what: 'up' }, groups.node, upload));
      const landed = join(directory, 'landed');
      mkdirSync(landed, { recursive: true });
      runs.push(await timed({ set, who, what: 'down' }, groups.node, () => downloaded(transfer, stored, landed)));
      rmSync(landed, { recursive: true });
    } finally {
      await programs.close();
      await store.close();
    }
  }
  return runs;
}

const remote = localRemote({ host: 'node' });

async function uploaded(
  transfer: Transfer,
  files: readonly string[],
  bytes: number,
  compression: Compression,
): Promise<StoredFile[]> {
  const sources = files.map((path): Source => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const component = { table, path: name, bytes, modified: '2026-11-21T03:15:00.0000000000Z', disk: 0 };
    return { path, upload: { component, key: componentKey(backup, 'node', table, name, compression), compression } };
  });
  const stored: StoredFile[] = [];
  const batches = batchBySize(sources, ({ upload }) => upload.component.bytes);
  const send = async (batch: readonly Source[]): Promise<void> => {
    const answers = await transfer.upload(remote, batch, never);
    stored.push(
      ...answers.flatMap((answer, index) => (batch[index] ? [storedFile(batch[index].upload, answer, backup.id)] : [])),
    );
  };
  await eachBatch(batches, streams, send, never);
  return stored;
}

async function downloaded(transfer: Transfer, stored: readonly StoredFile[], into: string): Promise<void> {
  const identity = await identityOf(into);
  const targets = stored.map((file) => ({ file, path: `bench/files/${file.path}` }));
  const batches = batchBySize(targets, ({ file }) => file.bytes);
  const fetchBatch = (batch: readonly Target[], index: number): Promise<void> =>
    transfer.download(batch, { directory: into, identity, incoming: `.incoming/${index}` }, remote, never);
  await eachBatch(batches, streams, fetchBatch, never);
}

async function s5cmdRuns(set: FileSet, server: S3Server, groups: CpuGroups, round: number): Promise<Run[]> {
  const { endpoint, bucket, credentials } = server;
  const env = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: 'us-east-1',
  };
  const place = `s3://${bucket}/${round}-s5cmd/`;
  const back = join(directory, 'landed');
  const runs: Run[] = [];
  for (const [what, from, to] of [
    ['up', `${directory}/files/`, place],
    ['down', `${place}*`, `${back}/`],
  ] as const) {
    const program = { argv: [s5cmd, '--endpoint-url', endpoint, 'cp', from, to] as const, env };
    const { wallSeconds, clientCpu } = await measure({ ...program, argv: [...program.argv] }, groups, '/tmp');
    runs.push({ set, who: names.s5cmd, what, wallSeconds, cpuSeconds: clientCpu });
  }
  rmSync(back, { recursive: true });
  return runs;
}

async function benchNode(rounds: number): Promise<readonly Run[]> {
  await run({ argv: [join(repository, 'scripts/fetch-versitygw')], env: {} }, '/tmp');
  await fetchContenders((name) => name === names.s5cmd, say, '/tmp');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const { groups, remove } = makeCpuGroups();
  const runs: Run[] = [];
  try {
    for (const set of sets) {
      const files = makeFiles(set);
      const server = await startVersityGateway();
      try {
        for (let round = 1; round <= rounds; round += 1) {
          say(`${set.name}, round ${round} of ${rounds}`);
          runs.push(...(await ownRuns(set, files, server, groups, round)), ...(await s5cmdRuns(set, server, groups, round)));
        }
      } finally {
        await server.stop();
        rmSync(join(directory, 'files'), { recursive: true });
      }
    }
  } finally {
    remove();
    rmSync(directory, { recursive: true, force: true });
  }
  return runs;
}

function tableOfRuns(runs: readonly Run[]): string {
  const rows = sets.flatMap((set) =>
    (['up', 'down'] as const).flatMap((what) => {
      const those = runs.filter((each) => each.set === set && each.what === what);
      const [wall, cpu] = [(each: Run) => each.wallSeconds, (each: Run) => each.cpuSeconds];
      const of = (who: string, value: (each: Run) => number): number =>
        median(those.filter((each) => each.who === who).map(value));
      return [...new Set(those.map(({ who }) => who))].map((who) => [
        `${set.name} ${what}: ${who}`,
        of(who, wall).toFixed(2),
        (set.count / of(who, wall)).toFixed(0),
        (of(who, cpu) / ((set.count * set.bytes) / gibibyte)).toFixed(2),
        ((of(who, cpu) * 1000) / set.count).toFixed(2),
        `${(of(who, wall) / of(names.s5cmd, wall)).toFixed(2)}×`,
        `${(of(who, cpu) / of(names.s5cmd, cpu)).toFixed(2)}×`,
      ]);
    }),
  );
  return markdownTable(['', 'wall s', 'files/s', 'CPU-s/GiB', 'CPU ms/file', 'wall : s5cmd', 'CPU : s5cmd'], rows);
}

if (options.help) {
  console.log(help);
} else {
  const runs = await benchNode(Number(options.rounds));
  console.log(`${cpus().length} × ${cpus()[0]?.model ?? ''}, ${options.rounds} rounds, medians\n\n${tableOfRuns(runs)}`);
}
