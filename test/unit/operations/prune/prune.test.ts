import { never } from '../../../support/never.ts';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { parseAge } from '../../../../src/model/options/time-span.ts';
import { type TestContext, describe, test } from 'node:test';
import type { Backup } from '../../../../src/model/backup/backup.ts';
import { IntegrityError, LockedError, UsageError } from '../../../../src/model/errors.ts';
import type { PruneResult } from '../../../../src/model/retention/prune-result.ts';
import type { RetentionPolicy } from '../../../../src/model/retention/retention.ts';
import { type PruneOptions, prune, pruneAfterBackup } from '../../../../src/operations/prune/prune.ts';
import { unlock } from '../../../../src/operations/location/unlock.ts';
import { Mark } from '../../../../src/storage/backups/mark.ts';
import { withLock } from '../../../../src/operations/location/with-lock.ts';
import { pruneJson, pruneText, pruneWarnings } from '../../../../src/report/prune-report.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { backupManifestKey, closedKey, inProgressKey, nodeManifestKey } from '../../../../src/storage/keys.ts';
import { lockKey } from '../../../../src/storage/location-keys.ts';
import { decodeBackupManifest } from '../../../../src/storage/backups/manifest-format.ts';
import { Repository } from '../../../../src/storage/backups/repository.ts';
import { type ManifestKey, manifestKey, sealManifest } from '../../../../src/storage/backups/seals.ts';
import { deleteBackups } from '../../../../src/operations/prune/delete.ts';
import { bytesOf } from '../../../support/bodies.ts';
import { acquireLock } from '../../../../src/storage/lock/lock.ts';
import { type HookedStore, hookedStore } from '../../../support/hooked-store.ts';
import { LocationHistory, prefixOf } from '../../../support/location-history.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const owner = { host: 'bastion', pid: process.pid, user: 'ops' };
const request = { owner, operation: 'prune', timeoutSeconds: 0, listen: () => undefined };
const hour = 3_600_000;
/** Objects are as old as this test, backups as old as they say. */
const start = new Date();

interface Place {
  readonly history: LocationHistory;
  readonly store: HookedStore;
}

async function place(context: TestContext): Promise<Place> {
  const store = hookedStore(await openDirectoryStore(await temporaryDirectory(context)));
  return { store, history: new LocationHistory(store) };
}

function hoursAgo(hours: number): Date {
  return new Date(start.getTime() - hours * hour);
}

function options(policy: RetentionPolicy, changes: Partial<PruneOptions> = {}): PruneOptions {
  return { policy, staleAfterSeconds: 86_400, graceSeconds: 86_400, dryRun: false, now: new Date(), ...changes };
}

/** Prunes, and again when a day is over: what is forgotten first is freed then. */
async function pruneTwice(history: LocationHistory, rules: PruneOptions): Promise<readonly [PruneResult, PruneResult]> {
  const first = await prune(history.repository, rules, request, never);
  await history.letGraceEnd();
  return [first, await prune(history.repository, rules, request, never)];
}

/** As if nothing here had been touched for two days. */
const later: Partial<PruneOptions> = { now: new Date(start.getTime() + 48 * hour) };

function ids(judged: readonly { readonly backup: Backup }[]): readonly string[] {
  return judged.map(({ backup }) => backup.id);
}

async function signedBy(key: ManifestKey, store: HookedStore, backup: Backup): Promise<Uint8Array> {
  const name = backupManifestKey(backup);
  const { signed: _, ...manifest } = decodeBackupManifest(await bytesOf(store.get(name, {}, never)), name);
  return sealManifest(manifest, {}, key, name);
}

describe('prune', () => {
  test('a backup that is not signed makes no signed one superfluous, and keeps what it points at', async (context) => {
    const { history, store } = await place(context);
    const key = manifestKey(randomBytes(32));
    const good = await history.complete({ id: 'a1', takenAt: hoursAgo(4), fresh: 1 });
    const forged = await history.complete({ id: 'b1', takenAt: hoursAgo(1), reused: await history.filesOf(good), fresh: 0 });
    await store.put(backupManifestKey(good), await signedBy(key, store, good), {}, never);
    const rules = options({ keepLast: 1 }, { dryRun: true });

    const strict = new Repository(store, { keys: [key], required: true });
    assert.deepEqual(ids((await prune(strict, rules, request, never)).forgotten), []);
    const lenient = new Repository(store, { keys: [key], required: false });
    assert.deepEqual(
      ids((await prune(lenient, rules, request, never)).forgotten),
      ['a1'],
      'an older one without a signature may be honest',
    );
    await store.put(backupManifestKey(forged), await signedBy(manifestKey(randomBytes(32)), store, forged), {}, never);
    assert.deepEqual(ids((await prune(lenient, rules, request, never)).forgotten), [], 'a wrong signature is no honest one');
    const only = { names: ['a1'], withIncrementals: false, forceLast: false, dryRun: true, atOnce: false, now: new Date() };
    await assert.rejects(
      deleteBackups(strict, only, async () => true, request, never),
      /no complete backup would be left/,
    );
  });

  test('removes a forgotten backup but for what others point at, and that with the last of them', async (context) => {
    const { history } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(4), fresh: 3 });
    const [x, y, z] = await history.filesOf(a);
    assert.ok(x && y && z);
    const b = await history.complete({ id: 'b1', takenAt: hoursAgo(3), reused: [x, y], fresh: 1 });
    const c = await history.complete({ id: 'c1', takenAt: hoursAgo(2), reused: [y], fresh: 1 });

    const [first, second] = await pruneTwice(history, options({ keepLast: 2 }));
    assert.deepEqual([ids(first.forgotten), ids(first.kept)], [['a1'], ['b1', 'c1']]);
    assert.deepEqual(await history.keys('a1/'), [x.key, y.key].toSorted());
    // The manifest; then z, node manifest, ring, ring.json, schema.cql.
    assert.deepEqual([first.deletedObjects, first.later.objects], [1, 5]);
    assert.deepEqual([second.deletedObjects, second.later.objects, second.freedBytes], [5, 0, first.later.bytes]);
    assert.equal(await history.assertWhole(), 2);

    await pruneTwice(history, options({ keepLast: 1 }));
    assert.deepEqual(await history.keys('a1/'), [y.key], 'what only b1 pointed at goes with it, however new');
    assert.deepEqual(await history.keys(prefixOf(b)), []);
    assert.equal(await history.assertWhole(), 1);
    assert.deepEqual((await history.filesOf(c)).map(({ key }) => key)[0], y.key);
    assert.deepEqual(await history.keys('lock.json'), []);
  });

  test('a dry run says the same and does nothing', async (context) => {
    const { history, store } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(40) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3), reused: (await history.filesOf(a)).slice(0, 1) });
    await history.unfinished({ id: 'c1', takenAt: hoursAgo(72) });
    await history.orphan({ id: 'b1' });
    const rules = options({ keepLast: 1 }, later);
    const before = await history.keys();
    store.calls.length = 0;
    const planned = await prune(history.repository, { ...rules, dryRun: true }, request, never);
    assert.deepEqual(await history.keys(), before);
    assert.ok(
      store.calls.every(({ verb }) => ['get', 'stat', 'list', 'directories', 'files'].includes(verb)),
      'not even a lock',
    );
    const done = await prune(history.repository, rules, request, never);
    assert.deepEqual({ ...done, dryRun: true }, planned);
    assert.deepEqual([ids(done.forgotten), ids(done.staleRuns), done.orphans], [['a1'], ['c1'], 1]);
    const records = (await history.keys('forgotten/')).length;
    assert.deepEqual([records, (await history.keys()).length], [2, before.length - done.deletedObjects + records]);
    assert.match(pruneText(planned), /^dry run: nothing is done\. Would delete 1 backup, 1 unfinished run, \d+ objects of .*$/m);
    assert.match(pruneText(done), /^forget +a1 .* no rule keeps it$/m);
    assert.match(JSON.stringify(pruneJson(done)), /"staleRuns":\[{"id":"c1".*"deletedObjects":\d+,"freedBytes":\d+,"orphans":1/);
  });

  test('a policy without a rule deletes nothing', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'a1', takenAt: hoursAgo(4) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    await assert.rejects(prune(history.repository, options({}), request, never), UsageError);
    assert.equal(await history.assertWhole(), 2);
    assert.deepEqual(await history.keys('lock.json'), []);
  });

  test('goes by the times of the store where the clock of a run was wrong', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'a1', takenAt: hoursAgo(1) });
    await history.unfinished({ id: 'behind1', takenAt: hoursAgo(400 * 24) });
    await history.unfinished({ id: 'ahead1', takenAt: hoursAgo(-400 * 24) });
    assert.deepEqual(ids((await prune(history.repository, options({ keepLast: 1 }), request, never)).staleRuns), []);
    const old = await prune(history.repository, options({ keepLast: 1 }, later), request, never);
    assert.deepEqual(ids(old.staleRuns).toSorted(), ['ahead1', 'behind1']);
    await history.assertWhole();
  });

  test('what is dated later than now goes by no rule, neither it nor what it needs, and makes nothing else go', async (context) => {
    const { history } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(4), fresh: 2 });
    const [x] = await history.filesOf(a);
    assert.ok(x);
    await history.complete({ id: 'ahead1', takenAt: hoursAgo(-400 * 24), reused: [x] });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    for (const policy of [{ keepLast: 1 }, { olderThan: parseAge('1h') }, { keepDaily: 1, keepMonthly: 1 }]) {
      const done = await prune(history.repository, options(policy), request, never);
      assert.deepEqual(ids(done.kept), ['b1', 'ahead1'], JSON.stringify(policy));
    }
    assert.deepEqual(await history.keys(x.key), [x.key]);
    await history.assertWhole();
  });

  test('clears runs that were given up; a younger one keeps all it wrote and points at', async (context) => {
    const { history } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(200), hosts: [1, 2] });
    const reused = [...(await history.filesOf(a, 'node1')), ...(await history.filesOf(a, 'node2'))];
    const run = await history.unfinished({ id: 'run1', takenAt: hoursAgo(30), hosts: [1, 2], reused });
    const extra = await history.orphan({ id: 'run1' });
    await history.complete({ id: 'b1', takenAt: hoursAgo(1), hosts: [1, 2] });
    // What its mark says is 30 hours old, by whatever clock; the store got mark and drafts just now.
    const young = await prune(history.repository, options({ keepLast: 1 }, { graceSeconds: 0 }), request, never);
    assert.deepEqual([ids(young.staleRuns), ids(young.forgotten)], [[], ['a1']]);
    assert.deepEqual(await history.keys('a1/'), reused.map(({ key }) => key).toSorted());
    assert.ok((await history.keys()).includes(extra));
    await history.assertWhole();

    const [old] = await pruneTwice(history, options({ keepLast: 1 }, later));
    assert.deepEqual(ids(old.staleRuns), ['run1']);
    assert.deepEqual(await history.keys(prefixOf(run)), []);
    assert.deepEqual(await history.keys('a1/'), []);
    assert.equal(await history.assertWhole(), 1);
  });

  test('orphans go when they are old enough, wherever a backup can lie', async (context) => {
    const { history } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(4) });
    const child = await history.complete({ id: 'a2', parent: 'a1', takenAt: hoursAgo(3) });
    const orphans = [
      await history.orphan(a),
      await history.orphan(child),
      await history.orphan({ id: 'gone1' }),
      await history.orphan({ id: 'gone2', parent: 'a1' }),
      'gone1/schema.cql',
      'a1/in-progress.json',
      'a1/node1/draft.json.gz',
    ];
    for (const key of orphans.slice(4)) {
      await history.put(key);
    }
    const young = await history.orphan(a);
    for (const key of orphans) {
      await history.setModified(key, hoursAgo(25));
    }
    const result = await prune(history.repository, options({ keepLast: 5 }), request, never);
    assert.deepEqual([result.orphans, result.deletedObjects], [orphans.length, orphans.length]);
    const left = await history.keys();
    assert.ok(left.includes(young));
    assert.deepEqual(
      orphans.filter((key) => left.includes(key)),
      [],
    );
    assert.equal(await history.assertWhole(), 2);
  });

  test('never touches what is not ours, even where it could be a backup', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'a1', takenAt: hoursAgo(4) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    const table = 'users-00000001000000000000000000000000';
    const foreign = [
      'README',
      'logs/today',
      'photos2024/summer/1.jpg',
      'notes2024/draft.txt',
      'notes2024/ring.txt',
      // Another location of ours below this one.
      'prod1/lock.json',
      'prod1/20261121T031500Z/manifest.json',
      'prod1/20261121T031500Z/ring',
      'prod1/20261121T031500Z/cass1/manifest.json.gz',
      `prod1/20261121T031500Z/cass1/shop/${table}/nb-1-big-Data.db.lzo`,
      `prod1/20261121T031500Z/incrementals/20261121T091500Z/cass1/shop/${table}/nb-1-big-Data.db.lzo`,
      'prod1/incrementals/notes.txt',
      'b1/why-this-one-matters.txt',
    ];
    for (const key of foreign) {
      await history.put(key);
      await history.setModified(key, hoursAgo(1000));
    }
    const result = await prune(history.repository, options({ keepLast: 1 }, { graceSeconds: 0 }), request, never);
    assert.deepEqual(ids(result.forgotten), ['a1']);
    const left = await history.keys();
    assert.deepEqual(
      foreign.filter((key) => !left.includes(key)),
      [],
    );
  });

  test('a manifest that is lost or damaged stops everything before anything is deleted', async (context) => {
    const { history, store } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(4) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3), reused: await history.filesOf(a) });
    await store.delete([nodeManifestKey({ id: 'b1' }, 'node1')], never);
    const before = await history.keys();
    await assert.rejects(prune(history.repository, options({ keepLast: 1 }), request, never), IntegrityError);
    await history.put(nodeManifestKey({ id: 'b1' }, 'node1'), 'garbage');
    await assert.rejects(prune(history.repository, options({ keepLast: 1 }), request, never), IntegrityError);
    await store.delete([nodeManifestKey({ id: 'b1' }, 'node1')], never);
    assert.deepEqual(await history.keys(), before);
  });

  test('a mark that stayed beside a manifest does not bring the deleted backup back as an unfinished run', async (context) => {
    const { history, store } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(4) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    await history.put(inProgressKey(a));
    const plain = await openDirectoryStore(new URL(store.url).pathname);
    store.hook = async ({ verb, key }) => {
      if (verb === 'delete' && key === backupManifestKey(a)) {
        await plain.delete([key], never);
        throw new Error('power failure');
      }
    };
    await assert.rejects(prune(history.repository, options({ keepLast: 1 }), request, never), /power failure/);
    assert.deepEqual(
      (await history.repository.backups(never)).map(({ id }) => id),
      ['b1'],
    );
  });

  test('a snapshot backup whose chain lost collected files is closed', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'old1', takenAt: hoursAgo(5) });
    await history.complete({ id: 'old2', parent: 'old1', takenAt: hoursAgo(1) });
    // Begun while the other chain still collected.
    await history.complete({ id: 'new1', takenAt: hoursAgo(3), policy: 'weekly' });
    await history.complete({ id: 'newest1', takenAt: hoursAgo(0.5) });
    await prune(history.repository, options({ keepLast: 1 }), request, never);
    assert.deepEqual(
      (await history.repository.backups(never)).map(({ id }) => id),
      ['new1', 'newest1'],
    );
    assert.match((await history.repository.chainClosed('new1', never)) ?? '', /was deleted/);
    assert.equal(await history.repository.chainClosed('newest1', never), undefined);
    await prune(history.repository, options({ keepLast: 1 }, later), request, never);
    assert.ok((await history.keys()).includes(closedKey('new1')), 'and that is no orphan');
  });

  test('with more suspects than fit in memory the outcome is the same', async (context) => {
    const { history } = await place(context);
    let last = await history.complete({ id: 'b0', takenAt: hoursAgo(20), fresh: 4 });
    for (let number = 1; number < 6; number += 1) {
      const reused = (await history.filesOf(last)).slice(0, 3);
      last = await history.complete({ id: `b${number}`, takenAt: hoursAgo(20 - number), reused, fresh: 2 });
    }
    const { sweep } = await import('../../../../src/operations/prune/sweep.ts');
    const { planPrune } = await import('../../../../src/model/retention/prune-plan.ts');
    const rules = options({ keepLast: 1 });
    const plan = planPrune(await history.repository.backups(never), () => new Date(), rules);
    const how = {
      plan: { ...plan, waiting: [], freeing: [], undone: [] },
      vacant: [],
      orphans: 'everywhere',
      before: new Date(0),
      now: rules.now,
      graceSeconds: 0,
      candidatesAtOnce: 7,
    } as const;
    await withLock(
      history.repository,
      request,
      (lock, signal) => sweep({ ...request, repository: history.repository, lock }, how, signal),
      never,
    );
    assert.equal(await history.assertWhole(), 1);
    const pointed = await history.pointedAt([last]);
    assert.deepEqual(
      (await history.keys()).filter((key) => !key.startsWith('b5/')),
      [...pointed].filter((key) => !key.startsWith('b5/')).toSorted(),
    );
  });
});

describe('beside a running backup', () => {
  /** A backup that is just running: it has the lock, its mark, and a draft that points at the oldest backup. */
  async function running(history: LocationHistory) {
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(40) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    const lock = await acquireLock(history.repository.store, { ...request, operation: 'backup' }, request.listen, never);
    const reused = await history.filesOf(a);
    await history.unfinished({ id: 'run1', takenAt: hoursAgo(0), reused });
    return { lock, reused };
  }

  test('prune says who works there', async (context) => {
    const { history } = await place(context);
    const { lock } = await running(history);
    const before = await history.keys();
    await assert.rejects(prune(history.repository, options({ keepLast: 1 }, later), request, never), LockedError);
    assert.deepEqual(await history.keys(), before);
    await lock.release();
  });

  test('and when somebody broke its lock, keeps what its draft points at', async (context) => {
    const { history } = await place(context);
    const { lock, reused } = await running(history);
    await unlock(history.repository, async () => true, never);
    const result = await prune(history.repository, options({ keepLast: 1 }, { graceSeconds: 0 }), request, never);
    assert.deepEqual([ids(result.forgotten), ids(result.kept)], [['a1'], ['b1', 'run1']]);
    const left = await history.keys();
    assert.ok(reused.length > 0 && reused.every(({ key }) => left.includes(key)));
    await history.assertWhole();
    await lock.release();
  });

  test('one that begins unseen while prune reads is noticed before anything is deleted', async (context) => {
    const { history, store } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: hoursAgo(40) });
    const b = await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    const reused = await history.filesOf(a);
    const other = new LocationHistory(await openDirectoryStore(new URL(store.url).pathname));
    let began = false;
    store.calls.length = 0;
    store.hook = async ({ verb, key }) => {
      if (verb === 'get' && key === nodeManifestKey(b, 'node1') && !began) {
        began = true;
        await other.unfinished({ id: 'run1', takenAt: hoursAgo(0), reused, fresh: 0 });
      }
    };
    await assert.rejects(prune(history.repository, options({ keepLast: 1 }), request, never), LockedError);
    assert.ok(began);
    assert.deepEqual(
      store.calls.filter(({ verb }) => verb === 'delete').map(({ key }) => key),
      [lockKey()],
    );
    assert.equal(await history.assertWhole(), 2);
  });

  test('so is one that goes on with a run which prune takes for given up', async (context) => {
    const { history, store } = await place(context);
    const b = await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    const run = await history.unfinished({ id: 'run1', takenAt: hoursAgo(40) });
    const other = new LocationHistory(await openDirectoryStore(new URL(store.url).pathname));
    store.hook = async ({ verb, key }) => {
      if (verb === 'get' && key === nodeManifestKey(b, 'node1') && !run.committed) {
        await Mark.takeOver(
          other.repository.store,
          run.progress,
          { ...run.progress, updatedAt: new Date().toISOString() },
          never,
        );
      }
    };
    const before = await history.keys();
    await assert.rejects(prune(history.repository, options({ keepLast: 1 }, later), request, never), LockedError);
    assert.deepEqual(await history.keys(), before);
  });

  test('a lock that is taken away in the middle stops the deleting', async (context) => {
    const { history, store } = await place(context);
    await history.complete({ id: 'a1', takenAt: hoursAgo(40), fresh: 9 });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    const plain = await openDirectoryStore(new URL(store.url).pathname);
    store.hook = async ({ verb, key }) => {
      if (verb === 'get' && key === nodeManifestKey({ id: 'b1' }, 'node1')) {
        await plain.delete([lockKey()], never);
      }
    };
    const before = await history.keys();
    await assert.rejects(prune(history.repository, options({ keepLast: 1 }), request, never), LockedError);
    assert.deepEqual(await history.keys(), before);
  });
});

/** `backup --retention 1`, for a backup of no series. */
async function retire({ repository }: LocationHistory): Promise<PruneResult> {
  return withLock(
    repository,
    { ...request, operation: 'backup' },
    async (lock, signal) => {
      const wish = { keepLast: 1, policy: undefined, now: new Date() };
      return pruneAfterBackup({ ...request, repository, lock }, wish, signal);
    },
    never,
  );
}

describe('after a backup', () => {
  test('its series keeps the newest so many, under the lock of the backup', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'w1', takenAt: hoursAgo(900), policy: 'weekly' });
    await history.complete({ id: 'w2', takenAt: hoursAgo(800), policy: 'weekly' });
    await history.complete({ id: 'a1', takenAt: hoursAgo(40) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    const own = await history.orphan({ id: 'b1' });
    await history.setModified(own, hoursAgo(100));
    const result = await retire(history);
    assert.deepEqual([ids(result.forgotten), ids(result.kept)], [['a1'], ['w1', 'w2', 'b1']]);
    assert.ok((await history.keys()).includes(own), 'it does not look through what stays');
    assert.ok((await history.keys('a1/')).length > 0, 'a restore may be reading it');
    await history.letGraceEnd();
    await retire(history);
    assert.deepEqual(await history.keys('a1/'), [], 'the next one frees it');
    assert.ok((await history.keys()).includes(own));
  });

  test('the rest of a delete that broke off goes too, but not what may only have lost its manifest', async (context) => {
    const { history, store } = await place(context);
    const rest = await history.orphan({ id: 'gone1' });
    await history.complete({ id: 'lost1', takenAt: hoursAgo(50) });
    await history.complete({ id: 'b1', takenAt: hoursAgo(3) });
    await store.delete([backupManifestKey({ id: 'lost1' })], never);
    const lost = await history.keys('lost1/');
    for (const key of [rest, ...lost]) {
      await history.setModified(key, hoursAgo(49));
    }
    await retire(history);
    assert.deepEqual(await history.keys('gone1/'), []);
    assert.deepEqual(await history.keys('lost1/'), lost);
    const pruned = await prune(history.repository, options({ keepLast: 1 }), request, never);
    assert.deepEqual([await history.keys('lost1/'), pruned.lost], [lost, [{ id: 'lost1' }]], 'nor by who looks everywhere');
    assert.match(pruneWarnings(pruned).join('\n'), /^lost1 has lost its manifest, .* `sstash delete lost1`$/m);
  });
});
