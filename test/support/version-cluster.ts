import { dirname, join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { cql, loadRows, runSandbox, sandboxEnv } from './sandbox.ts';

/** A cluster of two nodes, of whichever Cassandra `SSTASH_SANDBOX` was made with. */
export interface VersionCluster {
  readonly hosts: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The directory that the S3 server keeps the bucket in. */
  readonly bucket: string;
  /** As `scripts/sandbox up --cassandra` takes it. */
  readonly cassandra: string;
  /** How tables come back there while it runs. */
  readonly online: 'import' | 'refresh';
}

export const zooKeyspaces: readonly string[] = ['shop2', 'shop3', 'Quoted_Ks', 'zoo'];

export async function openVersionCluster(): Promise<VersionCluster> {
  const env = sandboxEnv();
  const [, cassandra = ''] = /cassandra (\d+\.\d+)\./.exec(await runSandbox(['status'])) ?? [];
  return {
    hosts: (env['SSTASH_HOSTS'] ?? '').split(','),
    env,
    bucket: join(dirname(env['SSTASH_SSHKEY'] ?? ''), 's3', 'data', 'backups'),
    cassandra,
    online: Number.parseInt(cassandra, 10) >= 4 ? 'import' : 'refresh',
  };
}

/** Makes tables of every kind that this Cassandra has anew, and writes rows into them: two copies of each. */
export async function fillCluster({ hosts, cassandra }: VersionCluster): Promise<void> {
  await cql(zooKeyspaces.map((keyspace) => `DROP KEYSPACE IF EXISTS "${keyspace}";`).join('\n'));
  const old = cassandra === '3.11' ? ['schema-zoo-3.11.cql'] : [];
  const sai = Number(cassandra) >= 5 ? ['schema-5.0.cql'] : [];
  await cql(await fixtures('schema.cql', ...sai, 'schema-view.cql', 'schema-zoo.cql', ...old));
  await loadRows(1, 300);
  await Promise.all(hosts.map((host) => runSandbox(['nodetool', host, 'flush'])));
  await cql(await fixtures('schema-zoo-past.cql'));
}

async function fixtures(...names: readonly string[]): Promise<string> {
  const texts = names.map((name) => readFile(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'));
  return (await Promise.all(texts)).join('\n').replaceAll("'dc1': 3", "'dc1': 2");
}

/** What the system tables say of these keyspaces, a line per row: equal only where every option, id and drop is. */
export async function schemaRows(): Promise<readonly string[]> {
  const tables = ['keyspaces', 'types', 'functions', 'aggregates', 'tables', 'columns', 'dropped_columns', 'indexes', 'views'];
  const answer = await cql(tables.map((table) => `SELECT JSON * FROM system_schema.${table};`).join('\n'));
  return answer
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('{') && zooKeyspaces.some((keyspace) => line.includes(`"keyspace_name": "${keyspace}"`)))
    .toSorted();
}
