/** The node restart method, done by the program: forward, back after success, back after kill -9, and when a node does not come up. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDecoy } from '../support/decoy.ts';
import { holdOn, release, undoFaults, untilHeld, withWrapper } from '../support/host-faults.ts';
import {
  type BackupDocument,
  type ErrorDocument,
  type RestoreDocument,
  resultOf,
  runProgram,
  startProgram,
} from '../support/program.ts';
import { type Sandbox, type TableRows, cql, dumpRows, ensureSandbox, loadRows, onHost, runSandbox } from '../support/sandbox.ts';
import { shopSchema } from '../support/shop-schema.ts';

const keyspaces = ['shop2', 'shop3', 'Quoted_Ks', 'linked'];
const base = `it-${randomBytes(4).toString('hex')}`;

interface UndoDocument {
  readonly id: string;
  readonly nodes: readonly { readonly host: string; readonly phase: string; readonly error?: string }[];
}

let sandbox: Sandbox;
/** Ends the processes of local users that are called like the server: they are there all the time, and in nobody's way. */
let endDecoys: readonly (() => Promise<void>)[] = [];
let env: Readonly<Record<string, string>>;
let written: Record<string, TableRows>;
/** What the tables held when the restore was begun. */
let changed: Record<string, TableRows>;
/** What the last host had of these tables on its second disk at the backup. */
let onSecondDisk: string;

const restart = ['restore', 'latest', '--method', 'node-restart', '--yes', '--json'];
const restore = [...restart, '-K', keyspaces.join(',')];
const undo = ['restore', '--undo', '--yes', '--json'];
const whole = ['-K', '*'];

before(async () => {
  sandbox = await ensureSandbox();
  env = { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` };
  await undoFaults(sandbox.hosts);
  await forget();
  endDecoys = (await Promise.all(sandbox.hosts.map((host) => startDecoy(host)))).map(({ end }) => end);
  await cql(await shopSchema(sandbox));
  await linkAway();
  await loadRows(1, 500);
  resultOf<BackupDocument>(await sstash('backup', '--json'));
  written = await dumpRows({ keyspaces });
  onSecondDisk = await secondDisk();
  assert.match(onSecondDisk, /-Data\.db$/m);
  // Dropped, and made again with another id; dropped; emptied, with an index and a view.
  await cql(`DROP TABLE shop2.notes; CREATE TABLE shop2.notes (id int PRIMARY KEY, body text);
    INSERT INTO shop2.notes (id, body) VALUES (1, 'newer than the backup');
    DROP TABLE shop2.page_hits; TRUNCATE shop2.orders; TRUNCATE linked.away; INSERT INTO linked.away (id, body) VALUES (7, 'newer'); TRUNCATE shop3.users; DELETE FROM "Quoted_Ks"."MixedCase" WHERE "Key" = 1;`);
  changed = await dumpRows({ keyspaces });
});

after(async () => {
  await Promise.all(endDecoys.map((end) => end()));
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
  await forget();
  await onAll('nodetool clearsnapshot --all');
  await cql('DROP KEYSPACE IF EXISTS linked;');
  await onAll(`rm -rf /var/lib/cassandra/data/linked ${far}-$(hostname)`);
});

const far = '/dev/shm/sstash-linked';

/** A table that is on another disk: on the first host its keyspace is behind a link to a link, on the second the table. */
async function linkAway(): Promise<void> {
  const [first, second] = sandbox.hosts;
  const id = '5f0e8400-e29b-11d4-a716-446655440000';
  const begin = `set -e; cd /var/lib/cassandra/data; own='install -d -o cassandra -g cassandra'; rm -rf linked ${far}-$(hostname)
    $own ${far}-$(hostname) ${far}-$(hostname)/real; `;
  await cql('DROP KEYSPACE IF EXISTS linked;');
  await onHost(
    first,
    `${begin} ln -s real ${far}-$(hostname)/link; ln -s ${far}-$(hostname)/link linked; chown -h cassandra: linked`,
  );
  const directory = `linked/away-${id.replaceAll('-', '')}`;
  await onHost(second, `${begin} $own linked; ln -s ${far}-$(hostname)/real ${directory}; chown -h cassandra: ${directory}`);
  await cql(`CREATE KEYSPACE linked WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3};
    CREATE TABLE linked.away (id int PRIMARY KEY, body text) WITH id = ${id};
    CREATE INDEX away_body ON linked.away (body);
    ${Array.from({ length: 20 }, (_, row) => `INSERT INTO linked.away (id, body) VALUES (${row}, 'row ${row}');`).join('\n')}`);
}

/** Directories of these restores on the other disk: what was moved aside stays where its table is. */
async function asideThere(host: string, name: string): Promise<string> {
  return onHost(host, `find ${far}-$(hostname)/ -path '*/snapshots/${name}/*-Data.db' | wc -l`);
}

async function onAll(shellText: string): Promise<void> {
  await Promise.all(sandbox.hosts.map((host) => onHost(host, shellText)));
}

/** The sstables of these keyspaces there; a table that was made again has another id, and the same sstables. */
async function secondDisk(): Promise<string> {
  const [, , third] = sandbox.hosts;
  const found = await onHost(
    third,
    `cd /var/lib/cassandra/data2 && find ${keyspaces.join(' ')} -mindepth 2 -maxdepth 2 -name '*-Data.db' | sed 's/-[0-9a-f]*\\//\\//' | sort`,
  );
  return found.trim();
}

async function forget(): Promise<void> {
  await onAll('cd /var/lib/cassandra && rm -rf data/.sstash-undo sstash_restore */before-restore-* */restored-*');
}

function sstash(...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram(args, { env });
}

/** With nothing but the nodes: what is needed to go back is there. */
function withoutLocation(...args: readonly string[]): ReturnType<typeof runProgram> {
  const { SSTASH_LOCATION: _, ...rest } = env;
  return runProgram(args, { env: rest });
}

async function assertOwners(): Promise<void> {
  for (const host of sandbox.hosts) {
    assert.equal(
      await onHost(host, "find /var/lib/cassandra/data* -not -user cassandra -not -path '*/.sstash-undo/*'"),
      '',
      `${host}: not Cassandra's`,
    );
  }
}

/** With the table that was dropped: it is there, and empty. */
function withEmpty(tables: Record<string, TableRows>): Record<string, TableRows> {
  const empty = tables['shop2.orders'];
  assert.ok(empty !== undefined && empty.rows === 0);
  return { ...tables, 'shop2.page_hits': empty };
}

test('a disk that is too small is noticed before anything is touched', async () => {
  const [first] = sandbox.hosts;
  // Root makes no directories there for the owner of the data, and says who should.
  const unmade = resultOf<ErrorDocument>(await sstash(...restore, '--to', '/mnt/small/restore'), 2);
  assert.match(unmade.error.message, /cassandra may not make \/mnt\/small\/restore$/);
  assert.match(unmade.error.hint ?? '', /install -d -o cassandra -g cassandra -m 700 \/mnt\/small\/restore$/);
  await onAll('install -d -o cassandra -g cassandra -m 700 /mnt/small');
  await onHost(first, 'mount -t tmpfs -o size=64k tmpfs /mnt/small');
  try {
    const ran = await sstash(...restore, '--to', '/mnt/small/restore');
    const { error } = resultOf<ErrorDocument>(ran, 2);
    assert.match(error.message, /bytes free, the restore needs/);
    assert.deepEqual(await dumpRows({ keyspaces }), changed);
  } finally {
    await onHost(first, 'umount /mnt/small');
    await onAll('rm -rf /mnt/small');
  }
});

test('broken off while files are placed, it refuses to go over its own remains, and is taken back without the location', async () => {
  const [, second] = sandbox.hosts;
  // `sync` is what the node's side calls after each step.
  const hold = `case "$*" in *phase.new*) grep -q placing "$1" && { ${holdOn}; } ;; esac; exec /usr/bin/sync "$@"`;
  await withWrapper(second, 'sync', hold, async () => {
    const { child, done } = startProgram(restore, { env });
    await untilHeld(second);
    child.kill('SIGKILL');
    await done;
    // The power goes there too: what it was doing must not go on.
    await onHost(
      second,
      'for p in /proc/[0-9]*; do case $(readlink $p/fd/9) in */.sstash-undo/lock) kill -9 ${p#/proc/};; esac; done',
    );
    await release(second);
  });
  const again = resultOf<ErrorDocument>(await sstash(...restore), 2);
  assert.match(again.error.message, /broke off on \S+ \(aside\)/);
  assert.match(again.error.hint ?? '', /sstash restore --undo \d{8}T\d{6}Z --hosts 127/);
  const incomplete = resultOf<ErrorDocument>(await withoutLocation(...undo, '--hosts', second), 2);
  assert.match(incomplete.error.message, /was on 127\S+ too/);

  const taken = resultOf<UndoDocument>(await withoutLocation(...undo));
  assert.ok(taken.nodes.every(({ phase, error }) => phase === 'undone' && error === undefined));
  assert.deepEqual(await dumpRows({ keyspaces }), withEmpty(changed));
  await assertOwners();
  const nothing = resultOf<ErrorDocument>(await withoutLocation(...undo), 10);
  assert.match(nothing.error.message, /no restore to take back/);
});

test('a node that does not come up is named with exit 3, the others are not started over it; every row is in place', async () => {
  const [first, second, third] = sandbox.hosts;
  const start = 'case $(hostname) in h2) exit 0;; *) service cassandra start;; esac';
  // From another disk: the files are copied in.
  await onAll('mkdir -p /mnt/other && mount -t tmpfs tmpfs /mnt/other');
  const ran = await sstash(...restore, '--to', '/mnt/other/restore', '--start-cmd', start, '--start-timeout', '5');
  await onAll('umount /mnt/other');
  const restored = resultOf<RestoreDocument & { readonly undo: string }>(ran, 3);
  const errorOf = (host: string) => restored.nodes.find((node) => node.host === host)?.error ?? '';
  assert.match(errorOf(first), /is not up 5 s after it was started/);
  for (const host of [second, third]) {
    assert.match(errorOf(host), /not started, since \S+ did not come up/);
  }
  const ids = restored.tables.filter(({ id, liveId }) => id !== liveId).map(({ table }) => table);
  assert.deepEqual(ids, ['notes']);

  // By hand, as one would.
  await onAll('service cassandra start');
  await runSandbox(['up']);
  assert.deepEqual(await dumpRows({ keyspaces }), written);
  assert.equal(await secondDisk(), onSecondDisk);
  const [email = ''] = /\S+@\S+/.exec(await cql('SELECT email FROM shop3.users LIMIT 1;')) ?? [];
  assert.match(await cql(`SELECT count(*) FROM shop3.users WHERE email = '${email}';`), /^\s*1$/m);
  await assertOwners();
  assert.match(await runSandbox(['nodetool', first, 'listsnapshots']), new RegExp(`before-restore-${restored.undo}`));
  for (const host of [first, second]) {
    assert.notEqual((await asideThere(host, `before-restore-${restored.undo}`)).trim(), '0', `${host}: nothing aside`);
  }

  resultOf<UndoDocument>(await withoutLocation(...undo, restored.undo));
  assert.deepEqual(await dumpRows({ keyspaces }), withEmpty(changed));
  await assertOwners();
});

test('nodes that have lost all that they had come back as themselves, schema and rows, from nothing but the backup', async () => {
  await Promise.all(sandbox.hosts.map(wipe));
  // As what it is it would start as a new node.
  const rows = resultOf<ErrorDocument>(await sstash(...restore), 2);
  assert.match(rows.error.message, /its data directories hold no system\.local, so it would start as a new node/);
  const restored = resultOf<RestoreDocument>(await sstash(...restart, ...whole));
  assert.ok(restored.nodes.every(({ error }) => error === undefined));
  for (const { keyspace, table, probe } of restored.tables) {
    const state = keyspace === 'system' || keyspace === 'system_schema' ? 'skipped' : 'read';
    assert.equal(probe?.state, state, `${keyspace}.${table}: ${probe?.reason}`);
  }
  assert.deepEqual(await dumpRows({ keyspaces }), written);
  assert.equal(await secondDisk(), onSecondDisk);
  await assertOwners();
});

test('one node that has lost its disks comes back as itself while the others are up', async () => {
  const [, , third] = sandbox.hosts;
  const hostId = await hostIdOf(third);
  await wipe(third);
  const refused = resultOf<ErrorDocument>(await sstash(...restore, '--host', third, '--hosts', sandbox.hosts.join(',')), 2);
  assert.match(refused.error.message, /would start as a new node/);
  resultOf<RestoreDocument>(await sstash(...restart, ...whole, '--host', third));
  assert.equal(await hostIdOf(third), hostId);
  assert.deepEqual(await dumpRows({ keyspaces }), written);
});

/** Stops Cassandra and takes everything that it has on its disks. */
async function wipe(host: string): Promise<void> {
  const disks = 'data data2 commitlog hints saved_caches';
  await onHost(
    host,
    `service cassandra stop && cd /var/lib/cassandra && for d in ${disks}; do [ ! -d $d ] || find $d -mindepth 1 -delete; done`,
  );
}

async function hostIdOf(host: string): Promise<string> {
  return /^ID\s*:\s*(\S+)/m.exec(await runSandbox(['nodetool', host, 'info']))?.[1] ?? 'none';
}
