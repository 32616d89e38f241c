import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { quote } from '../../../../src/model/node/shell-text.ts';
import { assembleSchema, readSchema, schemaFault } from '../../../../src/cluster/cql/schema.ts';
import { parseNodeConfig } from '../../../../src/cluster/tools/node-config.ts';
import type { SnapshotTable } from '../../../../src/cluster/files/snapshot-listing.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { uuidOf } from '../../../../src/model/sstable.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { fixture, recordedNodetool, recordedVersions, type Recorded } from '../../../support/recorded.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const config = parseNodeConfig('/etc/cassandra/cassandra.yaml', '');
const id = 'd07070d0e54511f1af549df0a04ec988';

async function schemaBy(t: Parameters<typeof temporaryDirectory>[0], cqlsh: Partial<Recorded>): Promise<string> {
  const program = await fakeProgram(await temporaryDirectory(t), 'cqlsh', { '': cqlsh });
  return readSchema(
    { remote: localRemote({ host: 'h2' }), programs: { ...defaultPrograms, cqlsh: [program.path] }, config },
    never,
  );
}

/** A cqlsh that answers DESCRIBE with one text and everything else with another. */
async function schemaByInput(
  t: Parameters<typeof temporaryDirectory>[0],
  { describe, rows }: { readonly describe: string; readonly rows: string },
): Promise<string> {
  const path = join(await temporaryDirectory(t), 'cqlsh');
  await writeFile(
    path,
    `#!/bin/sh\ncase $(cat) in DESCRIBE*) printf %s ${quote(describe)} ;; *) printf %s ${quote(rows)} ;; esac\n`,
  );
  await chmod(path, 0o755);
  return readSchema({ remote: localRemote({ host: 'h2' }), programs: { ...defaultPrograms, cqlsh: [path] }, config }, never);
}

for (const version of recordedVersions) {
  test(`the schema of ${version} comes without the warning before it, keyspaces and ids included`, async (t) => {
    const stdout = fixture(`cqlsh/${version}/describe-schema-with-internals.txt`);
    const schema = await schemaBy(t, { stdout });
    assert.match(schema, /^CREATE KEYSPACE "Quoted_Ks" /);
    assert.match(schema, /;\n$/);
    assert.equal(schema.match(/ ID = [0-9a-f-]{36}$/gm)?.length, schema.match(/^CREATE (TABLE|MATERIALIZED)/gm)?.length);
    assert.ok(stdout.endsWith(`${schema.trimEnd()}\n`) || stdout.includes(schema.trimEnd()));
  });
}

test('a cluster without user keyspaces has an empty schema', async (t) => {
  assert.equal(await schemaBy(t, { stdout: 'WARNING: cqlsh was built against 5.0.0.\n\n' }), '');
});

test('a cqlsh that ends with 2 is an error although it printed something', async (t) => {
  const stdout = 'CREATE KEYSPACE a WITH replication = {};\n';
  await assert.rejects(
    schemaBy(t, { stdout, stderr: '<stdin>:1:OperationTimedOut: errors={}', status: 2 }),
    /cqlsh failed on h2: .*OperationTimedOut/,
  );
});

test('where the server has no DESCRIBE, which cqlsh says and calls success, its system tables tell the schema', async (t) => {
  // What cqlsh 6.2.2 prints on 3.11.19, with exit status 0.
  const warning = `
WARN: DESCRIBE|DESC was moved to server side in Cassandra 4.0. As a consequence DESCRIBE|DESC will not work in cqlsh '6.2.2'
`;
  const rows = fixture('cqlsh/3.11.19/schema-rows.txt');
  const schema = await schemaByInput(t, { describe: warning, rows });
  assert.match(schema, /^CREATE KEYSPACE "zoo" /m);
  assert.equal(schemaFault(schema), undefined);
  // A newer server whose answer makes no sense is not taken for an old one.
  const newer = rows.replace('"release_version": "3.11.19"', '"release_version": "5.0.9"');
  await assert.rejects(schemaByInput(t, { describe: warning, rows: newer }), /cannot be replayed: it begins with WARN: DESCRIBE/);
  // Rows of an old server that make no sense are said to be that.
  const odd = rows.replace('"clustering_order": "none"', '"clustering_order": 7');
  await assert.rejects(
    schemaByInput(t, { describe: warning, rows: odd }),
    /h2 gave rows of system_schema that are not understood/,
  );
  // Without rows the first failure is what is told.
  await assert.rejects(schemaByInput(t, { describe: warning, rows: '' }), /cannot be replayed: it begins with WARN: DESCRIBE/);
});

test('a schema without table ids is refused', async (t) => {
  const stdout = "CREATE KEYSPACE a WITH replication = {};\n\nCREATE TABLE a.b (\n    c int PRIMARY KEY\n) WITH comment = '';\n";
  await assert.rejects(schemaBy(t, { stdout }), /cannot be replayed: no id in CREATE TABLE a\.b/);
});

test('what stands in comments and function bodies is not taken for statements', () => {
  const table = `CREATE TABLE a.b (c int PRIMARY KEY) WITH ID = ${uuidOf(id)}\n    AND comment = 'it''s; a\nCREATE TABLE x;\n';`;
  const body = "CREATE FUNCTION a.f () RETURNS int LANGUAGE java AS $$ return 1;\nCREATE TABLE it's; $$;";
  assert.equal(schemaFault(`CREATE KEYSPACE a WITH replication = {};\n${body}\n${table}\n`), undefined);
  assert.equal(schemaFault(table), 'it creates tables and no keyspace');
});

function snapshotTable(keyspace: string, table: string, kind: string, tableId = id): SnapshotTable {
  const schema = `CREATE ${kind} IF NOT EXISTS ${keyspace}.${table} (x int PRIMARY KEY) WITH ID = ${uuidOf(tableId)};\n`;
  return { table: { keyspace, table, id: tableId }, schema };
}

test('without cqlsh the schema is put together: keyspaces, base tables, then views; no system keyspace', () => {
  const description = recordedNodetool('5.0.9', 'describecluster').stdout;
  const tables = [
    snapshotTable('shop3', 'a_view', 'MATERIALIZED VIEW'),
    snapshotTable('shop3', 'users', 'TABLE'),
    snapshotTable('shop2', 'plain', 'TABLE'),
    { table: { keyspace: 'system', table: 'local', id } },
  ];
  const statements = assembleSchema(description, tables).match(/^CREATE .*?(?= \(| WITH)/gm);
  assert.deepEqual(statements, [
    'CREATE KEYSPACE IF NOT EXISTS "shop3"',
    'CREATE KEYSPACE IF NOT EXISTS "shop2"',
    'CREATE TABLE IF NOT EXISTS shop3.users',
    'CREATE TABLE IF NOT EXISTS shop2.plain',
    'CREATE MATERIALIZED VIEW IF NOT EXISTS shop3.a_view',
  ]);
  assert.match(
    assembleSchema(description, tables),
    /"shop2" WITH replication = \{'class': 'NetworkTopologyStrategy', 'dc1': '2'\};/,
  );
  assert.match(assembleSchema(description, tables), /^-- Put together without cqlsh/);
  assert.equal(schemaFault(assembleSchema(description, tables)), undefined);
});

test('a schema with a hole is not put together', () => {
  const description = recordedNodetool('5.0.9', 'describecluster').stdout;
  const bare: SnapshotTable = { table: { keyspace: 'shop2', table: 'plain', id } };
  assert.throws(() => assembleSchema(description, [bare]), /shop2\.plain has no schema\.cql with its id/);
  const other = snapshotTable('shop2', 'plain', 'TABLE');
  assert.throws(
    () => assembleSchema(description, [{ ...other, table: { ...other.table, id: id.replace('d', 'e') } }]),
    /no schema\.cql with its id/,
  );
  assert.throws(() => assembleSchema('', [other]), /replication of keyspace shop2 is not known/);
});
