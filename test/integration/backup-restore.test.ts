/**
 * The main job on a real cluster: back up, lose tables, restore, put the files in place by the printed commands, and
 * compare every row. Told twice: with lzop on the nodes, and without.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type StoredComponent, checkBackup, objectsBelow, contentOf } from '../support/bucket.ts';
import { undoFaults, withoutProgram } from '../support/host-faults.ts';
import {
  type BackupDocument,
  type FilesDocument,
  type ListDocument,
  type RestoreDocument,
  type ShowDocument,
  resultOf,
  runProgram,
} from '../support/program.ts';
import { type Sandbox, type TableRows, cql, dumpRows, ensureSandbox, loadRows, onHost, runSandbox } from '../support/sandbox.ts';
import { calendarAhead } from '../support/shifted-calendar.ts';
import { shopSchema } from '../support/shop-schema.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const keyspaces = ['shop2', 'shop3', 'Quoted_Ks'];
const selection = ['-K', 'shop2,shop3,Quoted_Ks'];
const base = `it-${randomBytes(4).toString('hex')}`;

let sandbox: Sandbox;
let written: Record<string, TableRows>;

before(async () => {
  sandbox = await ensureSandbox();
  await undoFaults(sandbox.hosts);
  await cql(await shopSchema(sandbox));
  await loadRows(1, 3000);
  written = await dumpRows({ keyspaces });
});

after(async () => {
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
});

/** The variables for a location of its own, below the bucket. */
function at(location: string): { readonly env: Readonly<Record<string, string>> } {
  return { env: { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}/${location}` } };
}

function bucketOf(location: string, backup: string): string {
  return join(sandbox.bucket, base, location, backup);
}

async function filesOf(location: string): Promise<FilesDocument['files']> {
  return resultOf<FilesDocument>(await runProgram(['files', '--json'], at(location))).files;
}

describe('with lzop on the nodes', () => {
  let backup: BackupDocument;
  let components: readonly StoredComponent[];

  test('one seed is enough to back up the whole cluster', async () => {
    const { SSTASH_HOSTS: _, ...env } = at('whole').env;
    const ran = await runProgram(['backup', '--seed', sandbox.hosts[0], '--json'], { env });
    backup = resultOf<BackupDocument>(ran);
    assert.equal(backup.kind, 'snapshot');
    assert.equal(backup.complete, true);
    assert.deepEqual(backup.nodes.map(({ host }) => host).toSorted(), [...sandbox.hosts].toSorted());
    assert.ok(backup.nodes.every((node) => node.complete && node.files > 0 && node.error === undefined));
  });

  test('list, show and files say the same of it', async () => {
    const list = resultOf<ListDocument>(await runProgram(['list', '--json'], at('whole')));
    const show = resultOf<ShowDocument>(await runProgram(['show', backup.id, '--json'], at('whole')));
    const files = await filesOf('whole');
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    assert.deepEqual(
      list.backups.map(({ id, complete, nodes }) => ({ id, complete, nodes })),
      [{ id: backup.id, complete: true, nodes: 3 }],
    );
    assert.equal(list.backups[0]?.bytes, bytes);
    assert.equal(list.backups[0]?.tables, backup.tables);
    assert.equal(show.tables.length, backup.tables);
    for (const node of backup.nodes) {
      const own = files.filter((file) => file.host === node.host);
      assert.equal(own.length, node.files);
      const shown = show.nodes.find(({ host }) => host === node.host);
      assert.deepEqual([shown?.files, shown?.bytes], [node.files, node.bytes]);
      assert.equal(
        own.reduce((sum, file) => sum + file.bytes, 0),
        node.bytes,
      );
    }
  });

  test('every object is there, readable by the real lzop, and agrees with the digests of Cassandra', async () => {
    components = await checkBackup(
      bucketOf('whole', backup.id),
      `s3://backups/${base}/whole/${backup.id}`,
      await filesOf('whole'),
    );
    assert.ok(components.length > 300);
  });

  test('Data files in the bucket have the very bytes of the live sstables', async () => {
    let compared = 0;
    for (const host of sandbox.hosts) {
      const sums = await onHost(
        host,
        'cd /var/lib/cassandra; sha256sum data*/*/*-*/*-Data.db data*/*/*-*/.*/*-Data.db 2>/dev/null; true',
      );
      const live = new Map<string, string>(
        sums.split('\n').map((line) => {
          const [sum = '', path = ''] = line.split('  ');
          return [[host, ...path.split('/').slice(1)].join('/'), sum] as const;
        }),
      );
      for (const { name, plain } of components) {
        const sum = live.get(name);
        if (sum !== undefined && name.includes('/shop')) {
          assert.equal(plain.sha256, sum, name);
          compared += 1;
        }
      }
    }
    assert.ok(compared > 20, `only ${compared} files were still there to compare`);
  });

  test('index directories, empty tables, views, quoted names and both disks of a node are in it', async () => {
    const names = components.map(({ name }) => name.split('/').slice(1).join('/'));
    const some = (pattern: RegExp) =>
      assert.ok(
        names.some((name) => pattern.test(name)),
        `nothing matches ${pattern}`,
      );
    some(/^shop3\/users-[0-9a-f]{32}\/\.users_email\/[^/]+-Data\.db$/);
    some(/^shop3\/users_by_city-[0-9a-f]{32}\/[^/]+-Data\.db$/);
    some(/^Quoted_Ks\/MixedCase-[0-9a-f]{32}\/[^/]+-Data\.db$/);
    some(/^shop2\/page_hits-[0-9a-f]{32}\/[^/]+-Data\.db$/);
    some(/^shop2\/notes-[0-9a-f]{32}\/[^/]+-CRC\.db$/);
    some(/^system_schema\/tables-[0-9a-f]{32}\/[^/]+-Data\.db$/);
    if (sandbox.hasSai) {
      some(/^shop3\/users-[0-9a-f]{32}\/[^/]+-SAI\+[^/]+users_age[^/]+$/);
    }

    assert.ok(!names.some((name) => name.startsWith('shop2/nothing-')));
    const show = resultOf<ShowDocument>(await runProgram(['show', '--json'], at('whole')));
    assert.equal(show.tables.find(({ table }) => table === 'shop2.nothing')?.files, 0);

    const zipped = await readFile(join(bucketOf('whole', backup.id), sandbox.hosts[2], 'manifest.json.gz'));
    const manifest: { tables: { keyspace: string; files: { disk: number }[] }[] } = JSON.parse(gunzipSync(zipped).toString());
    const shop = manifest.tables.filter(({ keyspace }) => keyspace === 'shop3').flatMap(({ files }) => files);
    assert.deepEqual(
      [...new Set(shop.map(({ disk }) => disk))].toSorted((a, b) => a - b),
      [0, 1],
    );
  });

  test('no snapshot of the run is left on any node', async () => {
    for (const host of sandbox.hosts) {
      assert.equal(await onHost(host, `find /var/lib/cassandra/ -name 'sstash-${backup.id}*'`), '');
    }
    assert.doesNotMatch(await runSandbox(['nodetool', sandbox.hosts[0], 'listsnapshots']), new RegExp(`sstash-${backup.id}`));
  });

  test('truncated and re-created tables come back with every row by the printed commands', async () => {
    const schema = await readFile(join(bucketOf('whole', backup.id), 'schema.cql'), 'utf8');
    const withId = statement(schema, 'CREATE TABLE shop2.notes');
    const withoutId = statement(schema, 'CREATE TABLE shop2.page_hits').replace(/ID = [0-9a-f-]{36}\s+AND /, '');
    assert.match(withId, /ID = [0-9a-f-]{36}/);
    assert.doesNotMatch(withoutId, /ID = /);
    await cql(`TRUNCATE shop2.orders; TRUNCATE "Quoted_Ks"."MixedCase"; TRUNCATE shop3.users;
      DROP TABLE shop2.notes; ${withId} DROP TABLE shop2.page_hits; ${withoutId}`);
    const lost = await dumpRows({ keyspaces });
    assert.deepEqual(
      Object.values(lost).map(({ rows }) => rows),
      Object.values(lost).map(() => 0),
    );

    const printed = await stageTwice('whole', [], '/tmp/cassandra_restore', components);
    assert.match(printed, /# shop2\.page_hits: its id is [0-9a-f]{32} now, [0-9a-f]{32} in the backup/);
    assert.doesNotMatch(printed, /# shop2\.notes: its id/);
    await placeByCommands(printed);
    assert.deepEqual(await dumpRows({ keyspaces }), written);
    // Cassandra has linked none of these files into backups/.
    const chained = await runProgram(['backup', '--incremental'], at('whole'));
    assert.equal(chained.code, 2, chained.stderr);
    assert.match(chained.stderr, /a restore placed files there after/);
    // Root's own directory there would keep Cassandra from ever taking a snapshot of that table again.
    for (const host of sandbox.hosts) {
      assert.equal(await onHost(host, 'find /var/lib/cassandra/ -not -user cassandra'), '');
    }
  });

  test('a copy on the control host has the same files, each with the same bytes', async (t) => {
    const directory = await temporaryDirectory(t);
    const args = ['restore', backup.id, '--local', directory, ...selection, '--json'];
    const restored = resultOf<RestoreDocument>(await runProgram(args, at('whole')));
    assert.equal(restored.method, 'local');
    const expected = components.filter(({ name }) => keyspaces.includes(name.split('/')[1] ?? ''));
    const found = [...(await objectsBelow(directory)).keys()].filter((path) => !path.endsWith('/.sstash-restore'));
    assert.deepEqual(found.toSorted(), expected.map(({ name }) => name).toSorted());
    for (const { name, plain } of expected) {
      assert.equal((await contentOf(join(directory, name))).sha256, plain.sha256, name);
    }
    const again = resultOf<RestoreDocument>(await runProgram(args, at('whole')));
    assert.ok(again.nodes.every((node) => node.presentFiles === node.files));
  });

  test('a directory is a location too, and components can be stored as they are', async (t) => {
    const directory = await temporaryDirectory(t);
    const env = { ...sandbox.env, SSTASH_LOCATION: `file://${directory}` };
    const args = ['backup', '-K', 'Quoted_Ks', '--compression', 'none', '--json'];
    const { id } = resultOf<BackupDocument>(await runProgram(args, { env }));
    const { files } = resultOf<FilesDocument>(await runProgram(['files', id, '--json'], { env }));
    assert.ok(files.length > 0 && files.every((file) => !file.url.endsWith('.lzo')));
    const stored = await checkBackup(join(directory, id), `file://${directory}/${id}`, files);

    const target = '/tmp/sstash it/quoted';
    const restored = resultOf<RestoreDocument>(await runProgram(['restore', '--to', target, '--json'], { env }));
    assert.ok(restored.nodes.every((node) => node.error === undefined));
    for (const host of sandbox.hosts) {
      await assertStaged(host, target, stored);
    }
    await Promise.all(sandbox.hosts.map((host) => onHost(host, "rm -rf '/tmp/sstash it'")));
  });

  test('a control host three days ahead is told so; what it may make has the store’s dates and signatures', async () => {
    const { env } = at('ahead');
    const ahead = { env: { ...env, ...calendarAhead(3 * 86_400_000) } };
    const backUp = ['backup', '-K', 'shop2', '--transfer', 'direct', '--json'];
    const refused = await runProgram(backUp, ahead);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /the clocks of s3:.*, (?:\S+, )*\S+ are 3 days behind this host's/);
    assert.deepEqual([...(await objectsBelow(join(sandbox.bucket, base, 'ahead')).catch(() => new Map<string, number>()))], []);
    const { id, complete } = resultOf<BackupDocument>(await runProgram([...backUp, '--allow-clock-skew'], ahead));
    assert.equal(complete, true);
    const { backups } = resultOf<ListDocument>(await runProgram(['list', '--json'], at('ahead')));
    assert.deepEqual(
      backups.map((each) => [each.id, 'future' in each]),
      [[id, false]],
    );
  });
});

describe('without lzop on the nodes', () => {
  test('the same containers are written, and every row comes back', async () => {
    await withoutProgram(sandbox.hosts, '/usr/bin/lzop', async () => {
      const hosts = sandbox.hosts.join(',');
      const backup = resultOf<BackupDocument>(await runProgram(['backup', '--hosts', hosts, ...selection, '--json'], at('bare')));
      assert.equal(backup.complete, true);
      const components = await checkBackup(
        bucketOf('bare', backup.id),
        `s3://backups/${base}/bare/${backup.id}`,
        await filesOf('bare'),
      );
      await cql('TRUNCATE shop2.orders; TRUNCATE shop2.page_hits; TRUNCATE "Quoted_Ks"."MixedCase"; TRUNCATE shop3.users;');
      const printed = await stageTwice('bare', ['--hosts', hosts], '/tmp/sstash-bare', components);
      await placeByCommands(printed);
      assert.deepEqual(await dumpRows({ keyspaces }), written);
    });
  });
});

/**
 * Restores twice: the first run brings every file and prints how to place them, the second finds them all there. Gives
 * the printed commands.
 */
async function stageTwice(
  location: string,
  args: readonly string[],
  directory: string,
  components: readonly StoredComponent[],
): Promise<string> {
  await Promise.all(sandbox.hosts.map((host) => onHost(host, `rm -rf ${directory}`)));
  const command = ['restore', 'latest', '--to', directory, ...selection, ...args];
  const first = await runProgram(command, at(location));
  assert.equal(first.code, 0, first.stderr);
  for (const host of sandbox.hosts) {
    await assertStaged(host, directory, components);
  }

  const second = resultOf<RestoreDocument>(await runProgram([...command, '--json'], at(location)));
  assert.equal(second.method, 'stage');
  for (const node of second.nodes) {
    assert.ok(node.files > 0);
    assert.equal(node.presentFiles, node.files);
    assert.equal(node.directory, directory);
  }
  const [, printed] = /# ---- node restart method, begin\n([\s\S]*)# ---- node restart method, end\n/.exec(first.stdout) ?? [];
  assert.ok(printed !== undefined, first.stdout);
  return printed;
}

/** The node has exactly its own files of the selected keyspaces, owned by Cassandra and readable by nobody else. */
async function assertStaged(host: string, directory: string, components: readonly StoredComponent[]): Promise<void> {
  const expected = components
    .filter(({ name }) => name.startsWith(`${host}/`) && keyspaces.includes(name.split('/')[1] ?? ''))
    .map(({ name, plain }) => `f cassandra:cassandra 640 ${plain.bytes} ${name.slice(host.length + 1)}`);
  const found = await onHost(
    host,
    `cd '${directory}' && find . -mindepth 1 ! -path ./.sstash-restore -printf '%y %u:%g %m %s %P\\n'`,
  );
  const lines = found.trim().split('\n');
  const directories = lines.filter((line) => line.startsWith('d '));
  assert.ok(directories.length > 0);
  assert.ok(
    directories.every((line) => line.startsWith('d cassandra:cassandra 750 ')),
    directories.join('\n'),
  );
  assert.ok(!found.includes('.sstash-incoming'));
  assert.deepEqual(lines.filter((line) => !line.startsWith('d ')).toSorted(), expected.toSorted());
}

/** Runs the node restart method just as it was printed, and waits until the cluster answers again. */
async function placeByCommands(commands: string): Promise<void> {
  await promisify(execFile)('bash', ['-c', commands]);
  await runSandbox(['up']);
}

/** One statement of a schema text, to its semicolon. */
function statement(schema: string, head: string): string {
  const from = schema.indexOf(head);
  assert.ok(from >= 0, `the schema has no ${head}`);
  return schema.slice(from, schema.indexOf(';', from) + 1);
}
