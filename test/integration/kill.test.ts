/**
 * kill -9 at many points of a backup: afterwards the list tells the truth, `backup --resume` completes, and nothing is
 * left over, neither on the node nor in the store.
 */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { type BlobsStory, blobs, openBlobsStory } from '../support/blobs-story.ts';
import { checkBackup, objectsBelow } from '../support/bucket.ts';
import { cutConnections } from '../support/host-faults.ts';
import {
  type BackupDocument,
  type FilesDocument,
  type ListDocument,
  resultOf,
  runProgram,
  startProgram,
} from '../support/program.ts';
import { onHost } from '../support/sandbox.ts';
import { unfinishedUploads } from '../support/uploads.ts';

/** Two before the backup shows in the store, the others from there to its end. */
const points = 20;
const earlyPoints = 2;

let story: BlobsStory;
let host: string;
let args: readonly string[];
/** How long an undisturbed backup takes until it shows in the store, and from then to its end, in milliseconds. */
const usual = { early: Number.POSITIVE_INFINITY, late: Number.POSITIVE_INFINITY };

before(async () => {
  story = await openBlobsStory();
  [host] = story.sandbox.hosts;
  args = ['backup', '--hosts', host, ...blobs];
  // The first of them is slower than those that follow, and kills at its pace would come too late.
  for (const location of ['first', 'second', 'undisturbed']) {
    const started = Date.now();
    const { done } = startProgram(args, story.at(location));
    await begun(location, done);
    const showed = Date.now();
    resultOf<BackupDocument>(await done);
    usual.early = Math.min(usual.early, showed - started);
    usual.late = Math.min(usual.late, Date.now() - showed);
  }
});

after(() => story.clear());

/** Until a run shows in the store, or is over. */
async function begun(location: string, done: Promise<unknown>): Promise<void> {
  let over = false;
  void done.finally(() => (over = true));
  const shows = async () => (await readdir(story.objects(location)).catch(() => [])).some((name) => /^\d{8}T/.test(name));
  while (!over && !(await shows())) {
    await sleep(10);
  }
}

/**
 * Kills a backup after a part of the usual time from its start until it shows in the store, or from then to its end. One that
 * was over before that tells the usual time anew: a machine that was busy when it was taken would make all others late.
 */
async function killAfter(location: string, phase: 'early' | 'late', fraction: number): Promise<void> {
  const { child, done } = startProgram(args, story.at(location));
  if (phase === 'late') {
    await begun(location, done);
  }
  const from = Date.now();
  await Promise.race([sleep(usual[phase] * fraction, undefined, { ref: false }), done]);
  if (child.exitCode !== null) {
    usual[phase] = Math.min(usual[phase], Date.now() - from);
  }
  child.kill('SIGKILL');
  await done;
}

async function listed(location: string): Promise<ListDocument['backups']> {
  const ran = await runProgram(['list', '--json'], story.at(location));
  return resultOf<ListDocument>(ran).backups;
}

/** What the manifest's presence says must be what the list says. */
async function assertListIsTrue(location: string): Promise<ListDocument['backups']> {
  const backups = await listed(location);
  const keys = [...(await objectsBelow(story.objects(location)).catch(() => new Map<string, number>())).keys()];
  for (const { id, complete } of backups) {
    assert.equal(complete, keys.includes(`${id}/manifest.json`), id);
  }
  return backups;
}

async function assertNothingLeft(location: string): Promise<void> {
  const snapshots = await onHost(host, 'ls -d /var/lib/cassandra/data*/faults/blobs-*/snapshots/sstash-* 2>/dev/null; true');
  assert.equal(snapshots, '', 'a snapshot was left on the node');
  assert.deepEqual(await unfinishedUploads(story.at(location).env), [], 'an upload was left unfinished');
  const keys = [...(await objectsBelow(story.objects(location))).keys()];
  assert.deepEqual(
    keys.filter((key) => key.endsWith('in-progress.json') || key.endsWith('draft.json.gz') || key === 'lock.json'),
    [],
  );
}

async function assertWhole(location: string, backup: { readonly id: string }): Promise<void> {
  const { files } = resultOf<FilesDocument>(await runProgram(['files', backup.id, '--json'], story.at(location)));
  const url = `${story.at(location).env['SSTASH_LOCATION']}/${backup.id}`;
  const components = await checkBackup(`${story.objects(location)}/${backup.id}`, url, files);
  assert.ok(components.length > 0);
}

/** The second and third try know better how long a backup takes. */
async function killedInTheMiddle(): Promise<{ readonly location: string; readonly found: ListDocument['backups'][number] }> {
  for (const location of ['plain-1', 'plain-2', 'plain-3']) {
    await killAfter(location, 'late', 0.4);
    const [found] = await assertListIsTrue(location);
    if (found?.complete === false) {
      return { location, found };
    }
  }
  return assert.fail('no backup was unfinished when it was killed');
}

describe('a backup that is killed', () => {
  let unfinished = 0;

  for (let point = 0; point < points; point += 1) {
    const phase = point < earlyPoints ? 'early' : 'late';
    const fraction = phase === 'early' ? (point + 0.5) / earlyPoints : (point - earlyPoints + 0.5) / (points - earlyPoints);
    const part = phase === 'early' ? 'beginning' : 'work';
    test(`at ${Math.round(fraction * 100)} % of its ${part} can be finished, and leaves nothing behind`, async () => {
      const location = `killed-${point}`;
      await killAfter(location, phase, fraction);
      const [found, ...others] = await assertListIsTrue(location);
      assert.deepEqual(others, []);
      // Killed before it began, or after it was done: then there is nothing to go on with.
      const again = found === undefined || found.complete ? args : [...args, '--resume'];
      const backup = resultOf<BackupDocument>(await runProgram(again, story.at(location)));
      assert.equal(backup.complete, true);
      if (found?.complete === false) {
        unfinished += 1;
        assert.equal(backup.id, found.id, 'it went on with another run');
      }
      await assertListIsTrue(location);
      // After a complete one the second holds nothing of its own: its files are those of the first.
      await assertWhole(location, found ?? backup);
      if (found?.complete !== true) {
        await assertNothingLeft(location);
      }
    });
  }

  test('was in the middle of it at most points', () => {
    assert.ok(unfinished >= points / 2, `only ${unfinished} of ${points} kills left an unfinished run`);
  });

  test('is gone on with by a plain backup too, which says so', async () => {
    const { location, found } = await killedInTheMiddle();
    const ran = await runProgram(args, story.at(location));
    const backup = resultOf<BackupDocument>(ran);
    assert.equal(backup.id, found.id);
    assert.match(ran.stderr, /unfinished run/);
    await assertNothingLeft(location);
  });

  test('is an error to resume when there is none', async () => {
    const ran = await runProgram([...args, '--resume'], story.at('undisturbed'));
    assert.equal(ran.code, 10);
    assert.match(ran.stderr, /no unfinished run/);
  });
});

test('a sshd that is killed under a backup does not lose it', async () => {
  const { child, done } = startProgram(args, story.at('sshd'));
  await begun('sshd', done);
  await Promise.race([sleep(usual.late * 0.4, undefined, { ref: false }), done]);
  assert.equal(child.exitCode, null, 'the backup was over before the sshd could be killed');
  await cutConnections(host);
  const ran = await done;
  const backup =
    ran.code === 0 ? resultOf<BackupDocument>(ran) : resultOf<BackupDocument>(await runProgram(args, story.at('sshd')));
  assert.equal(backup.complete, true);
  await assertWhole('sshd', backup);
  await assertNothingLeft('sshd');
});
