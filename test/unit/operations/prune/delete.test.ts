import { never } from '../../../support/never.ts';
import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { LockedError, NotFoundError, UsageError } from '../../../../src/model/errors.ts';
import { type DeleteOptions, deleteBackups } from '../../../../src/operations/prune/delete.ts';
import { deleteQuestion, deleteText } from '../../../../src/report/prune-report.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { lockKey } from '../../../../src/storage/location-keys.ts';
import { type HookedStore, hookedStore } from '../../../support/hooked-store.ts';
import { LocationHistory, prefixOf } from '../../../support/location-history.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const owner = { host: 'bastion', pid: process.pid, user: 'ops' };
const request = { owner, operation: 'delete', timeoutSeconds: 0, listen: () => undefined };
const yes = async (): Promise<boolean> => true;

function day(number: number): Date {
  return new Date(Date.UTC(2026, 9, number));
}

function options(names: readonly string[], changes: Partial<DeleteOptions> = {}): DeleteOptions {
  return { names, withIncrementals: false, forceLast: false, dryRun: false, atOnce: true, now: new Date(), ...changes };
}

async function place(context: TestContext): Promise<{ readonly history: LocationHistory; readonly store: HookedStore }> {
  const store = hookedStore(await openDirectoryStore(await temporaryDirectory(context)));
  return { store, history: new LocationHistory(store) };
}

describe('delete', () => {
  test('removes the named backup at once, but for what others point at', async (context) => {
    const { history } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: day(1), hosts: [1, 2] });
    const reused = [...(await history.filesOf(a, 'node1')).slice(0, 1), ...(await history.filesOf(a, 'node2')).slice(0, 1)];
    await history.complete({ id: 'b1', takenAt: day(2), hosts: [1, 2], reused });
    await history.complete({ id: 'c1', takenAt: day(3), hosts: [1, 2] });
    const result = await deleteBackups(history.repository, options(['a1']), yes, request, never);
    assert.deepEqual(await history.keys('a1/'), reused.map(({ key }) => key).toSorted());
    assert.equal(await history.assertWhole(), 2);
    assert.match(deleteText(result ?? assert.fail()), /^deleted 1 backup, 8 objects of /m);
    await deleteBackups(history.repository, options(['b1']), yes, request, never);
    assert.deepEqual(await history.keys('a1/'), [], 'nothing points at it any more');
    assert.equal(await history.assertWhole(), 1);
  });

  test('asks first, without keeping others from their work, and a no changes nothing', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'a1', takenAt: day(1) });
    await history.complete({ id: 'a2', parent: 'a1', takenAt: day(2) });
    await history.complete({ id: 'b1', takenAt: day(3) });
    const before = await history.keys();
    const questions: string[] = [];
    const no = await deleteBackups(
      history.repository,
      options(['a1'], { withIncrementals: true }),
      async (plan) => {
        questions.push(deleteQuestion(plan, 's3://backups/prod', true));
        assert.ok(!(await history.keys()).includes(lockKey()));
        return false;
      },
      request,
      never,
    );
    assert.equal(no, undefined);
    assert.deepEqual(await history.keys(), before);
    assert.match(questions.join(), /a1 {2}snapshot, 2026-10-01.*\n {2}a1\/a2 {2}incremental, .*\n.*Delete 2 backups\?$/);
  });

  test('what came to stand on it while the question stood is not deleted unasked', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'a1', takenAt: day(1) });
    await history.complete({ id: 'b1', takenAt: day(3) });
    const meanwhile = async (): Promise<boolean> => {
      await history.complete({ id: 'a2', parent: 'a1', takenAt: day(4) });
      return true;
    };
    const wish = options(['a1'], { withIncrementals: true });
    await assert.rejects(deleteBackups(history.repository, wish, meanwhile, request, never), LockedError);
    assert.equal(await history.assertWhole(), 3);
    assert.deepEqual(await history.keys('lock.json'), []);
  });

  test('refusals delete nothing, and ask nothing', async (context) => {
    const { history } = await place(context);
    await history.complete({ id: 'a1', takenAt: day(1) });
    await history.complete({ id: 'a2', parent: 'a1', takenAt: day(2) });
    const asked = async (): Promise<boolean> => assert.fail('asked');
    await assert.rejects(deleteBackups(history.repository, options(['a1']), asked, request, never), UsageError);
    await assert.rejects(deleteBackups(history.repository, options(['a1', 'a2']), asked, request, never), UsageError);
    await assert.rejects(deleteBackups(history.repository, options(['a2', 'z9']), asked, request, never), NotFoundError);
    assert.equal(await history.assertWhole(), 2);
  });

  test('an unfinished run goes too, and the last complete backup when that is meant', async (context) => {
    const { history } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: day(1) });
    const run = await history.unfinished({ id: 'run1', takenAt: day(2), reused: await history.filesOf(a) });
    await deleteBackups(history.repository, options(['run1']), yes, request, never);
    assert.deepEqual(await history.keys(prefixOf(run)), []);
    assert.equal(await history.assertWhole(), 1);
    await deleteBackups(history.repository, options(['a1'], { forceLast: true }), yes, request, never);
    assert.deepEqual(await history.keys(), []);
  });

  test('a backup whose own node manifest is lost can be deleted', async (context) => {
    const { history, store } = await place(context);
    await history.complete({ id: 'a1', takenAt: day(1) });
    await history.complete({ id: 'b1', takenAt: day(2) });
    await store.delete(['a1/node1/manifest.json.gz'], never);
    await deleteBackups(history.repository, options(['a1']), yes, request, never);
    assert.deepEqual(await history.keys('a1/'), []);
  });

  test('one of fifty backups costs no request per object', async (context) => {
    const { history, store } = await place(context);
    let last = await history.complete({ id: 'b0', takenAt: day(1), fresh: 8 });
    for (let number = 1; number < 50; number += 1) {
      const reused = (await history.filesOf(last)).slice(-8);
      last = await history.complete({ id: `b${number}`, takenAt: day(1 + number), reused, fresh: 1 });
    }
    store.calls.length = 0;
    const result = await deleteBackups(history.repository, options(['b7']), yes, request, never);
    const made = (verb: string): readonly string[] => store.calls.filter((call) => call.verb === verb).map(({ key }) => key);
    assert.deepEqual(
      made('stat').filter((key) => key !== lockKey()),
      [],
    );
    // Who reads, and what was deleted before: each a look for the question, under the lock, and before the first delete.
    const about = (key: string): boolean => key === 'reading/' || key === 'forgotten/';
    assert.ok(made('list').filter(about).length <= 5);
    assert.deepEqual(
      made('list').filter((key) => !about(key)),
      ['b7/', 'b7/in-progress.json'],
    );
    const gets = made('get').filter((key) => key !== lockKey());
    // Three looks at 50 manifests (for the question, under the lock, before the first delete), and one node manifest of each.
    assert.ok(gets.every((key) => /manifest\.json(?:\.gz)?$|in-progress\.json$/.test(key)));
    assert.ok(gets.length <= 3 * 50 + 50, `${gets.length} gets`);
    assert.equal(await history.assertWhole(), 49);
    assert.ok((result?.deletedObjects ?? 0) >= 5);
  });
});

test('broken off at any point, a delete leaves no backup listed that lacks anything, and a second one finishes it', async (context) => {
  for (let point = 1, finished = false; !finished; point += 1) {
    const { history, store } = await place(context);
    const a = await history.complete({ id: 'a1', takenAt: day(1), hosts: [1, 2] });
    const one = await history.complete({ id: 'a2', parent: 'a1', takenAt: day(2), fresh: 1 });
    await history.complete({ id: 'a3', parent: 'a1', takenAt: day(3), fresh: 1 });
    const reused = [...(await history.filesOf(a)).slice(0, 1), ...(await history.filesOf(one))];
    await history.complete({ id: 'b1', takenAt: day(4), reused });
    let deletes = 0;
    store.hook = ({ verb }) => {
      if (verb === 'delete' && (deletes += 1) >= point) {
        throw new Error('power failure');
      }
    };
    const wish = options(['a1'], { withIncrementals: true });
    finished = await deleteBackups(history.repository, wish, yes, request, never).then(
      () => true,
      (error: unknown) => {
        assert.match(String(error), /power failure/);
        return false;
      },
    );
    store.hook = () => undefined;
    const complete = await history.assertWhole();
    // Whatever was left of the lock is this process's own and would be waited for.
    await store.delete([lockKey()], never);
    if (!finished && complete > 1) {
      const { repository } = history;
      const names = (await repository.backups(never)).map(({ id }) => id).filter((id) => id !== 'b1');
      await deleteBackups(repository, options(names), yes, request, never);
      assert.equal(await history.assertWhole(), 1);
    }
    assert.ok(finished || point < 60);
    assert.ok(!finished || point > 15, `only ${point} points`);
  }
});
