/** More than one run on a location: at once, over each other, and one after the other at little cost. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BlobsStory, blobs, openBlobsStory } from '../support/blobs-story.ts';
import { objectsBelow } from '../support/bucket.ts';
import { countingProxy } from '../support/counting-proxy.ts';
import { holdOn, release, untilHeld, whenCompressing, withWrapper } from '../support/host-faults.ts';
import type { BackupDocument, ErrorDocument, ListDocument } from '../support/program.ts';
import { resultOf, runProgram, startProgram } from '../support/program.ts';
import { cql, runSandbox } from '../support/sandbox.ts';

const backUp = ['backup', ...blobs, '--new-snapshot'];

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

test('of two backups at once one runs, and the other says who holds the lock', async () => {
  const first = await duringBackup('lock', async () => {
    const second = resultOf<ErrorDocument>(await runProgram(backUp, story.at('lock')), 11);
    assert.match(second.error.message, /backup by \S+@\S+ \(pid \d+\) since /);
    assert.match(second.error.hint ?? '', /--lock-timeout/);
    resultOf<ErrorDocument>(await runProgram(['prune', '--keep-last', '1', '--json'], story.at('lock')), 11);
    const waited = await runProgram(['list', '--json'], story.at('lock'));
    assert.equal(resultOf<ListDocument>(waited).backups.length, 1, 'reading needs no lock');
  });
  assert.equal(resultOf<BackupDocument>(first).complete, true);
});

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
});

test('a second backup sends what is new, and no request for what is not', async () => {
  const proxy = await countingProxy(story.sandbox.env['SSTASH_ENDPOINT'] ?? '');
  const { env } = story.at('twice');
  const options = { env: { ...env, SSTASH_ENDPOINT: proxy.url } };
  const counted = async (): Promise<readonly [BackupDocument, number]> => {
    const sent = proxy.count();
    const backup = resultOf<BackupDocument>(await runProgram(backUp, options));
    return [backup, proxy.count() - sent];
  };
  try {
    const [first] = await counted();
    const [unchanged, requests] = await counted();
    assert.ok(unchanged.nodes.every(({ newFiles }) => newFiles === 0));
    assert.ok(first.nodes.every(({ files }) => files >= 8));
    const stored = await objectsBelow(story.objects('twice'));
    // 24 MiB per node are there: this is 5 % of that.
    await addSstable(1002, 1_200_000);
    const [changed, more] = await counted();
    for (const node of changed.nodes) {
      const share = node.newBytes / node.bytes;
      assert.ok(share > 0.03 && share < 0.07, `${node.host} sent ${(share * 100).toFixed(1)} %`);
    }
    const grown = [...(await objectsBelow(story.objects('twice')))].filter(([key]) => !stored.has(key));
    const bytes = grown.reduce((sum, [, size]) => sum + size, 0);
    const newBytes = changed.nodes.reduce((sum, node) => sum + node.newBytes, 0);
    assert.ok(bytes < newBytes * 1.1, `${bytes} bytes in the bucket for ${newBytes}`);
    // A put for each of a new sstable's files on three nodes, and nothing for any other.
    const newFiles = changed.nodes.reduce((sum, node) => sum + node.newFiles, 0);
    assert.ok(more <= requests + newFiles + 12, `${more} requests, ${requests} without a change, ${newFiles} new files`);
  } finally {
    await proxy.close();
  }
});
