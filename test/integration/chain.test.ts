/**
 * A long history of one table on real nodes: snapshots, incremental backups, compaction, repair (which rewrites
 * Statistics.db under its old name and size), a restart, TRUNCATE and refill. Every backup must bring back exactly the
 * rows of its time, before and after another one is deleted.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { holdOn, release, undoFaults, untilHeld, withWrapper } from '../support/host-faults.ts';
import { type BackupDocument, type RestoreDocument, resultOf, runProgram, startProgram } from '../support/program.ts';
import { type Sandbox, type TableRows, cql, dumpRows, ensureSandbox, onHost, runSandbox } from '../support/sandbox.ts';

const base = `it-${randomBytes(4).toString('hex')}`;
const events = ['-K', 'chain.events', '--json'];

/** A backup, and the rows that the table held when it was taken. */
interface Moment {
  readonly name: string;
  readonly backup: BackupDocument & { readonly parent?: string; readonly reason: string };
  readonly rows: TableRows;
}

let sandbox: Sandbox;
const moments: Moment[] = [];

before(async () => {
  sandbox = await ensureSandbox();
  await undoFaults(sandbox.hosts);
  await cql(await readFile(new URL('../fixtures/chain.cql', import.meta.url), 'utf8'));
  await onEveryNode('enablebackup');
  await onEveryNode('disableautocompaction', 'chain');
  // Of an earlier run of this file: what it left in backups/ belongs to no chain of this one. A truncation before the first backup breaks nothing.
  await cql('TRUNCATE chain.events;');
  await Promise.all(
    sandbox.hosts.map((host) =>
      onHost(host, 'find /var/lib/cassandra/data*/chain/events-*/backups -type f -delete 2>/dev/null; true'),
    ),
  );
});

after(async () => {
  await onEveryNode('disablebackup');
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
});

function program() {
  return { env: { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` } };
}

async function onEveryNode(...words: readonly string[]): Promise<void> {
  await Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, ...words])));
}

async function write(from: number, to: number, kind: string): Promise<void> {
  const inserts = Array.from({ length: to - from }, (_, index) => {
    const id = from + index;
    return `INSERT INTO chain.events (id, kind, body) VALUES (${id}, '${kind}', '${kind} ${id} ${'x'.repeat(id % 97)}');`;
  });
  await cql(`CONSISTENCY ALL;\n${inserts.join('\n')}\n`);
}

async function rowsNow(): Promise<TableRows> {
  const rows = (await dumpRows({ keyspaces: ['chain'] }))['chain.events'];
  assert.ok(rows !== undefined, 'the table is not there');
  return rows;
}

async function backUp(name: string, kind: string, ...options: readonly string[]): Promise<Moment> {
  const rows = await rowsNow();
  const backup = resultOf<Moment['backup']>(await runProgram(['backup', ...events, ...options], program()));
  assert.equal(backup.complete, true);
  assert.equal(backup.kind, kind, backup.reason);
  const moment = { name, backup, rows };
  moments.push(moment);
  return moment;
}

function newFilesOf({ backup }: Moment): number {
  return backup.nodes.reduce((sum, node) => sum + node.newFiles, 0);
}

function filesOf({ backup }: Moment): number {
  return backup.nodes.reduce((sum, node) => sum + node.files, 0);
}

/** Restores a backup beside the live data, imports it into the emptied table, and compares every row. */
async function assertBringsItsRowsBack({ name, backup, rows }: Moment): Promise<void> {
  const directory = `/var/lib/cassandra/restored-${name}`;
  const ran = await runProgram(['restore', backup.id, ...events, '--to', directory, '--yes'], program());
  const restored = resultOf<RestoreDocument>(ran);
  const [table] = restored.tables;
  assert.ok(table !== undefined);
  await cql('TRUNCATE chain.events;');
  await Promise.all(
    sandbox.hosts.map(async (host) => {
      const staged = `${directory}/chain/events-${table.id}`;
      await onHost(host, `[ ! -d ${staged} ] || nodetool import chain events ${staged}`);
      const left = await onHost(host, `find ${directory} -maxdepth 3 -name '*-Data.db'`);
      assert.equal(left, '', `nodetool import left files of ${name} behind on ${host}`);
      await onHost(host, `rm -rf ${directory}`);
    }),
  );
  assert.deepEqual(await rowsNow(), rows, `rows of ${name}`);
}

test('the first backup is a snapshot', async () => {
  await write(0, 60, 'first');
  await backUp('a', 'snapshot');
});

test('what is written next goes into incremental backups of it, and from the nodes', async () => {
  await write(60, 90, 'second');
  const b = await backUp('b', 'incremental');
  assert.equal(b.backup.parent, moments[0]?.backup.id);
  await cql("CONSISTENCY ALL;\nUPDATE chain.events SET body = 'changed' WHERE id = 3;\nDELETE FROM chain.events WHERE id = 4;\n");
  await backUp('c', 'incremental');
  for (const host of sandbox.hosts) {
    assert.equal(
      await onHost(host, 'find /var/lib/cassandra/data*/chain/events-*/backups -type f'),
      '',
      'collected files stayed',
    );
  }
});

test('after a compaction and a repair a snapshot sends what is new, under new keys', async () => {
  await onEveryNode('compact', 'chain', 'events');
  await write(90, 95, 'third');
  await onEveryNode('flush', 'chain');
  const d = await backUp('d', 'snapshot', '--new-snapshot');
  // Incremental repair marks sstables as repaired: Statistics.db is another file under the same name and size.
  await runSandbox(['nodetool', sandbox.hosts[0], 'repair', 'chain', 'events']);
  const e = await backUp('e', 'snapshot', '--new-snapshot');
  assert.ok(newFilesOf(e) < filesOf(e) / 2, `${newFilesOf(e)} of ${filesOf(e)} files were sent again`);
  assert.ok(newFilesOf(d) > 0);
});

test('a node that was restarted asks for a snapshot, since it may have missed files', async () => {
  await runSandbox(['stop', sandbox.hosts[1]]);
  await runSandbox(['start', sandbox.hosts[1]]);
  await runSandbox(['nodetool', sandbox.hosts[1], 'enablebackup']);
  await runSandbox(['nodetool', sandbox.hosts[1], 'disableautocompaction', 'chain']);
  await write(95, 110, 'fourth');
  const f = await backUp('f', 'snapshot');
  assert.match(f.backup.reason, /was started after the parent/);
});

test('a truncated table asks for a snapshot, since an incremental backup would bring its old rows back', async () => {
  await cql('TRUNCATE chain.events;');
  await write(0, 40, 'refilled');
  const refused = await runProgram(['backup', ...events, '--incremental'], program());
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /chain\.events was truncated after the parent/);
  const g = await backUp('g', 'snapshot');
  assert.match(g.backup.reason, /truncated/);
  await write(40, 55, 'after the refill');
  await backUp('h', 'incremental');
});

test('an unchanged table costs no upload', async () => {
  await onEveryNode('flush', 'chain');
  await backUp('i', 'snapshot', '--new-snapshot');
  const again = await backUp('j', 'snapshot', '--new-snapshot');
  assert.equal(newFilesOf(again), 0);
});

test('every backup brings back exactly the rows of its time', async () => {
  for (const moment of moments) {
    await assertBringsItsRowsBack(moment);
  }
});

test('deleting one backup harms no other', async () => {
  const gone = moments.filter(({ name }) => name === 'd' || name === 'g' || name === 'h');
  const ran = await runProgram(
    ['delete', ...gone.map(({ backup }) => backup.id), '--with-incrementals', '--yes', '--json'],
    program(),
  );
  assert.equal(ran.code, 0, ran.stderr);
  for (const moment of moments.filter(({ name }) => ['c', 'e', 'f', 'j'].includes(name))) {
    await assertBringsItsRowsBack(moment);
  }
});

test('an incremental backup that broke off is not gone on with when the table was truncated since', async () => {
  const [host] = sandbox.hosts;
  await backUp('k', 'snapshot', '--new-snapshot');
  await write(200, 220, 'before the break');
  // A flush of the incremental backup that never comes to its end.
  const hold = `case " $* " in *" flush "*) ${holdOn} ;; esac\nexec /usr/bin/nodetool "$@"`;
  await withWrapper(host, 'nodetool', hold, async () => {
    const { child, done } = startProgram(['backup', ...events], program());
    try {
      await untilHeld(host);
    } finally {
      child.kill('SIGKILL');
      await done;
      await release(host);
    }
  });
  await cql('TRUNCATE chain.events;');
  await write(300, 310, 'after the break');
  const refused = await runProgram(['backup', ...events, '--resume'], program());
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /cannot go on: chain\.events was truncated after the parent/);
  const l = await backUp('l', 'snapshot');
  assert.match(l.backup.reason, /chain\.events was truncated after the parent/);
  await assertBringsItsRowsBack(l);
});

test('a table that was dropped and brought back asks for a snapshot: what was flushed before lies in its directory still', async () => {
  const m = await backUp('m', 'snapshot', '--new-snapshot');
  await write(400, 410, 'before the drop');
  await onEveryNode('flush', 'chain');
  await cql('DROP TABLE chain.events;');
  resultOf<RestoreDocument>(await runProgram(['restore', m.backup.id, ...events, '--yes'], program()));
  assert.deepEqual(await rowsNow(), m.rows);
  await write(500, 505, 'after the restore');
  const n = await backUp('n', 'snapshot');
  assert.match(n.backup.reason, /chain\.events was dropped and made again under its id after the parent/);
  await assertBringsItsRowsBack(n);
});
