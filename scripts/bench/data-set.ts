import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache, type Lab, readStamp, repository, writeStamp } from './lab.ts';
import { run } from './measure.ts';

/** A table to be made: one sstable per size, in MiB of rows before compression (LZ4 makes about half of it). */
export interface TableSpec {
  readonly keyspace: string;
  readonly table: string;
  readonly compression: 'lz4' | 'none';
  readonly mebibytes: readonly number[];
}

export interface DataSet {
  /** Plain bytes and files of keyspace `bench`, as a backup tool sees them. */
  readonly bytes: number;
  readonly files: number;
  /** `<keyspace>/<table>-<id>/<file>`: the snapshot in one tree (hard links), for tools that copy directories. */
  readonly tree: string;
}

const generator = fileURLToPath(new URL('SSTables.java', import.meta.url));

/** Sizes as size-tiered compaction leaves them: few large sstables, many small. About 700 MB, or 75 MB when quick. */
export function benchTables(quick: boolean): readonly TableSpec[] {
  const lz4 = quick ? [64, 16, 8, 4, 2, 1, 1] : [512, 128, 128, 64, 32, 16, 8, 4, 2, 1, 1];
  const plain = quick ? [16, 4, 2, 1, 1] : [128, 32, 16, 8, 4, 2, 1, 1];
  return [
    { keyspace: 'bench', table: 'lz4', compression: 'lz4', mebibytes: lz4 },
    { keyspace: 'bench', table: 'plain', compression: 'none', mebibytes: plain },
  ];
}

/** 20,000 components of 2,500 small sstables, as a node with many tables has them; 2,000 when quick. */
export function smallTables(quick: boolean): readonly TableSpec[] {
  // 16 to 240 KiB of rows, spread evenly and the same every time.
  const mebibytes = Array.from({ length: quick ? 250 : 2500 }, (_, index) => (16 + ((index * 37) % 225)) / 1024);
  return [{ keyspace: 'bench', table: 'small', compression: 'lz4', mebibytes }];
}

/** One sstable per table, for the proof that memory does not grow with it; the smallest shows what a run costs at least. */
export function memoryTables(quick: boolean): readonly TableSpec[] {
  return (quick ? [1, 64, 256] : [1, 256, 2048]).map((mebibytes) => ({
    keyspace: 'memory',
    table: `m${mebibytes}`,
    compression: 'none',
    mebibytes: [mebibytes],
  }));
}

/** Makes the tables on the node unless it has them already, and a snapshot tree for the tools that copy directories. */
export async function makeData(lab: Lab, tables: readonly TableSpec[], say: (text: string) => void): Promise<DataSet> {
  const tree = join(lab.directory, 'snapshot');
  const stamp = join(lab.directory, 'data.stamp');
  const wanted = fingerprint(tables);
  if (readStamp(stamp) !== wanted) {
    rmSync(stamp, { force: true });
    const java = await findJava(lab);
    for (const table of tables) {
      say(`making ${table.keyspace}.${table.table}, ${table.mebibytes.reduce((sum, size) => sum + size)} MiB of rows`);
      await makeTable(lab, java, table);
    }
    await makeTree(lab, tree);
    writeStamp(stamp, wanted);
  }
  const sizes = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), files: sizes.length, tree };
}

function fingerprint(tables: readonly TableSpec[]): string {
  return createHash('sha256').update(readFileSync(generator)).update(JSON.stringify(tables)).digest('hex');
}

async function makeTable(lab: Lab, java: string, spec: TableSpec): Promise<void> {
  const { keyspace, table, compression, mebibytes } = spec;
  const path = `/var/lib/cassandra/import/${keyspace}/${table}`;
  const outside = lab.onNode(`lib/import/${keyspace}/${table}`);
  await lab.root(`rm -rf /var/lib/cassandra/import && mkdir -p ${path}`);
  await generate(lab, java, outside, spec);
  // Compaction would merge the sstables again after every start of the node, nodetool's switch does not outlive one.
  const options = `compaction = {'class': 'SizeTieredCompactionStrategy', 'enabled': 'false'} AND compression = ${
    compression === 'lz4' ? "{'class': 'LZ4Compressor'}" : "{'enabled': 'false'}"
  }`;
  await lab.sandbox(
    'cqlsh',
    '-e',
    `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
     DROP TABLE IF EXISTS ${keyspace}.${table};
     CREATE TABLE ${keyspace}.${table} (k bigint, c int, ts timestamp, amount double, name text, doc text, h blob,
       PRIMARY KEY (k, c)) WITH ${options}`,
  );
  await lab.root(`chown -R cassandra:cassandra /var/lib/cassandra/import`);
  await lab.sandbox('nodetool', lab.host, 'import', keyspace, table, path);
  // import ends with status 0 also when it took nothing: what it took is gone.
  const left = readdirSync(outside).filter((name) => name.endsWith('Data.db'));
  if (left.length > 0) {
    throw new Error(`nodetool import left ${left.length} of ${mebibytes.length} sstables of ${table} behind`);
  }
  await lab.root('rm -rf /var/lib/cassandra/import');
}

async function generate(lab: Lab, java: string, into: string, spec: TableSpec): Promise<void> {
  const jars = join(cache, 'cassandra/5.0.9');
  const etc = join(repository, 'scripts/sandbox.d/host/etc/cassandra');
  const agent = namesIn(jars).find((name) => name.startsWith('jamm-')) ?? '';
  const work = join(lab.directory, 'java');
  mkdirSync(work, { recursive: true });
  await run(
    {
      argv: [
        java,
        '-Xmx1g',
        '-XX:+UseSerialGC',
        `@${etc}/jvm-modules.options`,
        `-javaagent:${join(jars, agent)}`,
        `-Dcassandra.storagedir=${work}`,
        `-Dcassandra.logdir=${work}`,
        `-Dlogback.configurationFile=file://${etc}/logback-tools.xml`,
        '-cp',
        `${jars}/*`,
        generator,
        into,
        spec.keyspace,
        spec.table,
        spec.compression,
        `${1000 * (spec.table.length + 1)}`,
        spec.mebibytes.join(','),
      ],
      env: {},
    },
    lab.directory,
  );
}

/** A Java 17 that has the compiler in it. */
async function findJava(lab: Lab): Promise<string> {
  if (installedJava() === undefined) {
    const install = 'apt-get update && apt-get install -y --no-install-recommends openjdk-17-jdk-headless';
    await run({ argv: ['sh', '-c', install], env: { DEBIAN_FRONTEND: 'noninteractive' } }, lab.directory);
  }
  const java = installedJava();
  if (java === undefined) {
    throw new Error('no Java 17 with a compiler: install openjdk-17-jdk-headless');
  }
  return java;
}

function installedJava(): string | undefined {
  return namesIn('/usr/lib/jvm')
    .filter((name) => name.includes('17'))
    .map((name) => `/usr/lib/jvm/${name}/bin/java`)
    .find((path) => existsSync(path) && existsSync(`${path}c`));
}

async function makeTree(lab: Lab, tree: string): Promise<void> {
  await lab.sandbox('nodetool', lab.host, 'clearsnapshot', '-t', 'bench');
  await lab.sandbox('nodetool', lab.host, 'snapshot', '-t', 'bench', 'bench');
  rmSync(tree, { recursive: true, force: true });
  // The node has two data directories; a table's files may lie in either.
  for (const data of ['lib/data', 'data2']) {
    const keyspace = join(lab.onNode(data), 'bench');
    for (const directory of namesIn(keyspace)) {
      const snapshot = join(keyspace, directory, 'snapshots/bench');
      if (!existsSync(snapshot)) {
        continue;
      }
      const table = join(tree, 'bench', directory);
      mkdirSync(table, { recursive: true });
      await run({ argv: ['cp', '-al', `${snapshot}/.`, table], env: {} }, lab.directory);
      // Not sstables: sstash makes its own of both.
      for (const name of ['manifest.json', 'schema.cql']) {
        rmSync(join(table, name), { force: true });
      }
    }
  }
  await lab.sandbox('nodetool', lab.host, 'clearsnapshot', '-t', 'bench');
}

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
