/**
 * Several runs on one location, with the moments forced at which they could harm each other: a backup is held in its middle
 * while others want to write, its lock is broken or its process killed. Afterwards every backup reads whole. And what an
 * unchanged file costs the next backup: nothing.
 */
import assert from 'node:assert/strict';
import { readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { TableId } from '../../src/model/sstable.ts';
import { type BlobsStory, blobs, openBlobsStory } from '../support/blobs-story.ts';
import { objectsBelow } from '../support/bucket.ts';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { holdOn, release, untilHeld, whenCompressing, withWrapper } from '../support/host-faults.ts';
import {
  type BackupDocument,
  type FilesDocument,
  type ListDocument,
  type Ran,
  type Running,
  resultOf,
  runProgram,
  startProgram,
} from '../support/program.ts';
import { cql, dumpRows, loadBlobs, onHost, runSandbox } from '../support/sandbox.ts';

const blobBytes = 256 * 1024;
// By relay: the wrappers of lzop know files by their paths, and direct transfer gives it a pipe.
const backUp = ['backup', '--transfer', 'relay', ...blobs, '--new-snapshot'];

let story: BlobsStory;
let held: string;

before(async () => {
  story = await openBlobsStory();
  [held] = story.sandbox.hosts;
  await onEveryNode('disableautocompaction', 'faults');
  // One sstable on each node, whatever other test files have left.
  await onEveryNode('flush', 'faults');
  await onEveryNode('compact', 'faults');
});

after(async () => {
  await onEveryNode('compact', 'faults');
  await onEveryNode('enableautocompaction', 'faults');
  await story.clear();
});

async function onEveryNode(...words: readonly string[]): Promise<void> {
  await Promise.all(story.sandbox.hosts.map((host) => runSandbox(['nodetool', host, ...words])));
}

/** One node is enough where nothing is held. */
function backUpOne(): readonly string[] {
  return [...backUp, '--hosts', held];
}

function run(location: string, ...args: readonly string[]): Promise<Ran> {
  return runProgram(args, story.at(location));
}

async function done(location: string, ...args: readonly string[]): Promise<BackupDocument> {
  const backup = resultOf<BackupDocument>(await run(location, ...args));
  assert.equal(backup.complete, true);
  return backup;
}

/** Writes the first rows anew and starts a backup that stays in the middle of them on one node while `work` runs. */
async function whileHeld<T>(location: string, work: (running: Running) => Promise<T>, args = backUp): Promise<T> {
  // Files of 1 MiB and more travel by lzop one by one; smaller ones in batches without it.
  await loadBlobs(5, blobBytes);
  return withWrapper(held, 'lzop', whenCompressing(`${holdOn}\nexec /usr/bin/lzop "$@"`), async () => {
    const running = startProgram(args, story.at(location));
    try {
      await untilHeld(held);
      return await work(running);
    } finally {
      await release(held);
      running.child.kill('SIGKILL');
      await running.done;
    }
  });
}

/** Waits until the other nodes of a backup that is held have finished their part; it is the location's second unless told. */
async function untilOthersFinished(location: string, backups = 2): Promise<void> {
  const [, ...others] = story.sandbox.hosts;
  const finished = (keys: readonly string[]): boolean =>
    others.every((host) => keys.filter((key) => key.endsWith(`/${host}/manifest.json.gz`)).length === backups);
  for (const giveUpAt = Date.now() + 300_000; Date.now() < giveUpAt; await delay(100)) {
    if (finished([...(await objectsBelow(story.objects(location))).keys()])) {
      return;
    }
  }
  throw new Error('the other nodes did not finish their part within 300 s');
}

/** Every backup of a location reads whole, to the last byte. */
async function assertSound(location: string, ...ids: readonly string[]): Promise<void> {
  const { backups } = resultOf<ListDocument>(await run(location, 'list', '--json'));
  assert.deepEqual(
    backups.map(({ id, complete }) => [id, complete]),
    ids.map((id) => [id, true]),
  );
  const read = await run(location, 'verify', '--all', '--read-data', '--json');
  assert.equal(read.code, 0, read.stdout);
}

async function filesOf(location: string, host: string, backup: string): Promise<FilesDocument['files']> {
  const { files } = resultOf<FilesDocument>(await run(location, 'files', backup, '--json'));
  return files.filter((file) => file.host === host);
}

test('a backup with 5 % of new sstables sends 5 % of the bytes, and asks for no unchanged file', async (t) => {
  const proxy = await startCountingProxy(story.sandbox.env['SSTASH_ENDPOINT'] ?? '');
  t.after(() => proxy.stop());
  const { env } = story.at('second');
  const through = { env: { ...env, SSTASH_ENDPOINT: proxy.endpoint } };
  const sent = (): number => proxy.requests.reduce((sum, { bytes }) => sum + bytes, 0);

  const first = resultOf<BackupDocument>(await runProgram(backUp, through));
  const whole = sent();
  const { files } = resultOf<FilesDocument>(await run('second', 'files', first.id, '--json'));
  const unchanged = new Set(files.map(({ url }) => url.slice('s3:/'.length)));
  proxy.reset();
  await loadBlobs(5, blobBytes);
  const second = resultOf<BackupDocument>(await runProgram(backUp, through));

  assert.ok(whole > 3 * 24 * 2 ** 20, `${whole} bytes were the first backup`);
  const share = sent() / whole;
  assert.ok(share > 0.04 && share < 0.065, `${(share * 100).toFixed(1)} % of the bytes were sent`);
  for (const { host, files: all, newFiles } of second.nodes) {
    assert.equal(all, 2 * newFiles, `${host} has an old and a new sstable`);
  }
  const asked = proxy.requests.filter(({ path }) => unchanged.has(path)).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(asked, []);
  await assertSound('second', first.id, second.id);
});

test('while a backup runs, nobody else writes, and is told who does', async () => {
  const first = await done('held', ...backUp);
  const second = await whileHeld('held', async ({ child, done: ended }) => {
    const found = [...(await objectsBelow(story.objects('held'))).keys()];
    for (const args of [
      backUp,
      ['prune', '--keep-last', '1', '--grace', '0h', '--stale-after', '0h'],
      ['delete', first.id, '--force-last', '--yes'],
      ['verify', '--repair'],
    ]) {
      const refused = await run('held', ...args);
      assert.equal(refused.code, 11, `${args.join(' ')}: ${refused.stderr}`);
      assert.match(refused.stderr + refused.stdout, new RegExp(`is locked: backup by .* \\(pid ${child.pid}\\) since `));
    }
    const left = await objectsBelow(story.objects('held'));
    assert.deepEqual(
      found.filter((key) => !left.has(key)),
      [],
    );
    await release(held);
    return resultOf<BackupDocument>(await ended);
  });
  await assertSound('held', first.id, second.id);
});

test('a store without conditional writes can be used, and is said to be one', async (t) => {
  const proxy = await startCountingProxy(story.sandbox.env['SSTASH_ENDPOINT'] ?? '', { refuseConditions: true });
  t.after(() => proxy.stop());
  const ran = await runProgram(backUpOne(), { env: { ...story.at('weak').env, SSTASH_ENDPOINT: proxy.endpoint } });
  const { id } = resultOf<BackupDocument>(ran);
  assert.match(ran.stderr, /this store ignores conditional writes/);
  await assertSound('weak', id);
  assert.deepEqual(
    [...(await objectsBelow(story.objects('weak'))).keys()].filter((key) => key === 'lock.json'),
    [],
  );
});

test('a backup whose lock was broken and whose ground was deleted stops, and can be finished', async () => {
  const [, other] = story.sandbox.hosts;
  const first = await done('broken', ...backUp);
  await whileHeld('broken', async ({ done: ended }) => {
    await untilOthersFinished('broken');
    assert.equal((await run('broken', 'unlock', '--force')).code, 0);
    const gone = await run('broken', 'delete', first.id, '--force-last', '--yes');
    assert.equal(gone.code, 0, gone.stderr);
    const stopped = await ended;
    assert.equal(stopped.code, 11, stopped.stderr);
    // Whichever its heartbeat met: the delete that now had the lock, or nobody's lock any more.
    assert.match(stopped.stderr, /the lock was (removed|taken over: delete by )/);
  });
  const { backups } = resultOf<ListDocument>(await run('broken', 'list', '--json'));
  assert.deepEqual(
    backups.map(({ complete }) => complete),
    [false],
  );
  const id = backups[0]?.id ?? '';
  // A delete that had read the manifests before this node wrote its own would have taken what that points at.
  const pointedAt = (await filesOf('broken', other, id)).find(({ url }) => url.includes(`/${first.id}/`));
  assert.ok(pointedAt !== undefined, 'the finished node points at nothing of the backup that was deleted');
  await rm(join(story.objects('broken'), pointedAt.url.slice((story.at('broken').env['SSTASH_LOCATION'] ?? '').length + 1)));
  const again = await done('broken', 'backup', ...blobs, '--resume');
  assert.equal(again.id, id);
  await assertSound('broken', id);
});

test('the lock of a killed backup is taken over, and what its run wrote stays for the next', async () => {
  const first = await done('killed', ...backUp);
  const second = await done('killed', ...backUp);
  await whileHeld('killed', async ({ child, done: ended }) => {
    child.kill('SIGKILL');
    await ended;
  });
  const run1 = await objectsBelow(story.objects('killed'));
  const pruned = await run('killed', 'prune', '--keep-last', '1', '--grace', '0h');
  assert.equal(pruned.code, 0, pruned.stderr);
  assert.match(pruned.stderr, /took over the lock of backup by .*: there is no process \d+ on this host any more/);
  const { backups } = resultOf<ListDocument>(await run('killed', 'list', '--json'));
  assert.deepEqual(backups.map(({ id, complete }) => [id, complete]).slice(0, 1), [[second.id, true]], `${first.id} is gone`);
  const unfinished = backups[1]?.id ?? '';
  const left = await objectsBelow(story.objects('killed'));
  for (const key of run1.keys()) {
    assert.ok(!key.startsWith(`${unfinished}/`) || left.has(key), `${key} of the unfinished run was deleted`);
  }
  const again = await done('killed', 'backup', ...blobs);
  assert.equal(again.id, unfinished);
  await assertSound('killed', second.id, again.id);
});

/** Tables of one copy, in which each node has rows that no other has. */
async function makeMoving(...names: readonly string[]): Promise<void> {
  const keyspace = "WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1}";
  await cql(`CREATE KEYSPACE IF NOT EXISTS moving ${keyspace}; CREATE KEYSPACE IF NOT EXISTS gone ${keyspace};`);
  for (const name of names) {
    const rows = Array.from({ length: 60 }, (_, id) => `INSERT INTO ${name} (id, v) VALUES (${id}, 'v${id}');`);
    await cql(`CREATE TABLE ${name} (id int PRIMARY KEY, v text); ${rows.join(' ')}`);
  }
}

async function dropMoving(): Promise<void> {
  await cql('DROP KEYSPACE IF EXISTS moving; DROP KEYSPACE IF EXISTS gone;');
}

/** The tables of a backup, by its manifest. */
async function tablesOf(location: string, { id }: BackupDocument): Promise<readonly string[]> {
  const text = await readFile(join(story.objects(location), id, 'manifest.json'), 'utf8');
  const { tables }: { readonly tables: readonly TableId[] } = JSON.parse(text);
  return tables.map(({ keyspace, table }) => `${keyspace}.${table}`);
}

test('a table that was made between two attempts at a run comes back with the rows of all nodes', async (t) => {
  t.after(dropMoving);
  await makeMoving('moving.early');
  const both = ['backup', '--transfer', 'relay', '-K', 'faults.blobs,moving', '--json'];
  await whileHeld(
    'late',
    async ({ child, done: ended }) => {
      await untilOthersFinished('late', 1);
      child.kill('SIGKILL');
      await ended;
    },
    both,
  );
  await cql('DROP TABLE moving.early;');
  await makeMoving('moving.early', 'moving.late');
  const backup = await done('late', ...both);
  assert.deepEqual(await tablesOf('late', backup), ['faults.blobs', 'moving.early', 'moving.late']);
  // One backup: the second attempt went on with the first.
  await assertSound('late', backup.id);
  await cql('DROP TABLE moving.early; DROP TABLE moving.late;');
  const restored = await run('late', 'restore', 'latest', '-K', 'moving', '--yes');
  assert.equal(restored.code, 0, restored.stderr);
  const read = await dumpRows({ keyspaces: ['moving'] });
  assert.deepEqual([read['moving.early']?.rows, read['moving.late']?.rows], [60, 60]);
});

test('what is dropped, made and truncated between the snapshots of two nodes fails none, and is said', async (t) => {
  t.after(dropMoving);
  await makeMoving('moving.kept', 'moving.emptied', 'moving.dropped', 'moving.again', 'gone.all');
  const [first, second] = story.sandbox.hosts;
  const make = (name: string) => `CREATE TABLE ${name} (id int PRIMARY KEY, v text);`;
  const meanwhile = `DROP TABLE moving.dropped; DROP TABLE moving.again; ${make('moving.again')} ${make('moving.made')} TRUNCATE moving.emptied; DROP KEYSPACE gone;`;
  const change = `case " $* " in
*" snapshot "*) mkdir /tmp/sstash-once 2>/dev/null && cqlsh --request-timeout=60 ${second} -e "${meanwhile}" >/dev/null 2>&1 ;;
esac
exec /usr/bin/nodetool "$@"`;
  t.after(() => onHost(second, 'rm -rf /tmp/sstash-once'));
  const tables = ['backup', '-K', 'moving,gone', '--json', '--snapshot-parallel', '1', '--hosts', `${first},${second}`];
  const ran = await withWrapper(second, 'nodetool', change, () => run('moving', ...tables));
  const backup = resultOf<BackupDocument>(ran);
  assert.equal(backup.complete, true);
  assert.deepEqual(await tablesOf('moving', backup), ['moving.emptied', 'moving.kept']);
  for (const words of [
    /left out, dropped while the backup ran: gone\.all, moving\.again, moving\.dropped/,
    /not in this backup, made while it ran: moving\.again, moving\.made/,
    /truncated while the backup ran, so that one node .*: moving\.emptied/,
  ]) {
    assert.match(ran.stderr, words);
  }
  assert.ok(!(await onHost(first, 'nodetool listsnapshots')).includes(`sstash-${backup.id}`), 'a snapshot is left');
  await assertSound('moving', backup.id);
});

/** For a wrapper of `cqlsh`: changes tables before the schema is described for the first time. */
function beforeDescribing(host: string, statements: string): string {
  return `input=$(cat)
case $input in
*"DESCRIBE SCHEMA"*) mkdir /tmp/sstash-once 2>/dev/null && /usr/bin/cqlsh --request-timeout=60 ${host} -e "${statements}" >/dev/null 2>&1 ;;
esac
printf '%s\\n' "$input" | /usr/bin/cqlsh "$@"`;
}

test('what is dropped, made again and altered between snapshots and schema comes back with the rows of the snapshots', async (t) => {
  t.after(dropMoving);
  await makeMoving('moving.again', 'moving.altered', 'moving.dropped');
  const make = 'CREATE TABLE moving.again (id int PRIMARY KEY, other int);';
  const meanwhile = `DROP TABLE moving.dropped; DROP TABLE moving.again; ${make} ALTER TABLE moving.altered DROP v;`;
  t.after(() => onHost(held, 'rm -rf /tmp/sstash-once'));
  const tables = ['backup', '-K', 'moving', '--json'];
  const ran = await withWrapper(held, 'cqlsh', beforeDescribing(held, meanwhile), () => run('schema', ...tables));
  const backup = resultOf<BackupDocument>(ran);
  assert.equal(backup.complete, true);
  assert.deepEqual(await tablesOf('schema', backup), ['moving.again', 'moving.altered', 'moving.dropped']);
  assert.match(ran.stderr, /described in schema\.cql as these have it: moving\.again, moving\.altered, moving\.dropped/);
  await assertSound('schema', backup.id);
  await cql('DROP KEYSPACE moving;');
  const restored = await run('schema', 'restore', 'latest', '-K', 'moving', '--yes');
  assert.equal(restored.code, 0, restored.stderr);
  const read = await dumpRows({ keyspaces: ['moving'] });
  assert.deepEqual(
    ['again', 'altered', 'dropped'].map((name) => read[`moving.${name}`]?.rows),
    [60, 60, 60],
  );
  const values = await cql('SELECT count(v) FROM moving.again; SELECT count(v) FROM moving.altered;');
  assert.deepEqual(values.match(/^ +60$/gm)?.length, 2, values);
});

test('a table that is truncated when an incremental backup flushes does not come back: a snapshot backup is taken instead', async (t) => {
  t.after(dropMoving);
  await makeMoving('moving.emptied');
  t.after(() => onEveryNode('disablebackup'));
  await onEveryNode('enablebackup');
  const tables = ['backup', '-K', 'moving', '--json'];
  const parent = await done('emptied', ...tables);
  await cql("INSERT INTO moving.emptied (id, v) VALUES (60, 'v60');");
  const meanwhile = "TRUNCATE moving.emptied; INSERT INTO moving.emptied (id, v) VALUES (61, 'v61');";
  const beforeFlush = `case " $* " in
*" flush "*) mkdir /tmp/sstash-once 2>/dev/null && cqlsh --request-timeout=60 ${held} -e "${meanwhile}" >/dev/null 2>&1 ;;
esac
exec /usr/bin/nodetool "$@"`;
  t.after(() => onHost(held, 'rm -rf /tmp/sstash-once'));
  const ran = await withWrapper(held, 'nodetool', beforeFlush, () => run('emptied', ...tables));
  const backup = resultOf<BackupDocument>(ran);
  assert.deepEqual([backup.kind, backup.complete, parent.kind], ['snapshot', true, 'snapshot']);
  assert.match(
    ran.stderr,
    /cannot go on: moving\.emptied was truncated after the parent; this snapshot backup was taken instead/,
  );
  await cql('DROP KEYSPACE moving;');
  const restored = await run('emptied', 'restore', 'latest', '-K', 'moving', '--yes');
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal((await dumpRows({ keyspaces: ['moving'] }))['moving.emptied']?.rows, 1);
});

test('the name of a deleted backup is not used again while others point at objects there', async () => {
  const day = ['--timestamp-format', '%Y%m%d'];
  const first = await done('day', ...backUpOne(), ...day);
  const second = await done('day', ...backUpOne(), ...day);
  assert.match(first.id, /^\d{8}$/);
  const gone = await run('day', 'delete', first.id, '--yes');
  assert.equal(gone.code, 0, gone.stderr);
  const left = await objectsBelow(join(story.objects('day'), first.id));
  assert.ok(left.size > 0, 'nothing of it was needed');
  const third = await done('day', ...backUpOne(), ...day, '--self-contained');
  assert.notEqual(third.id, first.id);
  await assertSound('day', second.id, third.id);
});

test('a backup whose manifest is damaged is listed as such, and stands in nobody else’s way', async () => {
  const [first, second] = [await done('damaged', ...backUpOne()), await done('damaged', ...backUpOne())];
  // In its place: S3Proxy keeps the etag beside the file.
  await truncate(join(story.objects('damaged'), second.id, 'manifest.json'), 100);
  const listed = await run('damaged', 'list');
  assert.match(listed.stdout, new RegExp(`^${second.id} +snapshot +DAMAGED`, 'm'));
  assert.match(listed.stdout, new RegExp(`^${first.id} +snapshot +complete`, 'm'));
  const shown = await run('damaged', 'show', 'latest');
  assert.match(shown.stdout, new RegExp(`^backup +${first.id}$`, 'm'));
  assert.match(shown.stderr, new RegExp(`backup ${second.id} cannot be read and is passed over, with what stands on it`));
  const third = await run('damaged', ...backUpOne());
  assert.match(third.stderr, new RegExp(`backup ${second.id} cannot be read and is not built upon`));
  const { id } = resultOf<BackupDocument>(third);
  assert.equal((await run('damaged', 'prune', '--keep-last', '1')).code, 4);
  assert.equal((await run('damaged', 'delete', second.id, '--yes')).code, 0);
  await assertSound('damaged', first.id, id);
});
