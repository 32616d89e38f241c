/**
 * Tables brought back while the cluster runs: truncated, dropped, dropped with their keyspace, to the moment of a chain;
 * every row compared.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { undoFaults, withWrapper } from '../support/host-faults.ts';
import {
  type BackupDocument,
  type ErrorDocument,
  type ListDocument,
  type RestoreDocument,
  type SchemaDocument,
  resultOf,
  runProgram,
} from '../support/program.ts';
import { type Sandbox, type TableRows, cql, dumpRows, ensureSandbox, loadRows, onHost, runSandbox } from '../support/sandbox.ts';
import { shopSchema } from '../support/shop-schema.ts';

const keyspaces = ['shop2', 'shop3', 'Quoted_Ks', 'online'];
const all = ['-K', keyspaces.join(',')];
const base = `it-${randomBytes(4).toString('hex')}`;

let sandbox: Sandbox;
let written: Record<string, TableRows>;
let snapshot: BackupDocument;
let env: Readonly<Record<string, string>>;

before(async () => {
  sandbox = await ensureSandbox();
  env = { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` };
  await undoFaults(sandbox.hosts);
  await cql(await shopSchema(sandbox));
  await loadRows(1, 500);
  // Sstables that hold a column which the table has no more: without its record they cannot be read.
  await cql(`
    CREATE KEYSPACE IF NOT EXISTS online WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3};
    DROP TABLE IF EXISTS online.history;
    CREATE TABLE online.history (id int PRIMARY KEY, kept text, gone text);
    CREATE FUNCTION IF NOT EXISTS "Quoted_Ks".priced (a int) CALLED ON NULL INPUT RETURNS text LANGUAGE java
      AS 'return "it''s US$" + a; //$';
    ${inserts('history', 1, 40, 'gone')}`);
  await onAll('flush', 'online');
  await cql('ALTER TABLE online.history DROP gone; ALTER TABLE online.history ADD later text;');
  await onAll('enablebackup');
  snapshot = resultOf<BackupDocument>(await sstash('backup', ...all, '--new-snapshot'));
  written = await dumpRows({ keyspaces });
});

after(async () => {
  await onAll('disablebackup');
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
});

function inserts(table: string, from: number, to: number, column: string): string {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
    .map((id) => `INSERT INTO online.${table} (id, kept, ${column}) VALUES (${id}, 'kept ${id}', '${column} ${id}');`)
    .join('\n');
}

async function onAll(...command: readonly string[]): Promise<void> {
  await Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, ...command])));
}

function sstash(...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram([...args, '--json'], { env });
}

function restore(...args: readonly string[]): ReturnType<typeof runProgram> {
  return sstash('restore', ...args, '--yes');
}

function assertRead({ tables }: RestoreDocument): void {
  assert.deepEqual(
    tables.map(({ probe }) => probe),
    tables.map(() => ({ state: 'read' })),
  );
}

test('truncated and dropped tables, a dropped keyspace, indexes and views are back after one command', async () => {
  await cql(`TRUNCATE shop2.orders; TRUNCATE shop3.users; DROP TABLE shop2.page_hits; DROP TABLE online.history;
    DROP KEYSPACE "Quoted_Ks";`);
  const plan = resultOf<RestoreDocument>(await sstash('restore', snapshot.id, ...all, '--dry-run'));
  assert.ok(
    plan.statements?.every((statement) => !statement.includes('FUNCTION')),
    'code that runs in the server, unasked',
  );
  assert.match(plan.warnings.join('\n'), /left out.*: function Quoted_Ks\.priced\(a int\)/);
  const restored = resultOf<RestoreDocument>(await restore(snapshot.id, ...all, '--with-functions'));
  assert.equal(restored.method, 'import');
  assert.ok(restored.tables.every(({ id, liveId }) => liveId === id));
  assertRead(restored);
  assert.deepEqual(await dumpRows({ keyspaces }), written);
  // DESCRIBE prints its body between dollars, which cannot be told from the one that it ends in.
  assert.match(await cql('SELECT body FROM system_schema.functions;'), /return "it's US\$" \+ a; \/\/\$/);
  const [email] = /user-\S+|\S+@\S+/.exec(await cql('SELECT email FROM shop3.users LIMIT 1;')) ?? [];
  assert.ok(email !== undefined);
  assert.match(await cql(`SELECT count(*) FROM shop3.users WHERE email = '${email}';`), /^\s*1$/m);
  for (const host of sandbox.hosts) {
    assert.equal(
      await onHost(host, 'ls -d /var/lib/cassandra/sstash_restore 2>/dev/null; true'),
      '',
      'the staging directory was left',
    );
  }
});

test('links that the owner of the data or anybody else has planted lead root nowhere; beside a directory of root’s all goes on', async () => {
  const [first] = sandbox.hosts;
  const as = (user: string, shellText: string) =>
    onHost(first, `setpriv --reuid=$(id -u ${user}) --regid=$(id -g ${user}) --clear-groups sh -ec '${shellText}'`);
  const victims = ['staging', 'lock', 'placed', 'grace', 'stage'].map((name) => `/etc/victim-${name}`);
  const canaries = () => onHost(first, `for f in ${victims.join(' ')}; do stat -c '%n %U:%G %a %Y' $f; cat $f; done`);
  await onHost(first, `for f in ${victims.join(' ')}; do echo root:secret >$f; chmod 600 $f; done`);
  const asTheyWere = await canaries();
  await onHost(first, 'rm -rf /tmp/cassandra_restore');
  try {
    await as(
      'cassandra',
      `cd /var/lib/cassandra; rm -rf sstash_restore; mkdir sstash_restore; ln -s /etc/victim-staging sstash_restore/.sstash-restore
      cd data; rm -f .sstash-placed .sstash-grace; ln -s /etc/victim-placed .sstash-placed; rm -f .sstash-lock; ln -s /etc/victim-lock .sstash-lock; ln -s /etc/victim-grace .sstash-grace`,
    );
    const table = ['-K', 'online.history'];
    const refused = resultOf<ErrorDocument>(await restore(snapshot.id, ...table), 2).error;
    assert.match(refused.message, /the node cannot be locked: .*\/\.sstash-lock is a symbolic link$/);
    await as('cassandra', 'rm /var/lib/cassandra/data/.sstash-lock');
    const placeOf = ({ nodes }: RestoreDocument) => nodes.find(({ host }) => host === first)?.directory ?? '';
    const beside = resultOf<RestoreDocument>(await restore(snapshot.id, ...table));
    assert.match(placeOf(beside), /^\/var\/lib\/cassandra\/sstash_restore\/restore-[0-9a-f]{12}$/);
    assertRead(beside);
    await as('nobody', 'mkdir -m 777 /tmp/cassandra_restore; ln -s /etc/victim-stage /tmp/cassandra_restore/.sstash-restore');
    const others = resultOf<ErrorDocument>(await restore(snapshot.id, '--method', 'stage', ...table), 2).error;
    assert.match(others.message, /\/tmp\/cassandra_restore belongs to nobody, and files are put there as cassandra$/);

    await onHost(
      first,
      'rm -rf /tmp/cassandra_restore /var/lib/cassandra/sstash_restore; chown root:root /var/lib/cassandra; chmod 755 /var/lib/cassandra',
    );
    const restored = resultOf<RestoreDocument>(await restore(snapshot.id, ...table));
    assert.match(placeOf(restored), /^\/var\/lib\/cassandra\/data\/\.sstash-staging\/restore-[0-9a-f]{12}$/);
    assertRead(restored);
    assert.equal(await onHost(first, 'ls -d /var/lib/cassandra/data/.sstash-staging 2>/dev/null; true'), '');
    assert.equal(await canaries(), asTheyWere);
  } finally {
    await onHost(
      first,
      `chown cassandra: /var/lib/cassandra; chmod 750 /var/lib/cassandra; rm -rf ${victims.join(' ')} /tmp/cassandra_restore
      cd /var/lib/cassandra && rm -rf sstash_restore data/.sstash-lock data/.sstash-placed data/.sstash-grace data/.sstash-staging`,
    );
  }
});

test('a table whose making broke off gets its indexes, and its dropped column stays dropped', async () => {
  const { tables } = resultOf<RestoreDocument>(await restore(snapshot.id, '-K', 'online.history', '--dry-run'));
  const id = (tables[0]?.id ?? '').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  // What the first of the statements leaves.
  await cql(`DROP TABLE online.history; DROP INDEX shop3.users_email;
    CREATE TABLE online.history (id int PRIMARY KEY, gone text, kept text, later text) WITH ID = ${id};`);
  const { statements } = resultOf<RestoreDocument>(await restore(snapshot.id, '-K', 'online.history,shop3.users'));
  assert.deepEqual(
    statements?.map((statement) => statement.split(' ').slice(0, 2).join(' ')),
    ['ALTER TABLE', 'CREATE INDEX'],
  );
  assert.deepEqual(await dumpRows({ keyspaces: ['online', 'shop3'] }), only('online', 'shop3'));
});

test('a table that was made again in another shape is refused, and restored once it reads the rows', async () => {
  const args = [snapshot.id, '-K', 'online.history'];
  const remade = async (columns: string) => {
    await cql(`DROP TABLE online.history; CREATE TABLE online.history (${columns});`);
    return resultOf<ErrorDocument>(await restore(...args), 2).error;
  };
  const other = await remade('id int PRIMARY KEY, kept int, gone text, later text');
  assert.match(other.message, /^online\.history lives in another shape .*: column kept was text and is int now$/);
  assert.match(other.hint ?? '', /--rename online\.history=online\.history_restored/);
  const fewer = await remade('key int PRIMARY KEY, kept text, "more;" int');
  assert.match(fewer.message, /it has no column later, it has no column gone$/);
  // What the refusal says to run.
  await cql(`${/ALTER .* DROP gone/.exec(fewer.hint ?? '')?.[0] ?? 'the hint has no statements'};`);
  resultOf(await restore(...args));
  assert.equal((await cql('SELECT key, kept FROM online.history;')).match(/\bkept \d+$/gm)?.length, 40);
  await cql('DROP TABLE online.history;');
  resultOf(await restore(...args));
  assert.deepEqual(await dumpRows({ keyspaces: ['online'] }), only('online'));
});

test('what was written since stays, unless the table is truncated first', async () => {
  await cql(inserts('history', 100, 103, 'later'));
  const newer = (await dumpRows({ keyspaces: ['online'] }))['online.history'];
  assert.equal(newer?.rows, 44);
  resultOf(await restore(snapshot.id, '-K', 'online.history'));
  assert.deepEqual((await dumpRows({ keyspaces: ['online'] }))['online.history'], newer);
  resultOf(await restore(snapshot.id, '-K', 'online.history', '--truncate'));
  assert.deepEqual((await dumpRows({ keyspaces: ['online'] }))['online.history'], written['online.history']);
});

test('a base table that is truncated first takes its view along', async () => {
  const planned = resultOf<RestoreDocument>(await restore(snapshot.id, '-K', 'shop3.users', '--truncate', '--dry-run'));
  assert.deepEqual(
    planned.tables.map(({ table }) => table),
    ['users', 'users_by_city'],
  );
  assert.deepEqual(planned.coverage, [{ keyspace: 'shop3', missing: [], missingShare: 0, thinShare: 0 }]);
  resultOf(await restore(snapshot.id, '-K', 'shop3.users', '--truncate'));
  assert.deepEqual(await dumpRows({ keyspaces: ['shop3'] }), only('shop3'));
});

test('the plan for one node of three says which ranges do not come back', async () => {
  const one = ['-K', 'Quoted_Ks,shop3.users', '--host', sandbox.hosts[0], '--dry-run'];
  const { coverage } = resultOf<RestoreDocument>(await restore(snapshot.id, ...one));
  const [single, triple] = coverage;
  assert.deepEqual(
    coverage.map(({ keyspace, thinShare }) => [keyspace, thinShare]),
    [
      ['Quoted_Ks', 0],
      ['shop3', 100],
    ],
  );
  // With one replica of each row, the ranges of the other nodes; with three, none.
  assert.ok(single?.missing?.length && (single.missingShare ?? 0) > 0 && (single.missingShare ?? 100) < 100);
  assert.deepEqual(triple?.missing, []);
});

test('nodetool refresh does it too', async () => {
  await cql('TRUNCATE shop2.orders; TRUNCATE shop3.users;');
  const restored = resultOf<RestoreDocument>(await restore(snapshot.id, '-K', 'shop2.orders,shop3.*', '--method', 'refresh'));
  assert.equal(restored.method, 'refresh');
  assert.deepEqual(await dumpRows({ keyspaces: ['shop2', 'shop3'] }), only('shop2', 'shop3'));
});

test('a table goes back to each moment of a chain', async () => {
  const parent = resultOf<BackupDocument>(await sstash('backup', '-K', 'online', '--new-snapshot'));
  await cql(`${inserts('history', 200, 209, 'later')} DELETE FROM online.history WHERE id = 1;`);
  const first = await dumpRows({ keyspaces: ['online'] });
  resultOf(await sstash('backup', '-K', 'online', '--incremental'));
  await cql(inserts('history', 300, 309, 'later'));
  resultOf(await restore('latest', '-K', 'online.history', '--truncate'));
  assert.deepEqual(await dumpRows({ keyspaces: ['online'] }), first);
  const { backups } = resultOf<ListDocument>(await sstash('list'));
  const moment = backups.find(({ id }) => id === parent.id)?.takenAt ?? '';
  const restored = resultOf<RestoreDocument>(
    await restore('latest', '--latest-before', moment, '-K', 'online.history', '--truncate'),
  );
  assert.equal(restored.backup, parent.id);
  assert.deepEqual(await dumpRows({ keyspaces: ['online'] }), only('online'));
});

test('a node that cannot load its files makes it exit 3, and the same command again mends it', async () => {
  await cql('TRUNCATE shop2.orders;');
  const args = [snapshot.id, '-K', 'shop2.orders'];
  const [, second] = sandbox.hosts;
  const broken = 'case "$*" in *import*) echo "nodetool: no room" >&2; exit 1;; esac; exec /usr/bin/nodetool "$@"';
  await withWrapper(second, 'nodetool', broken, async () => {
    const ran = await restore(...args);
    const { nodes } = resultOf<RestoreDocument>(ran, 3);
    assert.deepEqual(
      nodes.filter(({ error }) => error !== undefined).map(({ host }) => host),
      [second],
    );
  });
  resultOf(await restore(...args));
  assert.deepEqual(await dumpRows({ keyspaces: ['shop2'] }), only('shop2'));
});

test('rows that a node cannot read make it exit 4, with the node and its log; emptied and loaded again they can be read', async () => {
  const args = [snapshot.id, '-K', 'online.history'];
  const [, second] = sandbox.hosts;
  // What nobody has read yet is in no cache.
  resultOf(await restore(...args, '--truncate', '--no-probe'));
  await onHost(
    second,
    'for f in /var/lib/cassandra/data/online/history-*/*-Data.db; do head -c 40 /dev/urandom | dd of="$f" bs=1 seek=20 conv=notrunc 2>/dev/null; done',
  );
  const { tables, nodes } = resultOf<RestoreDocument>(await restore(...args), 4);
  assert.deepEqual(
    nodes.map(({ error }) => error),
    [undefined, undefined, undefined],
  );
  const [{ probe } = {}] = tables;
  assert.equal(probe?.state, 'failed');
  assert.deepEqual(
    probe.replicas?.map(({ host }) => host),
    [second],
  );
  assert.match(probe.replicas?.[0]?.log.join('\n') ?? '', /CorruptSSTableException: Corrupted: .*\/history-/);
  assertRead(resultOf<RestoreDocument>(await restore(...args, '--truncate')));
  assert.deepEqual(await dumpRows({ keyspaces: ['online'] }), only('online'));
});

test('a schema is shown and made again by itself, and the mapping tells its directories', async () => {
  const shown = await runProgram(['schema', 'show', snapshot.id, '-K', 'online'], { env });
  assert.match(shown.stdout, /^CREATE KEYSPACE online /m);
  assert.match(shown.stdout, /ALTER TABLE online\.history DROP gone USING TIMESTAMP/);
  assert.doesNotMatch(shown.stdout, /shop/);
  const mapping = async () => (await runProgram(['mapping', snapshot.id, '-K', 'online'], { env })).stdout;
  const directory = Object.keys(JSON.parse(await mapping()))[0] ?? '';
  assert.match(directory, /^online\/history-[0-9a-f]{32}$/);

  await cql('DROP KEYSPACE online;');
  assert.deepEqual(JSON.parse(await mapping()), { [directory]: null });
  const apply = ['schema', 'apply', snapshot.id, '-K', 'online', '--dc-mapping', 'other=dc9', '--json'];
  assert.equal((await runProgram(apply, { env })).code, 2, 'it ran without being asked for');
  const planned = resultOf<SchemaDocument>(await runProgram([...apply, '--dry-run'], { env }));
  assert.deepEqual(
    planned.statements.map((statement) => statement.split(' ').slice(0, 2).join(' ')),
    ['CREATE KEYSPACE', 'CREATE TABLE', 'ALTER TABLE'],
  );
  const applied = resultOf<SchemaDocument>(await runProgram([...apply, '--yes'], { env }));
  assert.deepEqual(applied.statements, planned.statements);
  assert.deepEqual(JSON.parse(await mapping()), { [directory]: directory });
  const again = resultOf<SchemaDocument>(await runProgram([...apply, '--yes'], { env }));
  assert.deepEqual(again, { statements: [], leftOut: [], warnings: [], existing: ['online', 'online.history'], dryRun: false });
  resultOf(await restore(snapshot.id, '-K', 'online'));
  assert.deepEqual(await dumpRows({ keyspaces: ['online'] }), only('online'));
});

test('nothing is run of a schema that was changed in the bucket, nor by a restore nor by itself', async () => {
  const file = join(sandbox.bucket, base, snapshot.id, 'schema.cql');
  const own = await readFile(file, 'utf8');
  const place = '/tmp/schema-came-through';
  await cql('DROP TABLE online.history;');
  const tables = await cql('SELECT keyspace_name, table_name FROM system_schema.tables;');
  const python = `import os; os.system('id > ${place}')`;
  const forged: readonly (readonly [what: string, text: string])[] = [
    [
      'DEBUG after a back quote',
      own.replace(/(CREATE TABLE online\.history [^;]*);/, `$1 AND comment = \`\nDEBUG\n${python}\n;`),
    ],
    ['CAPTURE after a backslash', own.replace(/(CREATE TABLE online\.history [^;]*);/, `$1\\\nCAPTURE '${place}'\n;`)],
    ['SOURCE', `${own}\nSOURCE '/etc/hostname'\n`],
    ['COPY', `${own}\nCOPY online.history TO '${place}';\n`],
    ['a trigger', `${own}\nCREATE TRIGGER t ON online.history USING 'org.example.Trigger';\n`],
    ['another statement on the line', own.replace(/(CREATE TABLE online\.history [^;]*);/, '$1; DROP KEYSPACE shop2;')],
    ['carriage returns', `-- all is well\rDEBUG\r${python}\r${own}`],
    ['dollars', own.replace(/(CREATE TABLE online\.history [^;]*);/, `$1 AND comment = $$ $$ $$\nDEBUG\n${python}\n;`)],
    ['comments in comments', `/* a /* b */ DEBUG */\n${own}`],
  ];
  try {
    for (const [what, text] of forged) {
      assert.notEqual(text, own, what);
      await writeFile(file, text);
      const table = ['-K', 'online'];
      for (const args of [
        ['restore', snapshot.id, ...table, '--dry-run'],
        ['restore', snapshot.id, ...table, '--yes'],
        ['restore', snapshot.id, '--rename', 'online.history=online.copy', '--yes'],
        ['schema', 'apply', snapshot.id, ...table, '--yes'],
        ['schema', 'show', snapshot.id, ...table],
      ]) {
        const refused = resultOf<ErrorDocument>(await sstash(...args), 4);
        assert.match(refused.error.message, /schema is not one that a backup writes/, `${what}: ${args.join(' ')}`);
      }
    }
  } finally {
    await writeFile(file, own);
  }
  assert.equal(await cql('SELECT keyspace_name, table_name FROM system_schema.tables;'), tables);
  for (const host of sandbox.hosts) {
    assert.equal(await onHost(host, `ls ${place} 2>/dev/null; true`), '');
  }
  resultOf(await restore(snapshot.id, '-K', 'online'));
  assert.deepEqual(await dumpRows({ keyspaces: ['online'] }), only('online'));
});

test('nobody is asked where nobody can answer, and nothing is changed', async () => {
  const refused = resultOf<ErrorDocument>(await sstash('restore', snapshot.id, '-K', 'shop2.orders', '--truncate'), 2);
  assert.match(refused.error.hint ?? '', /--yes/);
  const some = resultOf<ErrorDocument>(
    await restore(snapshot.id, '-K', 'shop2.orders', '--truncate', '--host', sandbox.hosts[0]),
    2,
  );
  assert.match(some.error.message, /only some nodes would get their data back/);
  assert.deepEqual(await dumpRows({ keyspaces: ['shop2'] }), only('shop2'));
});

/** What was written into the tables of these keyspaces. */
function only(...names: readonly string[]): Record<string, TableRows> {
  return Object.fromEntries(Object.entries(written).filter(([table]) => names.includes(table.split('.')[0] ?? '')));
}
