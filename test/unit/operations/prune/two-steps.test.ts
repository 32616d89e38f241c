/** A backup is forgotten first, and its objects go a day later: whoever reads it meanwhile loses nothing, and neither does a crash. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, describe, test } from 'node:test';
import type { Event } from '../../../../src/model/events.ts';
import { IntegrityError, LockedError, NotFoundError, StorageError } from '../../../../src/model/errors.ts';
import type { BackupRef } from '../../../../src/model/backup/manifest.ts';
import { listBackups } from '../../../../src/operations/list.ts';
import { type DeleteOptions, deleteBackups } from '../../../../src/operations/prune/delete.ts';
import { type PruneOptions, prune } from '../../../../src/operations/prune/prune.ts';
import { whileReading, whileReadingChosen } from '../../../../src/operations/location/while-reading.ts';
import { deleteText, pruneJson, pruneText, pruneWarnings } from '../../../../src/report/prune-report.ts';
import { forgottenText } from '../../../../src/report/forgotten-report.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { backupManifestKey, inProgressKey, nodeManifestKey } from '../../../../src/storage/keys.ts';
import { forgottenKey, lockKey } from '../../../../src/storage/location-keys.ts';
import { hookedStore } from '../../../support/hooked-store.ts';
import { LocationHistory } from '../../../support/location-history.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const owner = { host: 'bastion', pid: process.pid, user: 'ops' };
const hour = 3_600_000;

async function place(context: TestContext) {
  const store = hookedStore(await openDirectoryStore(await temporaryDirectory(context)));
  const plain = await openDirectoryStore(new URL(store.url).pathname);
  const events: Event[] = [];
  const request = { owner, operation: 'prune', timeoutSeconds: 0, listen: (event: Event) => void events.push(event) };
  const history = new LocationHistory(store);
  const pruned = (changes: Partial<PruneOptions> = {}) =>
    prune(
      history.repository,
      {
        policy: { keepLast: 1 },
        staleAfterSeconds: 86_400,
        graceSeconds: 86_400,
        dryRun: false,
        now: new Date(),
        ...changes,
      },
      request,
      never,
    );
  const deleted = async (names: readonly string[], changes: Partial<DeleteOptions> = {}) => {
    const wish = { names, withIncrementals: false, forceLast: false, dryRun: false, atOnce: false, now: new Date() };
    return (await deleteBackups(history.repository, { ...wish, ...changes }, async () => true, request, never)) ?? assert.fail();
  };
  const reading = <T>(backups: readonly BackupRef[], work: () => Promise<T>) =>
    whileReading({ ...request, repository: history.repository, operation: 'restore' }, backups, work, never);
  return { store, plain, history, pruned, deleted, reading, request, events };
}

/** Two backups, of which the older is not kept by `--keep-last 1`. */
async function two(history: LocationHistory): Promise<void> {
  await history.complete({ id: 'a1', takenAt: new Date(Date.now() - 40 * hour), fresh: 3 });
  await history.complete({ id: 'b1', takenAt: new Date(Date.now() - 3 * hour) });
}

async function objectsOf(history: LocationHistory, id: string): Promise<readonly string[]> {
  return (await history.keys(`${id}/`)).filter((key) => key.endsWith('.lzo'));
}

describe('what is forgotten', () => {
  test('keeps its objects for the grace time, which the store’s dates of its record and of the lock tell', async (context) => {
    const { history, pruned, store } = await place(context);
    await two(history);
    const first = await pruned();
    assert.equal((await objectsOf(history, 'a1')).length, 3);
    assert.equal(await history.assertWhole(), 1);
    assert.match(pruneText(first), /^7 objects of .* of deleted backups wait, .*: a prune after \d{4}-.*Z frees them$/m);
    const { forgotten } = await listBackups(history.repository, { since: undefined, until: undefined }, never);
    assert.match(forgottenText(forgotten), /^deleted, and their objects wait for a prune: a1 \(at 2/m);
    // A clock that is a year ahead frees nothing.
    const ahead = await pruned({ now: new Date(Date.now() + 365 * 24 * hour) });
    assert.deepEqual([ahead.deletedObjects, ahead.later.objects, ahead.later.bytes], [0, 7, first.later.bytes]);
    await history.letGraceEnd();
    store.calls.length = 0;
    const second = await pruned();
    assert.deepEqual([second.deletedObjects, second.later, await history.keys('a1/')], [7, { objects: 0, bytes: 0 }, []]);
    assert.deepEqual(await history.keys('forgotten/'), []);
    assert.match(pruneText(second), /^among these all that only a1 needed, deleted before$/m);
    assert.match(JSON.stringify(pruneJson(second)), /"freed":\[{"id":"a1","forgottenAt":/);
    const order = store.calls.flatMap(({ verb, key }) => (verb === 'delete' && key.startsWith('a1/') ? [key] : []));
    assert.equal(order.at(-1), nodeManifestKey({ id: 'a1' }, 'node1'), 'what says what it pointed at goes last');
    assert.equal((await pruned()).deletedObjects, 0);
  });

  test('keeps what it points at in others’ directories too, and a run of now what it points at', async (context) => {
    const { history, pruned } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: new Date(Date.now() - 60 * hour), fresh: 2 });
    const reused = await history.filesOf(a);
    await history.complete({ id: 'b1', takenAt: new Date(Date.now() - 50 * hour), reused });
    await history.complete({ id: 'c1', takenAt: new Date(Date.now() - 3 * hour) });
    await pruned({ policy: { keepLast: 2 }, graceSeconds: 0 });
    assert.equal((await objectsOf(history, 'a1')).length, 2, 'b1 points there');
    await pruned();
    assert.deepEqual(
      (await history.repository.backups(never)).map(({ id }) => id),
      ['c1'],
    );
    assert.equal((await objectsOf(history, 'a1')).length, 2, 'so it does while it waits');
    // A backup that began before b1 was forgotten, and is not done yet.
    await history.unfinished({ id: 'run1', takenAt: new Date(), reused: reused.slice(0, 1) });
    await history.letGraceEnd();
    await pruned();
    assert.deepEqual(await objectsOf(history, 'a1'), [reused[0]?.key]);
    assert.deepEqual(await history.keys('b1/'), []);
    await history.assertWhole();
  });

  test('is not in the way of a second prune, and cannot be deleted twice but at once', async (context) => {
    const { history, pruned, deleted } = await place(context);
    await two(history);
    await deleted(['a1']);
    assert.equal((await objectsOf(history, 'a1')).length, 3);
    assert.equal((await pruned()).deletedObjects, 0);
    await assert.rejects(deleted(['a1']), (error: NotFoundError) => {
      assert.match(`${error.message} ${error.hint}`, /^a1 was deleted at .* --now frees it at once$/);
      return error instanceof NotFoundError;
    });
    const freed = await deleted(['a1'], { atOnce: true });
    assert.deepEqual([freed.deletedObjects, await history.keys('a1/'), await history.keys('forgotten/')], [7, [], []]);
    assert.match(deleteText(freed), /^free +a1 .*deleted before/m);
    assert.equal(await history.assertWhole(), 1);
  });

  test('one delete frees nothing of what another has forgotten', async (context) => {
    const { history, deleted } = await place(context);
    await two(history);
    await history.complete({ id: 'c1', takenAt: new Date() });
    await deleted(['a1']);
    await history.letGraceEnd();
    const result = await deleted(['b1'], { atOnce: true });
    assert.deepEqual([result.waiting.map(({ id }) => id), await history.keys('b1/')], [['a1'], []]);
    assert.equal((await objectsOf(history, 'a1')).length, 3);
  });

  test('comes back when its manifest is put back, and the record goes', async (context) => {
    const { history, pruned, plain } = await place(context);
    await two(history);
    const manifest = JSON.stringify((await history.repository.signatures.manifest({ id: 'a1' }, never)) ?? assert.fail());
    await pruned();
    await plain.put(backupManifestKey({ id: 'a1' }), Buffer.from(manifest), {}, never);
    await history.letGraceEnd();
    await pruned({ policy: { keepLast: 2 } });
    assert.equal(await history.assertWhole(), 2);
    assert.deepEqual(await history.keys('forgotten/'), []);
  });

  test('is gone also where a listing shows its manifest for a while', async (context) => {
    const { history, pruned, store } = await place(context);
    await two(history);
    await pruned();
    const key = backupManifestKey({ id: 'a1' });
    const list = store.list.bind(store);
    store.list = async function* (prefix, signal) {
      yield* list(prefix, signal);
      if (key.startsWith(prefix)) {
        yield { key, bytes: 9, modified: new Date().toISOString(), etag: 'old' };
      }
    };
    assert.equal((await pruned()).lost.length, 0);
    await history.letGraceEnd();
    await pruned();
    assert.deepEqual(await history.keys('a1/').then((keys) => keys.filter((each) => each !== key)), []);
  });
});

describe('a prune that breaks off', () => {
  test('at any call leaves every listed backup whole, and the next ones finish it', async (context) => {
    for (let point = 1, finished = false; !finished; point += 1) {
      const { history, store, plain, pruned } = await place(context);
      const a = await history.complete({ id: 'a1', takenAt: new Date(Date.now() - 60 * hour), fresh: 1 });
      await history.complete({ id: 'a2', parent: 'a1', takenAt: new Date(Date.now() - 50 * hour), fresh: 1 });
      await history.unfinished({ id: 'run1', takenAt: new Date(Date.now() - 45 * hour), fresh: 1 });
      await history.complete({ id: 'b1', takenAt: new Date(), reused: await history.filesOf(a), fresh: 0 });
      await history.setModified(inProgressKey({ id: 'run1' }), new Date(Date.now() - 44 * hour));
      await history.setModified('run1/node1/draft.json.gz', new Date(Date.now() - 44 * hour));
      let calls = 0;
      store.hook = ({ verb, key }) => {
        if ((verb === 'put' || verb === 'delete') && key !== lockKey() && (calls += 1) >= point) {
          throw new Error('power failure');
        }
      };
      finished = await pruned().then(
        () => true,
        (error: unknown) => {
          assert.match(String(error), /power failure/);
          return false;
        },
      );
      store.hook = () => undefined;
      await plain.delete([lockKey()], never);
      await history.assertWhole();
      const known = new Set([...(await history.repository.backups(never)).map(({ id }) => id), 'b1']);
      const named = (await history.keys('forgotten/')).join();
      for (const id of ['a1', 'a2', 'run1']) {
        assert.ok(known.has(id) || named.includes(id), `${id} is listed or told of at point ${point}`);
      }
      // Taking a run over from whoever had it last is a sign of life: it is given up a day later than it would have been.
      if ((await plain.stat(inProgressKey({ id: 'run1' }), never)) !== undefined) {
        await history.setModified(inProgressKey({ id: 'run1' }), new Date(Date.now() - 44 * hour));
      }
      await history.letGraceEnd();
      await pruned();
      await history.letGraceEnd();
      await pruned();
      assert.deepEqual(await history.keys('forgotten/'), []);
      assert.deepEqual(
        (await history.keys('a1/')).concat(await history.keys('run1/')),
        (await history.filesOf({ id: 'b1' })).map(({ key }) => key),
      );
      assert.equal(await history.assertWhole(), 1);
      assert.ok(finished || point < 60);
      assert.ok(!finished || point > 9, `only ${point} points`);
    }
  });

  test('before all of it was written down starts the grace time anew', async (context) => {
    const { history, store, plain, pruned } = await place(context);
    await two(history);
    store.hook = async ({ verb, key }) => {
      if (verb === 'delete' && key === backupManifestKey({ id: 'a1' })) {
        await plain.delete([key], never);
        throw new Error('power failure');
      }
    };
    await assert.rejects(pruned(), /power failure/);
    store.hook = () => undefined;
    // Nobody knows when the manifest went: the record is older than that, however old it is.
    await history.letGraceEnd();
    assert.equal((await pruned()).deletedObjects, 0);
    assert.equal((await objectsOf(history, 'a1')).length, 3);
    await history.letGraceEnd();
    await pruned();
    assert.deepEqual(await history.keys('a1/'), []);
  });
});

describe('who reads a backup', () => {
  test('keeps it from a prune, and what it stands on, and is named', async (context) => {
    const { history, pruned, reading } = await place(context);
    await two(history);
    await history.complete({ id: 'a2', parent: 'a1', takenAt: new Date(Date.now() - 39 * hour) });
    const result = await reading([{ id: 'a2', parent: 'a1' }], () => pruned());
    assert.deepEqual([result.forgotten, await history.assertWhole()], [[], 3]);
    assert.match(pruneText(result), /^keep +a1\/a2 .*being read: restore by ops@bastion \(pid \d+\) since /m);
    assert.deepEqual(
      (await pruned()).forgotten.map(({ backup }) => backup.id),
      ['a1', 'a2'],
    );
  });

  test('keeps its objects also when the grace time is over', async (context) => {
    const { history, pruned, reading } = await place(context);
    await two(history);
    await pruned();
    await history.letGraceEnd();
    const result = await reading([{ id: 'a1' }], () => pruned());
    assert.deepEqual([result.freeing, result.waiting.map(({ id }) => id)], [[], ['a1']]);
    assert.equal((await objectsOf(history, 'a1')).length, 3);
  });

  test('makes a delete refuse, at once or not, and is named', async (context) => {
    const { history, deleted, reading } = await place(context);
    await two(history);
    for (const atOnce of [false, true]) {
      await assert.rejects(
        reading([{ id: 'a1' }], () => deleted(['a1'], { atOnce })),
        (error: LockedError) => {
          assert.match(error.message, /^a1 is being read: restore by ops@bastion /);
          assert.ok(error.hint);
          return error instanceof LockedError;
        },
      );
    }
    await reading([{ id: 'b1' }], () => deleted(['a1']));
    assert.equal(await history.assertWhole(), 1);
  });

  test('and begins just before a delete takes the manifest loses no object', async (context) => {
    const { history, deleted, request, store } = await place(context);
    await two(history);
    const ends: (() => void)[] = [];
    let reader: Promise<void> | undefined;
    store.hook = async ({ verb, key }) => {
      if (verb === 'put' && key === forgottenKey({ id: 'a1' }) && reader === undefined) {
        const parts = {
          ...request,
          repository: new LocationHistory(await openDirectoryStore(new URL(store.url).pathname)).repository,
        };
        await new Promise<void>((begun) => {
          reader = whileReading(
            { ...parts, operation: 'restore' },
            [{ id: 'a1' }],
            () => {
              begun();
              return new Promise((end) => ends.push(() => end(undefined)));
            },
            never,
          ).then(() => undefined);
        });
      }
    };
    await assert.rejects(deleted(['a1'], { atOnce: true }), LockedError);
    assert.equal((await objectsOf(history, 'a1')).length, 3);
    ends.forEach((end) => end());
    await reader;
    await deleted(['a1'], { atOnce: true });
    assert.deepEqual(await history.keys('a1/'), []);
  });

  test('of a backup that goes before the mark is there begins nothing; one who only looks leaves no mark', async (context) => {
    const { history, request, store, plain } = await place(context);
    await two(history);
    const parts = { ...request, repository: history.repository, operation: 'restore' };
    const find = async ({ name }: { readonly name: string }) => (await history.repository.find(name, never))?.id;
    assert.equal(await whileReadingChosen(parts, { choice: { name: 'latest' }, dryRun: false }, find, never), 'b1');
    store.hook = async ({ verb, key }) => {
      if (verb === 'put' && key.startsWith('reading/')) {
        await plain.delete([backupManifestKey({ id: 'b1' })], never);
      }
    };
    assert.equal(await whileReadingChosen(parts, { choice: { name: 'latest' }, dryRun: true }, find, never), undefined);
    assert.equal(await whileReadingChosen(parts, { choice: { name: 'b1' }, dryRun: false }, find, never), undefined);
    assert.deepEqual(await history.keys('reading/'), []);
  });

  test('and died on this host leaves a mark that the next prune clears', async (context) => {
    const { history, pruned, plain } = await place(context);
    await two(history);
    const { readFileSync, readlinkSync } = await import('node:fs');
    const at = new Date().toISOString();
    const processes = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
    const record = { format: 1, token: 'x', owner: { ...owner, pid: 4_194_303 }, processes, operation: 'restore', since: at };
    const mark = JSON.stringify({ ...record, heartbeatAt: at, backups: [{ id: 'a1' }] });
    await plain.put(`reading/${randomUUID()}.json`, Buffer.from(mark), {}, never);
    await plain.put('reading/notes.txt', Buffer.from('not ours'), {}, never);
    const result = await pruned();
    assert.deepEqual(
      result.forgotten.map(({ backup }) => backup.id),
      ['a1'],
    );
    assert.deepEqual(await history.keys('reading/'), ['reading/notes.txt']);
  });
});

describe('what is listed and cannot be read', () => {
  const unreadable = [backupManifestKey({ id: 'a1' }), inProgressKey({ id: 'run1' }), 'run1/node1/draft.json.gz'];
  for (const denied of unreadable) {
    test(`is damage: ${denied}, and nothing goes`, async (context) => {
      const { history, store, pruned, deleted } = await place(context);
      const a = await history.complete({ id: 'a1', takenAt: new Date(Date.now() - 40 * hour), fresh: 3 });
      await history.unfinished({
        id: 'run1',
        takenAt: new Date(Date.now() - 30 * hour),
        reused: await history.filesOf(a),
        fresh: 1,
      });
      await history.complete({ id: 'b1', takenAt: new Date(Date.now() - 3 * hour) });
      await history.complete({ id: 'c1', takenAt: new Date(Date.now() - 2 * hour) });
      const before = await history.keys();
      store.hook = ({ verb, key }) => {
        if ((verb === 'get' || verb === 'stat') && key === denied) {
          throw new NotFoundError('not there');
        }
      };
      const later = { now: new Date(Date.now() + 1000 * hour), graceSeconds: 0, staleAfterSeconds: 2000 * 3600 };
      await assert.rejects(pruned(later), IntegrityError);
      await assert.rejects(deleted(['b1'], { atOnce: true }), IntegrityError);
      store.hook = () => undefined;
      assert.deepEqual(await history.keys(), before);
    });
  }
});

describe('what is not ours', () => {
  test('stays when its backup goes, and is named', async (context) => {
    const { history, pruned } = await place(context);
    await two(history);
    const [component = ''] = await objectsOf(history, 'a1');
    const foreign = ['a1/notes.txt', 'a1/node1/notes.txt', 'a1/photos/1.jpg', component.replace(/[^/]*$/, 'notes.txt')];
    for (const key of foreign) {
      await history.put(key);
    }
    await pruned();
    await history.letGraceEnd();
    const result = await pruned();
    assert.deepEqual(await history.keys('a1/'), foreign.toSorted());
    assert.equal(result.strangers.count, 4);
    assert.match(
      pruneWarnings(result).join(),
      /^not of this location's layout, and left where it is: .*a1\/notes\.txt.*; a directory of ours that it lies in stays/,
    );
    assert.equal((await pruned()).deletedObjects, 0);
  });

  test('stays beside the files of a backup that stays, whatever its name begins with', async (context) => {
    const { history, pruned } = await place(context);
    await two(history);
    const [component = ''] = await objectsOf(history, 'b1');
    const orphan = component.replace(/[^/]*$/, 'nb-99-big-Data.db.lzo');
    const foreign = ['.orig', '.bak', '~', '.1'].map((suffix) => `${component}${suffix}`);
    for (const key of [orphan, ...foreign]) {
      await history.put(key);
      await history.setModified(key, new Date(Date.now() - 72 * hour));
    }
    await pruned();
    const left = await history.keys('b1/');
    assert.deepEqual([left.includes(orphan), foreign.filter((key) => !left.includes(key))], [false, []]);
    assert.equal(await history.assertWhole(), 1);
  });

  test('a record that is none of ours stays, and nothing is said to wait or to be freed for it', async (context) => {
    const { history, pruned, deleted } = await place(context);
    await two(history);
    const foreign = [
      ['forgotten/20200101T000000Z.json', '{"x": 1}'],
      ['forgotten/20200101T000001Z.json', 'null'],
      ['forgotten/a0/20200101T000000Z.json', '{"format": 1, "id": "20200101T000000Z", "state": "gone"}'],
    ] as const;
    for (const [key, text] of foreign) {
      await history.put(key, text);
      await history.setModified(key, new Date(Date.now() - 1000 * hour));
    }
    const { forgotten } = await listBackups(history.repository, { since: undefined, until: undefined }, never);
    assert.deepEqual(forgotten, []);
    const result = await pruned({ graceSeconds: 0 });
    assert.deepEqual([result.freeing, result.waiting], [[], []]);
    assert.doesNotMatch(pruneText(result), /deleted before/);
    await assert.rejects(deleted(['20200101T000000Z'], { atOnce: true }), NotFoundError);
    assert.deepEqual(
      await history.keys('forgotten/'),
      foreign.map(([key]) => key),
    );
    // One that is cut off may be ours: it goes, and nothing is claimed of it.
    await history.put('forgotten/20200101T000000Z.json', '{"format": 1, "id"');
    const cut = await pruned({ graceSeconds: 0 });
    assert.deepEqual(
      cut.freeing.map(({ id }) => id),
      ['20200101T000000Z'],
    );
    assert.match(pruneText(cut), /^nothing was left that only 20200101T000000Z needed, deleted before$/m);
  });

  test('a component whose name nobody knows is ours where a manifest names it', async (context) => {
    const { history, plain, pruned } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: new Date(Date.now() - 40 * hour), fresh: 0 });
    const [manifest] = [await history.repository.nodeManifest(a, 'node1', () => true, never)];
    const key = `a1/node1/shop/users-${'0'.repeat(32)}/strange.lzo`;
    const file = {
      path: 'strange',
      bytes: 1,
      modified: '2026-11-21T03:00:00Z',
      disk: 0,
      key,
      compression: 'lzo',
      storedBytes: 1,
    } as const;
    const files = [{ ...file, storedCrc32: '0badcafe', etag: 'x', since: 'a1' }];
    const tables = [{ keyspace: 'shop', table: 'users', id: '0'.repeat(32), files }];
    await history.repository.saveNodeManifest({ ...(manifest ?? assert.fail()), tables }, never);
    await plain.put(key, Buffer.from('x'), {}, never);
    await history.complete({ id: 'b1', takenAt: new Date(Date.now() - 3 * hour) });
    await pruned({ graceSeconds: 0 });
    assert.deepEqual(await history.keys('a1/'), []);
  });

  test('a manifest of something else blocks nobody and goes never; one of ours that is damaged does block', async (context) => {
    const { history, pruned } = await place(context);
    await two(history);
    const foreign = [
      ['20261199T000000Z/manifest.json', '{"format": 1, "kind": "snapshot"}'],
      ['20261199T000000Z/cass1/manifest.json.gz', 'x'],
      ['web2024/manifest.json', '{"name": "app", "icons": []}'],
      ['web2024/index.html', '<html>'],
      ['image2024/manifest.json', '[{"Config": "x", "Layers": []}]'],
      ['schemas2024/schema.cql', 'CREATE KEYSPACE x;'],
      ['20251130T000004Z/manifest.json', 'null'],
      ['20251130T000005Z/manifest.json', '"a word"'],
      ['20251130T000006Z/in-progress.json', '17'],
    ] as const;
    for (const [key, text] of foreign) {
      await history.put(key, text);
      await history.setModified(key, new Date(Date.now() - 1000 * hour));
    }
    const result = await pruned({ graceSeconds: 0 });
    assert.deepEqual([result.forgotten.map(({ backup }) => backup.id), result.lost], [['a1'], []]);
    const left = await history.keys();
    assert.ok(foreign.every(([key]) => left.includes(key)));
    const damaged = ['{"format": 1, "kind"', '{"writtenBy": "sstash"}', '', '<html>'];
    for (const text of damaged) {
      await history.put('c1/manifest.json', text);
      await assert.rejects(pruned(), IntegrityError, text);
    }
    // An empty object where a backup was: the rest of it tells.
    await history.put('c1/manifest.json', '{}');
    await pruned();
    await history.put('c1/node1/manifest.json.gz', 'x');
    await assert.rejects(pruned(), IntegrityError);
  });

  test('a backup that lost its manifest keeps all that it points at, until somebody names it', async (context) => {
    const { history, plain, pruned, deleted } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: new Date(Date.now() - 60 * hour), fresh: 2 });
    await history.complete({ id: 'b1', takenAt: new Date(Date.now() - 50 * hour), reused: await history.filesOf(a), fresh: 1 });
    await history.complete({ id: 'c1', takenAt: new Date(Date.now() - 3 * hour) });
    await plain.delete([backupManifestKey({ id: 'b1' })], never);
    const result = await pruned({ graceSeconds: 0 });
    assert.deepEqual([result.lost, (await objectsOf(history, 'a1')).length], [[{ id: 'b1' }], 2]);
    await deleted(['b1'], { atOnce: true });
    assert.deepEqual((await history.keys('a1/')).concat(await history.keys('b1/')), []);
    assert.equal(await history.assertWhole(), 1);
  });
});

describe('what it leaves elsewhere', () => {
  test('the snapshot of a run that goes is named, with the nodes that may have it', async (context) => {
    const { history, pruned, deleted } = await place(context);
    await two(history);
    await history.unfinished({ id: 'run1', takenAt: new Date(Date.now() - 30 * hour), hosts: [1, 2] });
    const text =
      /^node1, node2: a snapshot sstash-run1 may have been left there \(nodetool clearsnapshot -t sstash-run1 clears it\)$/m;
    const planned = await pruned({ staleAfterSeconds: -1, dryRun: true });
    assert.match(pruneWarnings(planned).join('\n'), text);
    assert.match(JSON.stringify(pruneJson(planned)), /"snapshots":\[{"tag":"sstash-run1","hosts":\["node1","node2"\]}\]/);
    assert.match(pruneWarnings(await deleted(['run1'])).join('\n'), text);
    assert.deepEqual((await deleted(['a1'])).snapshots, [], 'a whole backup leaves none');
  });

  test('on a full disk a delete makes room at once, and what cannot be written down is not begun', async (context) => {
    const { history, store, pruned, deleted } = await place(context);
    await two(history);
    const before = await history.keys();
    store.hook = ({ verb, key }) => {
      if (verb === 'put' && key !== lockKey()) {
        const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        throw new StorageError('cannot write: no space left', { key, cause });
      }
    };
    await assert.rejects(pruned(), (error: StorageError) => {
      assert.match(error.hint ?? '', /delete --now/);
      return true;
    });
    assert.deepEqual(await history.keys(), before);
    await deleted(['a1'], { atOnce: true });
    assert.deepEqual(await history.keys('a1/'), []);
    assert.equal(await history.assertWhole(), 1);
  });

  for (const fresh of [2, 0]) {
    test(`one that is killed there at whatever object leaves nothing that the next prune does not find, of ${fresh} files`, async (context) => {
      let isThrough = false;
      for (let deletes = 0; !isThrough; deletes += 1) {
        const { history, store, plain, pruned, deleted } = await place(context);
        await history.complete({ id: 'a1', takenAt: new Date(Date.now() - 40 * hour), fresh });
        await history.complete({ id: 'b1', takenAt: new Date(Date.now() - 3 * hour) });
        let isDead = false;
        store.hook = ({ verb, key }) => {
          const ofBackup = verb === 'delete' && key !== lockKey();
          isDead ||= ofBackup && store.calls.filter((call) => call.verb === 'delete' && call.key !== lockKey()).length > deletes;
          if (isDead) {
            throw new Error('killed');
          }
          if (verb === 'put' && key !== lockKey()) {
            const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
            throw new StorageError('cannot write: no space left', { key, cause });
          }
        };
        await deleted(['a1'], { atOnce: true }).then(
          () => (isThrough = true),
          (error: unknown) => assert.equal(isDead, true, String(error)),
        );
        store.hook = () => undefined;
        await plain.delete([lockKey()], never);
        await history.assertWhole();
        const { lost } = await pruned({ graceSeconds: 0, now: new Date(Date.now() + hour) });
        assert.ok(lost.every(({ id }) => id === 'a1'));
        if (lost.length > 0) {
          await deleted(['a1'], { atOnce: true });
        }
        assert.deepEqual(await history.keys('a1/'), [], `killed after ${deletes} objects`);
        assert.equal(await history.assertWhole(), 1);
      }
    });
  }
});
