/**
 * A backup brought to other places than its own: beside the living tables, and into a cluster with other tokens and another
 * number of nodes; every row compared.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { undoFaults, withWrapper } from '../support/host-faults.ts';
import { type BackupDocument, type ErrorDocument, type RestoreDocument, resultOf, runProgram } from '../support/program.ts';
import {
  type Sandbox,
  type TableRows,
  cql,
  dumpRows,
  ensureSandbox,
  loadRows,
  onHost,
  runSandbox,
  sandboxEnv,
} from '../support/sandbox.ts';
import { shopSchema } from '../support/shop-schema.ts';

const keyspaces = ['shop2', 'shop3', 'Quoted_Ks', 'origin'];
const base = `it-${randomBytes(4).toString('hex')}`;

let sandbox: Sandbox;
let env: Readonly<Record<string, string>>;
let snapshot: BackupDocument;
/** What the backup holds. */
let written: Record<string, TableRows>;
/** What the living tables hold while copies are made: more, less and other than the backup. */
let living: Record<string, TableRows>;
/** One node, so all tokens are other ones. Below the state of the first cluster, so that a run that was killed is found. */
let other: { readonly state: string };
let elsewhere: Promise<unknown>;

before(async () => {
  sandbox = await ensureSandbox();
  env = { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` };
  other = { state: `${dirname(sandbox.env['SSTASH_SSHKEY'] ?? '')}-elsewhere` };
  elsewhere = openElsewhere();
  // Awaited by the test that needs it; until then a failure has nobody to tell.
  elsewhere.catch(() => undefined);
  await undoFaults(sandbox.hosts);
  await forget();
  await cql(await shopSchema(sandbox));
  await loadRows(1, 500);
  // Sstables that hold a column which the table has no more.
  await cql(`
    CREATE KEYSPACE origin WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3};
    CREATE TABLE origin.history (id int PRIMARY KEY, kept text, gone text);
    ${Array.from({ length: 30 }, (_, id) => `INSERT INTO origin.history (id, kept, gone) VALUES (${id}, 'kept', 'gone');`).join('\n')}`);
  await Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, 'flush', 'origin'])));
  await cql('ALTER TABLE origin.history DROP gone;');
  snapshot = resultOf<BackupDocument>(await sstash('backup', '-K', keyspaces.join(','), '--new-snapshot'));
  written = await dumpRows({ keyspaces });
  await loadRows(2, 50);
  await cql('DELETE FROM origin.history WHERE id = 1; DELETE FROM "Quoted_Ks"."MixedCase" WHERE "Key" = 1000001;');
  living = await dumpRows({ keyspaces });
});

after(async () => {
  await elsewhere.catch(() => undefined);
  await runSandbox(['wipe'], other);
  await forget();
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
});

async function forget(): Promise<void> {
  await cql('DROP KEYSPACE IF EXISTS copies; DROP KEYSPACE IF EXISTS origin; DROP TABLE IF EXISTS shop3.users_copy;');
}

/** Beside the first one, at addresses that follow from its own: 127.0.61.x has 127.1.61.x beside it. */
async function openElsewhere(): Promise<void> {
  const [, third] = /^127\.\d+\.(\d+)\./.exec(sandbox.hosts[0]) ?? [];
  await runSandbox(['wipe'], other);
  await runSandbox(['up', '1', '--cassandra', sandbox.cassandra, '--net', `127.1.${third}`], other);
}

function sstash(...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram([...args, '--json'], { env });
}

function restore(...args: readonly string[]): ReturnType<typeof runProgram> {
  return sstash('restore', snapshot.id, ...args, '--yes');
}

const renames = ['shop3.users=shop3.users_copy', 'shop2.orders=copies.orders', 'origin.history=origin.Past'];
const byIndex = "WHERE email = 'user7@example.org' LIMIT 1;";
const hit = /^\s*user7@example\.org$/m;
const copied = renames.flatMap((rename) => ['--rename', rename]);

/** The rows of the living tables, and those of the copies under the names of what they are copies of. */
async function compareAll(): Promise<void> {
  const now = await dumpRows({ keyspaces: [...keyspaces, 'copies'] });
  for (const rename of renames) {
    const [from = '', to = ''] = rename.split('=');
    assert.deepEqual(now[to], written[from], rename);
    delete now[to];
  }
  assert.deepEqual(now, living);
}

test('a plan of copies names them, and makes none', async () => {
  const planned = await runProgram(['restore', snapshot.id, ...copied, '--dry-run'], { env });
  assert.equal(planned.code, 0, planned.stderr);
  assert.match(planned.stdout, /shop3\.users as shop3\.users_copy$/m);
  assert.match(planned.stdout, /^ {2}CREATE TABLE IF NOT EXISTS "copies"\."orders" \($/m);
  assert.doesNotMatch(await cql('DESCRIBE TABLES;'), /copies|users_copy|Past/);
});

test('copies hold the rows of the backup, with types, dropped columns and indexes; the living tables stay as they are', async () => {
  const restored = resultOf<RestoreDocument>(await restore(...copied));
  assert.equal(restored.method, 'import');
  assert.ok(restored.tables.every(({ id, liveId }) => liveId === id));
  await compareAll();
  assert.match(await cql(`SELECT email FROM shop3.users_copy ${byIndex}`), hit);
  assert.doesNotMatch(await cql('DESCRIBE TABLE shop3.users_copy;'), /MATERIALIZED VIEW/);
  for (const host of sandbox.hosts) {
    assert.equal(await onHost(host, 'ls -d /var/lib/cassandra/sstash_restore 2>/dev/null; true'), '');
  }
});

test('a node that could not load makes it exit 3; the same again finds its own copies, and empties them alone', async () => {
  await cql(`INSERT INTO copies.orders (customer, placed) VALUES ('newer', 1); DELETE FROM origin."Past" WHERE id = 2;`);
  const [, second] = sandbox.hosts;
  const broken = 'case "$*" in *import*) echo "nodetool: no room" >&2; exit 1;; esac; exec /usr/bin/nodetool "$@"';
  await withWrapper(second, 'nodetool', broken, async () => {
    resultOf(await restore('--rename', 'origin.history=origin.Past'), 3);
  });
  // As if the run had been killed before it came to the index.
  await cql('DROP INDEX shop3.users_copy_email;');
  resultOf(await restore(...copied, '--truncate'));
  await compareAll();
  assert.match(await cql(`SELECT email FROM shop3.users_copy ${byIndex}`), hit);
});

test('a copy where another table is, or in a keyspace that is replicated otherwise, is refused', async () => {
  const taken = resultOf<ErrorDocument>(await restore('--rename', 'shop3.users=shop2.notes', '--truncate'), 2);
  assert.match(taken.error.message, /shop2\.notes is there already/);
  const placed = resultOf<ErrorDocument>(await restore('--rename', 'shop2.orders=shop3.orders'), 2);
  assert.match(
    placed.error.message,
    /^keyspace shop2: it was replicated \S+ dc1: 2 at the backup, and is \S+ dc1: 3 in shop3 now: in 100 % of the ring/,
  );
  assert.doesNotMatch(await cql('DESCRIBE KEYSPACE shop3;'), /orders/);
});

test('a backup goes into a cluster with other tokens and another number of nodes by --method load', async () => {
  await elsewhere;
  const target = { ...sandboxEnv(other), ...storeOf(env) };
  const there = (...args: readonly string[]) => runProgram(['restore', snapshot.id, ...args, '--yes', '--json'], { env: target });
  const all = ['-K', keyspaces.join(',')];
  const restored = resultOf<LoadDocument>(await there(...all, '--method', 'load'));
  assert.deepEqual(
    restored.load.map(({ keyspace, copies }) => [keyspace, copies]),
    ['Quoted_Ks', 'origin', 'shop2', 'shop3'].map((keyspace) => [keyspace, 1]),
  );
  assert.deepEqual(await dumpRows({ ...other, keyspaces }), written);
  assert.match(await cql(`SELECT email FROM shop3.users ${byIndex}`, other), hit);
  assert.equal(await onHost('h2', 'ls -d /var/lib/cassandra/sstash_restore 2>/dev/null; true', other), '');

  resultOf(await there('--rename', 'shop2.orders=copies.orders', '--method', 'load'));
  assert.deepEqual(await dumpRows({ ...other, keyspaces: ['copies'] }), { 'copies.orders': written['shop2.orders'] });
});

interface LoadDocument {
  readonly load: readonly { readonly keyspace: string; readonly bytes: number; readonly copies: number }[];
}

/** The part of the environment that says where the backup is. */
function storeOf(variables: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => /^(AWS_|SSTASH_(LOCATION|ENDPOINT|PATH_STYLE)$)/.test(name)),
  );
}
