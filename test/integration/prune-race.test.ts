/** A prune that runs beside a backup, since somebody took the backup's lock away. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BlobsStory, blobs, openBlobsStory } from '../support/blobs-story.ts';
import { holdOn, release, untilHeld, whenCompressing, withWrapper } from '../support/host-faults.ts';
import { type BackupDocument, type ListDocument, resultOf, runProgram, startProgram } from '../support/program.ts';
import { cql, runSandbox } from '../support/sandbox.ts';

// By relay: the wrappers of lzop know files by their paths, and direct transfer gives it a pipe.
const backUp = ['backup', '--transfer', 'relay', ...blobs, '--new-snapshot'];

let story: BlobsStory;
let host: string;

before(async () => {
  story = await openBlobsStory();
  [host] = story.sandbox.hosts;
});

after(async () => {
  await cql('TRUNCATE faults.blobs;');
  await story.clear();
});

/** One more sstable on every node, with a row of that many random bytes. */
async function addSstable(id: number, bytes: number): Promise<void> {
  await cql(`CONSISTENCY ALL;\nINSERT INTO faults.blobs (id, body) VALUES (${id}, 0x${randomBytes(bytes).toString('hex')});`);
  await Promise.all(story.sandbox.hosts.map((each) => runSandbox(['nodetool', each, 'flush', 'faults'])));
}

/** Starts a backup, stops it in the middle of a large file, does `work`, and lets it go on. */
async function duringBackup(location: string, work: () => Promise<void>): ReturnType<typeof runProgram> {
  return withWrapper(host, 'lzop', whenCompressing(`${holdOn}; exec /usr/bin/lzop "$@"`), async () => {
    const { child, done } = startProgram(backUp, story.at(location));
    try {
      await untilHeld(host);
      await work();
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      await release(host);
    }
    return done;
  });
}

test('a prune that gets between loses nothing that a running backup refers to', async () => {
  const location = 'race';
  const old = resultOf<BackupDocument>(await runProgram(backUp, story.at(location)));
  const next = resultOf<BackupDocument>(await runProgram(backUp, story.at(location)));
  assert.ok(next.nodes.every(({ newFiles }) => newFiles === 0));
  await addSstable(1001, 1_500_000);
  let pruned: { readonly forgotten: readonly { readonly id: string }[] } | undefined;
  const ran = await duringBackup(location, async () => {
    // Its files are those of `old`, which no rule keeps; and somebody takes its lock away.
    await rm(join(story.objects(location), 'lock.json'));
    const prune = ['prune', '--keep-last', '1', '--grace', '0h', '--json'];
    pruned = resultOf(await runProgram(prune, story.at(location)));
  });
  assert.deepEqual(
    pruned?.forgotten.map(({ id }) => id),
    [old.id],
  );
  // It noticed that the lock was gone, or had finished before it could.
  assert.ok(ran.code === 0 || ran.code === 11, `exit code ${ran.code}: ${ran.stderr}`);
  const last = resultOf<BackupDocument>(await runProgram(['backup', ...blobs], story.at(location)));
  assert.equal(last.complete, true);
  const verified = await runProgram(['verify', '--all', '--read-data', '--json'], story.at(location));
  assert.equal(verified.code, 0, verified.stdout);
  const { backups } = resultOf<ListDocument>(await runProgram(['list', '--json'], story.at(location)));
  assert.ok(backups.every(({ complete }) => complete));
  assert.ok(!backups.some(({ id }) => id === old.id));

  // In two steps: the objects of what is forgotten go when the store's own dates say that it is long enough ago.
  const prune = ['prune', '--keep-last', '1', '--json'];
  interface Steps {
    readonly forgotten: readonly unknown[];
    readonly freed: readonly unknown[];
    readonly later: { readonly objects: number };
  }
  const forgotten = resultOf<Steps>(await runProgram(prune, story.at(location)));
  assert.ok(forgotten.forgotten.length > 0 && forgotten.later.objects > 0);
  assert.equal(resultOf<Steps>(await runProgram(prune, story.at(location))).later.objects, forgotten.later.objects);
  const records = join(story.objects(location), 'forgotten');
  const dayAgo = new Date(Date.now() - 25 * 3_600_000);
  await Promise.all((await readdir(records)).map((name) => utimes(join(records, name), dayAgo, dayAgo)));
  const freed = resultOf<Steps>(await runProgram(prune, story.at(location)));
  assert.deepEqual([freed.freed.length, freed.later.objects], [forgotten.forgotten.length, 0]);
  assert.equal((await runProgram(['verify', '--all', '--read-data'], story.at(location))).code, 0);
});
