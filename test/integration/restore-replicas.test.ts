/**
 * Rows come back to the replicas that live now, and deletions with them: after the replication was raised or lowered, and from a
 * backup that is older than gc_grace_seconds. Counted where every replica is asked.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { undoFaults } from '../support/host-faults.ts';
import { type BackupDocument, type ErrorDocument, type RestoreDocument, resultOf, runProgram } from '../support/program.ts';
import { type Sandbox, cql, ensureSandbox, onHost, runSandbox } from '../support/sandbox.ts';

const base = `it-${randomBytes(4).toString('hex')}`;
const tables = ['raised.t', 'lowered.t', 'aged.t'];
const keyspaces = tables.map((name) => name.slice(0, -2));

let sandbox: Sandbox;
let env: Readonly<Record<string, string>>;
let backup: BackupDocument;

before(async () => {
  sandbox = await ensureSandbox();
  env = { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` };
  await undoFaults(sandbox.hosts);
  const ids = Array.from({ length: 40 }, (_, id) => id);
  await cql(`
    ${keyspaces.map((name) => `DROP KEYSPACE IF EXISTS ${name};`).join('\n')}
    CREATE KEYSPACE raised WITH replication = ${copies(1)};
    CREATE KEYSPACE lowered WITH replication = ${copies(3)};
    CREATE KEYSPACE aged WITH replication = ${copies(3)};
    CREATE TABLE raised.t (id int PRIMARY KEY, v text);
    CREATE TABLE lowered.t (id int PRIMARY KEY, v text);
    CREATE TABLE aged.t (id int PRIMARY KEY, v text) WITH gc_grace_seconds = 1;
    CONSISTENCY ALL;
    ${tables.flatMap((name) => ids.map((id) => `INSERT INTO ${name} (id, v) VALUES (${id}, 'v');`)).join('\n')}`);
  await Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, 'flush', 'aged'])));
  // A deletion that one replica of three knows of: as if the others had been down.
  await cql(`
    ALTER KEYSPACE aged WITH replication = ${copies(1)};
    ${ids
      .slice(0, 12)
      .map((id) => `DELETE FROM aged.t WHERE id = ${id};`)
      .join('\n')}
    ALTER KEYSPACE aged WITH replication = ${copies(3)};`);
  backup = resultOf<BackupDocument>(await sstash('backup', '-K', keyspaces.join(',')));
  await cql(`
    ALTER KEYSPACE raised WITH replication = ${copies(3)};
    ALTER KEYSPACE lowered WITH replication = ${copies(1)};
    ${tables.map((name) => `TRUNCATE ${name};`).join('\n')}`);
});

after(async () => {
  await cql(keyspaces.map((name) => `DROP KEYSPACE IF EXISTS ${name};`).join('\n'));
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
});

function copies(count: number): string {
  return `{'class': 'NetworkTopologyStrategy', 'dc1': ${count}}`;
}

function sstash(...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram([...args, '--json'], { env });
}

function restore(...args: readonly string[]): ReturnType<typeof runProgram> {
  return sstash('restore', backup.id, ...args, '--yes');
}

async function rowsAtAll(table: string): Promise<number> {
  return Number(/^\s+(\d+)$/m.exec(await cql(`CONSISTENCY ALL; SELECT count(*) FROM ${table};`))?.[1]);
}

async function graceOf(table: string): Promise<number> {
  return Number(/gc_grace_seconds = (\d+)/.exec(await cql(`DESCRIBE TABLE ${table};`))?.[1]);
}

test('with more copies now a restore is refused, and with --repair every replica has every row', async () => {
  const { message, hint = '' } = resultOf<ErrorDocument>(await restore('-K', 'raised.t'), 2).error;
  assert.match(message, /replicated NetworkTopologyStrategy dc1: 1 at the backup, and is NetworkTopologyStrategy dc1: 3 now/);
  assert.match(hint, /--repair.*--method load.*--accept-thin/);
  const restored = resultOf<RestoreDocument>(await restore('-K', 'raised.t', '--repair'));
  assert.equal(restored.method, 'import');
  assert.equal(await rowsAtAll('raised.t'), 40);
});

test('with fewer copies now the rows are streamed to the node that each belongs to', async () => {
  resultOf<ErrorDocument>(await restore('-K', 'lowered.t', '--method', 'import'), 2);
  const restored = resultOf<RestoreDocument>(await restore('-K', 'lowered.t'));
  assert.equal(restored.method, 'load');
  assert.equal(await rowsAtAll('lowered.t'), 40);
});

test('rows that were deleted stay deleted, though the backup is older than gc_grace_seconds', async () => {
  const copy = ['--rename', 'aged.t=aged.copy'];
  const held = resultOf<RestoreDocument>(await restore(...copy));
  assert.match(held.warnings.join('\n'), /its own is 1\. When nodetool repair -full -- aged copy has run on every node/);
  assert.equal(await rowsAtAll('aged.copy'), 28);
  assert.ok((await graceOf('aged.copy')) > 30 * 86_400);
  // The same command again, as after a crash, and now to the end.
  resultOf<RestoreDocument>(await restore(...copy, '--repair'));
  assert.deepEqual([await rowsAtAll('aged.copy'), await graceOf('aged.copy'), await graceOf('aged.t')], [28, 1, 1]);
  for (const host of sandbox.hosts) {
    assert.equal(await onHost(host, 'ls -A /var/lib/cassandra/data | grep sstash-grace; true'), '');
  }
});
