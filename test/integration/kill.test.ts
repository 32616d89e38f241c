/**
 * kill -9 at moments of a backup that are waited for, so each of them is met whatever else the machine does: afterwards the
 * list tells the truth, `backup --resume` completes, and nothing is left over, neither on the node nor in the store.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { type BlobsStory, blobs, openBlobsStory } from '../support/blobs-story.ts';
import { checkBackup, objectsBelow } from '../support/bucket.ts';
import { cutConnections, holdOn, release, untilHeld, whenCompressing, withWrapper } from '../support/host-faults.ts';
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
import { onHost } from '../support/sandbox.ts';
import { type Moment, startStoppingProxy } from '../support/stopping-proxy.ts';
import { unfinishedUploads } from '../support/uploads.ts';

let story: BlobsStory;
let host: string;
let args: readonly string[];

before(async () => {
  story = await openBlobsStory();
  [host] = story.sandbox.hosts;
  // What another file, or a run of this one that failed, has left there is not ours to find.
  await onHost(host, 'nodetool clearsnapshot --all');
  args = ['backup', '--hosts', host, ...blobs];
});

after(() => story.clear());

/** When a run is killed, as the store sees it: when that is asked for, or is done and not answered. */
function asked(method: string, url: RegExp): Kill {
  return atStore({ method, url, done: false });
}

function done(method: string, url: RegExp): Kill {
  return atStore({ method, url, done: true });
}

/** Starts a backup with these options and kills it. */
type Kill = (location: string, options: readonly string[]) => Promise<void>;

function atStore(moment: Moment): Kill {
  return async (location, options) => {
    const proxy = await startStoppingProxy(story.sandbox.env['SSTASH_ENDPOINT'] ?? '', moment);
    try {
      const { env } = story.at(location);
      const running = startProgram([...args, ...options], { env: { ...env, SSTASH_ENDPOINT: proxy.endpoint } });
      await killWhen(proxy.stopped, running);
    } finally {
      await proxy.stop();
    }
  };
}

/** As the node sees it: before it does what nodetool is told, or when it has done it and not said so. */
function atNode(command: string, when: 'before' | 'after'): Kill {
  const hold = when === 'before' ? `${holdOn}; exit 1` : `/usr/bin/nodetool "$@"; ${holdOn}; exit 0`;
  const wrapper = `case " $* " in *" ${command} "*) ${hold} ;; esac; exec /usr/bin/nodetool "$@"`;
  return async (location, options) =>
    withWrapper(host, 'nodetool', wrapper, async () => {
      await killWhen(untilHeld(host), startProgram([...args, ...options], story.at(location)));
      await release(host);
    });
}

async function killWhen(moment: Promise<void>, { child, done: ended }: Running): Promise<void> {
  const early = ended.then(({ code, stderr }) => assert.fail(`it ended with ${code} before it could be killed: ${stderr}`));
  try {
    await Promise.race([moment, early]);
  } finally {
    child.kill('SIGKILL');
    await ended;
    await early.catch(() => undefined);
  }
}

/**
 * Kills when a draft of what is stored is written: one is due 5 s after the first file at the earliest, so a large file is kept
 * back until then. A node that keeps incremental files has one before its snapshot too, which is not meant.
 */
const withDraft: Kill = async (location, options) => {
  let held = false;
  const drafted = atStore({ method: 'PUT', url: /\/draft\.json\.gz/, done: true, counts: () => held });
  const wait = whenCompressing(`${holdOn}; exec /usr/bin/lzop "$@"`);
  await withWrapper(host, 'lzop', wait, async () => {
    const letGo = async (): Promise<void> => {
      await untilHeld(host);
      held = true;
      await delay(5500);
      await release(host);
    };
    await Promise.all([letGo(), drafted(location, options)]);
  });
};

interface Point {
  readonly title: string;
  readonly kill: Kill;
  /** What the store holds of it then. */
  readonly finds: 'nothing' | 'unfinished' | 'sealed' | 'complete';
  readonly options?: readonly string[];
}

// By relay a large file goes in parts, and an upload can be left open.
const relay = ['--transfer', 'relay'];

const committed = { method: 'PUT', url: /\/manifest\.json(\?|$)/ };
/** The mark gets the manifest: from then on nobody else can commit anything else. */
const sealed = { method: 'PUT', url: /\/in-progress\.json/, after: { method: 'PUT', url: /\/schema\.cql/ } };

const points: readonly Point[] = [
  { title: 'before it has its lock', kill: asked('PUT', /\/lock\.json/), finds: 'nothing' },
  { title: 'between its lock and its mark', kill: asked('PUT', /\/in-progress\.json/), finds: 'nothing' },
  { title: 'when its mark is written', kill: done('PUT', /\/in-progress\.json/), finds: 'unfinished' },
  { title: 'while the node takes its snapshot', kill: atNode('snapshot', 'before'), finds: 'unfinished' },
  { title: 'when the node has taken its snapshot', kill: atNode('snapshot', 'after'), finds: 'unfinished' },
  { title: 'at its first file', kill: asked('PUT', /\/faults\/blobs-/), finds: 'unfinished' },
  {
    title: 'between two parts of a large file',
    kill: asked('PUT', /-Data\.db.*[?&]partNumber=2/),
    finds: 'unfinished',
    options: relay,
  },
  { title: 'when a large file is stored', kill: done('PUT', /-Data\.db/), finds: 'unfinished' },
  { title: 'when a draft is written', kill: withDraft, finds: 'unfinished', options: relay },
  { title: 'when the node’s manifest is written', kill: done('PUT', /\/manifest\.json\.gz/), finds: 'unfinished' },
  { title: 'before its commit', kill: atStore({ ...sealed, done: false }), finds: 'unfinished' },
  { title: 'when it is sealed', kill: atStore({ ...sealed, done: true }), finds: 'sealed' },
  { title: 'before its last object', kill: asked(committed.method, committed.url), finds: 'sealed' },
  // Mark and drafts go by one request, the lock by another one later; what was put to try the store out went before.
  {
    title: 'when its mark is away',
    kill: atStore({ method: 'POST', url: /[?&]delete/, after: committed, done: true }),
    finds: 'complete',
  },
  { title: 'while snapshots are cleared', kill: atNode('clearsnapshot', 'before'), finds: 'complete' },
];

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

async function snapshots(): Promise<string> {
  return onHost(host, 'ls -d /var/lib/cassandra/data*/faults/blobs-*/snapshots/sstash-* 2>/dev/null; true');
}

async function assertNothingLeft(location: string): Promise<void> {
  assert.equal(await snapshots(), '', 'a snapshot was left on the node');
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

describe('a backup that is killed', () => {
  for (const [index, { title, kill, finds, options = [] }] of points.entries()) {
    test(`${title} can be finished, and leaves nothing behind`, async () => {
      const location = `killed-${index}`;
      await kill(location, options);
      const [found, ...others] = await assertListIsTrue(location);
      assert.deepEqual(
        [found?.complete, others],
        [{ nothing: undefined, unfinished: false, sealed: false, complete: true }[finds], []],
      );
      // Killed before it began, or after it was done: then there is nothing to go on with.
      const again = [...args, ...options, ...(finds === 'unfinished' ? ['--resume'] : [])];
      const backup = resultOf<BackupDocument>(await runProgram(again, story.at(location)));
      assert.equal(backup.complete, true);
      if (finds === 'unfinished') {
        assert.equal(backup.id, found?.id, 'it went on with another run');
      }
      await assertListIsTrue(location);
      // What was stored and not written down yet is stored again, under a key of its own: the first is an orphan, which prune takes.
      resultOf<unknown>(await runProgram(['prune', '--keep-last', '9', '--grace', '0h', '--json'], story.at(location)));
      // After a complete one the second holds nothing of its own: its files are those of the first.
      await assertWhole(location, found ?? backup);
      if (finds === 'sealed') {
        assert.deepEqual([(await listed(location)).length, backup.nodes[0]?.newFiles], [2, 0], 'it was not published');
      }
      // Also what a finished one had not cleared yet.
      await assertNothingLeft(location);
    });
  }

  test('when it is committed and its mark is still there is complete; when it goes, nothing lists it as unfinished', async () => {
    await done(committed.method, committed.url)('committed', []);
    const [found] = await assertListIsTrue('committed');
    assert.equal(found?.complete, true);
    assert.ok((await objectsBelow(story.objects('committed'))).has(`${found.id}/in-progress.json`), 'there was no mark');
    assert.equal((await runProgram(['verify', found.id, '--read-data'], story.at('committed'))).code, 0);
    // Where a run took its time there is a draft too.
    const directory = `${story.objects('committed')}/${found.id}/${host}`;
    // The server keeps what it knows of an object in attributes of the file.
    await promisify(execFile)('cp', ['-a', `${directory}/manifest.json.gz`, `${directory}/draft.json.gz`]);
    const next = resultOf<BackupDocument>(await runProgram([...args, '--self-contained'], story.at('committed')));
    assert.equal((await runProgram(['delete', found.id, '--yes'], story.at('committed'))).code, 0);
    const left = await assertListIsTrue('committed');
    assert.deepEqual(
      left.map(({ id, complete }) => [id, complete]),
      [[next.id, true]],
    );
    await assertWhole('committed', next);
    // The mark goes at once, and a draft with the files, later.
    resultOf<unknown>(await runProgram(['prune', '--keep-last', '9', '--grace', '0h', '--json'], story.at('committed')));
    await assertNothingLeft('committed');
  });

  test('is gone on with by a plain backup too, which says so', async () => {
    await done('PUT', /\/in-progress\.json/)('plain', []);
    const [found] = await assertListIsTrue('plain');
    assert.equal(found?.complete, false);
    const ran = await runProgram(args, story.at('plain'));
    const backup = resultOf<BackupDocument>(ran);
    assert.equal(backup.id, found.id);
    assert.match(ran.stderr, /unfinished run/);
    await assertNothingLeft('plain');
  });

  test('has left what clear names, and removes when it is given up', async () => {
    await asked('PUT', /\/faults\/blobs-/)('given-up', []);
    const [found = assert.fail()] = await listed('given-up');
    const clear = async (...options: readonly string[]) =>
      resultOf<{ found: readonly { kind: string; host?: string; belongsTo: string; cleared: boolean; remove: boolean }[] }>(
        await runProgram(['clear', '--hosts', host, '--json', ...options], story.at('given-up')),
      ).found.filter(({ kind }) => kind === 'snapshot');
    const kept = { host, belongsTo: `unfinished run ${found.id}`, remove: false, cleared: false };
    assert.deepEqual(
      (await clear('--yes')).map(({ belongsTo, remove, cleared }) => ({ host, belongsTo, remove, cleared })),
      [kept],
    );
    assert.match(await snapshots(), new RegExp(`/sstash-${found.id}-`));
    assert.deepEqual(
      (await clear('--yes', '--unfinished', found.id)).map(({ cleared }) => cleared),
      [true],
    );
    assert.equal(await snapshots(), '');
    assert.equal((await runProgram(['delete', found.id, '--yes', '--force-last'], story.at('given-up'))).code, 0);
    assert.deepEqual(await unfinishedUploads(story.at('given-up').env), []);
  });

  test('is an error to resume when there is none', async () => {
    const ran = await runProgram([...args, '--resume'], story.at('plain'));
    assert.equal(ran.code, 10);
    assert.match(ran.stderr, /no unfinished run/);
  });
});

/** Of what a run starts on the node; hosts have process tables of their own. */
async function programsLeft(): Promise<string> {
  const ours = 'sudo -n|setpriv|xargs|lzop|python3 -I|sstash-held';
  return onHost(host, `ps -eo args= | grep -E '${ours}' | grep -v 'grep -E'; true`);
}

describe('on the node nothing of a backup is left at work', () => {
  for (const transfer of ['relay', 'direct']) {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      test(`that is ended by ${signal} in the middle of its files, ${transfer}`, async () => {
        const hold = whenCompressing(`${holdOn}; exec /usr/bin/lzop "$@"`);
        await withWrapper(host, 'lzop', hold, async () => {
          const running = startProgram([...args, '--transfer', transfer], story.at(`left-${transfer}-${signal}`));
          try {
            await untilHeld(host);
            assert.notEqual(await programsLeft(), '');
            running.child.kill(signal);
            const { code } = await running.done;
            assert.equal(code, signal === 'SIGINT' ? 130 : null);
            for (let left = await programsLeft(); left !== ''; left = await programsLeft()) {
              await delay(200);
            }
          } finally {
            running.child.kill('SIGKILL');
            await release(host);
          }
        });
        await onHost(host, 'nodetool clearsnapshot --all');
      });
    }
  }
});

test('an interrupt while snapshots are cleared gives the result, and names what stays', async () => {
  const wrapper = `case " $* " in *" clearsnapshot "*) ${holdOn}; exit 1 ;; esac; exec /usr/bin/nodetool "$@"`;
  const ran = await withWrapper(host, 'nodetool', wrapper, async (): Promise<Ran> => {
    const { child, done: ended } = startProgram([...args, '--json'], story.at('interrupted'));
    await untilHeld(host);
    child.kill('SIGINT');
    const result = await ended;
    await release(host);
    return result;
  });
  const backup = resultOf<BackupDocument>(ran, 130);
  assert.equal(backup.complete, true);
  assert.match(ran.stderr, new RegExp(`${host}: snapshot sstash-${backup.id}-[0-9a-f]{8} could not be cleared: interrupted`));
  resultOf<BackupDocument>(await runProgram(args, story.at('interrupted')));
  await assertNothingLeft('interrupted');
});

test('a sshd that is killed under a backup does not lose it', async () => {
  const once = whenCompressing(`if mkdir /tmp/sstash-once 2>/dev/null; then ${holdOn}; fi; exec /usr/bin/lzop "$@"`);
  const ran = await withWrapper(host, 'lzop', once, async (): Promise<Ran> => {
    const { child, done: ended } = startProgram(args, story.at('sshd'));
    try {
      await untilHeld(host);
      await cutConnections(host);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      await release(host);
    }
    return ended;
  });
  await onHost(host, 'rm -rf /tmp/sstash-once');
  const backup =
    ran.code === 0 ? resultOf<BackupDocument>(ran) : resultOf<BackupDocument>(await runProgram(args, story.at('sshd')));
  assert.equal(backup.complete, true);
  await assertWhole('sshd', backup);
  await assertNothingLeft('sshd');
});
