/** The node restart method, done by the program: forward, back after success, back after kill -9, and when a node does not come up. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { holdOn, release, undoFaults, untilHeld, withWrapper } from '../support/host-faults.ts';
import type { BackupDocument, ErrorDocument, RestoreDocument } from '../support/program.ts';
import { resultOf, runProgram, startProgram } from '../support/program.ts';
import type { Sandbox, TableRows } from '../support/sandbox.ts';
import { cql, dumpRows, ensureSandbox, loadRows, onHost, runSandbox } from '../support/sandbox.ts';

const keyspaces = ['shop2', 'shop3'];
const base = `it-${randomBytes(4).toString('hex')}`;

interface UndoDocument {
  readonly id: string;
  readonly nodes: readonly { readonly host: string; readonly phase: string; readonly error?: string }[];
}

let sandbox: Sandbox;
let env: Readonly<Record<string, string>>;
let written: Record<string, TableRows>;
/** What the tables held when the restore was begun. */
let changed: Record<string, TableRows>;

const restore = ['restore', 'latest', '-K', keyspaces.join(','), '--method', 'node-restart', '--yes', '--json'];
const undo = ['restore', '--undo', '--yes', '--json'];

before(async () => {
  sandbox = await ensureSandbox();
  env = { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` };
  await undoFaults(sandbox.hosts);
  const fixture = (name: string) => readFile(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');
  await cql(`${await fixture('schema.cql')}\n${sandbox.hasSai ? await fixture('schema-5.0.cql') : ''}`);
  await loadRows(1, 500);
  resultOf<BackupDocument>(await sstash('backup', '-K', keyspaces.join(','), '--json'));
  written = await dumpRows({ keyspaces });
  await cql(`TRUNCATE shop2.orders; DROP TABLE shop2.page_hits; DELETE FROM shop2.notes WHERE id = 1;
    INSERT INTO shop2.nothing (id, body) VALUES (1, 'newer than the backup'); TRUNCATE shop3.users;`);
  changed = await dumpRows({ keyspaces });
});

after(async () => {
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
  for (const host of sandbox.hosts) {
    await onHost(
      host,
      'nodetool clearsnapshot --all; rm -rf /var/lib/cassandra/data/.sstash-undo /var/lib/cassandra/sstash_restore',
    );
  }
});

function sstash(...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram(args, { env });
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
  await onHost(first, 'mkdir -p /mnt/small && mount -t tmpfs -o size=64k tmpfs /mnt/small');
  try {
    const ran = await sstash(...restore, '--to', '/mnt/small/restore');
    const { error } = resultOf<ErrorDocument>(ran, 2);
    assert.match(error.message, /bytes free, the restore needs/);
    assert.deepEqual(await dumpRows({ keyspaces }), changed);
  } finally {
    await onHost(first, 'umount /mnt/small');
  }
});

test('killed while files are placed, it can be taken back, and refuses to go over its own remains', async () => {
  const [, second] = sandbox.hosts;
  // `sync` is what the node's side calls after each step.
  const hold = `case "$*" in *phase.new*) grep -q placing "$1" && { ${holdOn}; } ;; esac; exec /usr/bin/sync "$@"`;
  await withWrapper(second, 'sync', hold, async () => {
    const { child, done } = startProgram(restore, { env });
    await untilHeld(second, 240);
    child.kill('SIGKILL');
    await done;
    await release(second);
  });
  // The nodes are down. What is half old and half restored must not be restored over.
  await onHost(second, 'sleep 2; cat /var/lib/cassandra/data/.sstash-undo/*/phase');
  const again = await sstash(...restore);
  assert.notEqual(again.code, 0);
  const taken = resultOf<UndoDocument>(await sstash(...undo));
  assert.ok(taken.nodes.every(({ phase, error }) => phase === 'undone' && error === undefined));
  assert.deepEqual(await dumpRows({ keyspaces }), withEmpty(changed));
  await assertOwners();
});

test('every row is back after it, and --undo brings the state before it back', async () => {
  const restored = resultOf<RestoreDocument & { readonly undo: string }>(await sstash(...restore));
  assert.equal(restored.method, 'node-restart');
  assert.deepEqual(await dumpRows({ keyspaces }), written);
  await assertOwners();
  const [first] = sandbox.hosts;
  const snapshots = await runSandbox(['nodetool', first, 'listsnapshots']);
  assert.match(snapshots, new RegExp(`before-restore-${restored.undo}`));

  const incomplete = resultOf<ErrorDocument>(await sstash(...undo, '--hosts', first), 2);
  assert.match(incomplete.error.message, /was on 127\S+ too/);
  resultOf<UndoDocument>(await sstash(...undo));
  assert.deepEqual(await dumpRows({ keyspaces }), withEmpty(changed));
  await assertOwners();
  const nothing = resultOf<ErrorDocument>(await sstash(...undo), 10);
  assert.match(nothing.error.message, /no restore to take back/);
});

test('a node that does not come up is named with exit 3, and the others are not started over it', async () => {
  const start = 'case $(hostname) in h2) exit 0;; *) service cassandra start;; esac';
  const ran = await sstash(...restore, '--start-cmd', start, '--start-timeout', '5');
  const { nodes } = resultOf<RestoreDocument>(ran, 3);
  assert.match(nodes.find(({ host }) => host === sandbox.hosts[0])?.error ?? '', /is not up 5 s after it was started/);
  assert.ok(nodes.every(({ error }) => error !== undefined));
  resultOf<UndoDocument>(await sstash(...undo));
  assert.deepEqual(await dumpRows({ keyspaces }), withEmpty(changed));
});
