/** A backup whose own manifest cannot be read keeps nobody from the others, and is passed over by nobody in silence. */
import { never } from '../../support/never.ts';
import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import type { Event } from '../../../src/model/events.ts';
import { IntegrityError, NotFoundError, UsageError } from '../../../src/model/errors.ts';
import { tableFilter } from '../../../src/model/options/table-filter.ts';
import { chooseBackup } from '../../../src/operations/choose-backup.ts';
import { type DeleteOptions, deleteBackups } from '../../../src/operations/prune/delete.ts';
import { listBackups } from '../../../src/operations/list.ts';
import { prune } from '../../../src/operations/prune/prune.ts';
import { chooseSources } from '../../../src/operations/restore-sources.ts';
import { damagedRow, listRow, listText } from '../../../src/report/listing-report.ts';
import { deleteQuestion } from '../../../src/report/prune-report.ts';
import { openDirectoryStore } from '../../../src/storage/directory/directory.ts';
import { backupManifestKey, inProgressKey } from '../../../src/storage/keys.ts';
import { LocationHistory } from '../../support/location-history.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const owner = { host: 'bastion', pid: process.pid, user: 'ops' };
const request = { owner, operation: 'delete', timeoutSeconds: 0, listen: () => undefined };
const ever = { since: undefined, until: undefined };

function day(number: number): Date {
  return new Date(Date.UTC(2026, 9, number));
}

/** Two chains; the second snapshot backup points at an object of the first. */
async function place(context: TestContext): Promise<LocationHistory> {
  const history = new LocationHistory(await openDirectoryStore(await temporaryDirectory(context)));
  const a = await history.complete({ id: 'a1', takenAt: day(1) });
  await history.complete({ id: 'a2', parent: 'a1', takenAt: day(2) });
  await history.complete({ id: 'a3', parent: 'a1', takenAt: day(3) });
  await history.complete({ id: 'b1', takenAt: day(4), reused: (await history.filesOf(a)).slice(0, 1) });
  return history;
}

async function damage(history: LocationHistory, id: string, parent?: string): Promise<void> {
  await history.put(backupManifestKey(parent === undefined ? { id } : { id, parent }), '{"format": 1');
}

function giveUp(history: LocationHistory, names: readonly string[], changes: Partial<DeleteOptions> = {}) {
  const options = { names, withIncrementals: false, forceLast: false, dryRun: false, atOnce: true, now: new Date(), ...changes };
  return deleteBackups(history.repository, options, async () => true, request, never);
}

describe('a backup whose manifest cannot be read', () => {
  test('is listed as damaged, with the others', async (context) => {
    const history = await place(context);
    await damage(history, 'a3', 'a1');
    const { backups, damaged } = await listBackups(history.repository, ever, never);
    assert.deepEqual(
      backups.map(({ id }) => id),
      ['a1', 'a2', 'b1'],
    );
    const [row, ...others] = damaged.map(damagedRow);
    assert.deepEqual(others, []);
    assert.deepEqual([row?.id, row?.parent, row?.kind, row?.complete], ['a3', 'a1', 'incremental', false]);
    assert.match(row?.damaged ?? '', /^a1\/incrementals\/a3\/manifest\.json /);
    assert.match(listText(backups, damaged, 's3://b', new Date()), /^a3 +incremental +DAMAGED: cannot be read /m);
  });

  test('with it what stands on it, and nothing else', async (context) => {
    const history = await place(context);
    await damage(history, 'a2', 'a1');
    const { backups, damaged } = await listBackups(history.repository, ever, never);
    assert.deepEqual(
      backups.map((each) => [each.id, listRow(each, new Date(), damaged).complete]),
      [
        ['a1', true],
        ['a3', false],
        ['b1', true],
      ],
    );
    assert.match(listText(backups, damaged, 's3://b', new Date()), /^a3 +incremental +DAMAGED: stands on one that is /m);
  });

  test('so is a run whose mark cannot be read', async (context) => {
    const history = await place(context);
    await history.unfinished({ id: 'c1', takenAt: day(5) });
    await history.put(inProgressKey({ id: 'c1' }), 'null');
    const { damaged } = await listBackups(history.repository, ever, never);
    assert.match(damaged[0]?.reason ?? '', /^c1\/in-progress\.json /);
  });

  test('latest passes over it and says so; its own name is an error', async (context) => {
    const history = await place(context);
    await damage(history, 'b1');
    const events: Event[] = [];
    const parts = { repository: history.repository, listen: (event: Event) => void events.push(event) };
    assert.equal((await chooseBackup(parts, { name: 'latest' }, never)).id, 'a3');
    assert.match(
      JSON.stringify(events),
      /"warning".*backup b1 cannot be read and is passed over, with what stands on it: b1\/manifest\.json/,
    );
    await assert.rejects(chooseBackup(parts, { name: 'b1' }, never), IntegrityError);
    assert.equal((await chooseBackup(parts, { name: 'a2' }, never)).id, 'a2', 'it stands in nobody else’s way');
    await damage(history, 'a1');
    await assert.rejects(chooseBackup(parts, { name: 'latest' }, never), NotFoundError, 'nothing is left to stand on');
  });

  test('what stands on it is not restored without it', async (context) => {
    const history = await place(context);
    await damage(history, 'a2', 'a1');
    const parts = { repository: history.repository, listen: () => undefined };
    const question = { choice: { name: 'a3' }, only: [], filter: tableFilter([]) };
    await assert.rejects(chooseSources(question, parts, never), /a3 stands on a1\/a2, which cannot be read/);
    const earlier = await chooseSources({ ...question, choice: { name: 'a1' } }, parts, never);
    assert.equal(earlier.id, 'a1');
  });

  test('prune deletes nothing: nobody knows what it points at', async (context) => {
    const history = await place(context);
    await damage(history, 'b1');
    const before = await history.keys();
    const rules = { policy: { keepLast: 1 }, staleAfterSeconds: 0, graceSeconds: 0, dryRun: false, now: new Date() };
    await assert.rejects(prune(history.repository, rules, request, never), (error: IntegrityError) => {
      assert.equal(error.exitCode, 4);
      assert.match(error.message, /^b1\/manifest\.json/);
      assert.match(error.hint ?? '', /sstash delete b1/);
      return true;
    });
    assert.deepEqual(await history.keys(), before);
    await assert.rejects(giveUp(history, ['a1'], { withIncrementals: true }), /nobody can say what b1 needs/);
    assert.deepEqual(await history.keys(), before);
  });

  test('is given up by name, with what nobody else needs of it', async (context) => {
    const history = await place(context);
    const [shared] = await history.filesOf({ id: 'a1' });
    await damage(history, 'a1');
    await assert.rejects(giveUp(history, ['a1']), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /^a1: needed by a1\/a2, a1\/a3$/);
      return true;
    });
    const result = await giveUp(history, ['a1'], { withIncrementals: true });
    assert.deepEqual(await history.keys('a1/'), [shared?.key]);
    assert.equal(await history.assertWhole(), 1);
    assert.match(deleteQuestion(result ?? assert.fail(), 's3://b', true), / {2}a1 {2}snapshot, cannot be read\n/);
  });

  test('and where it may have taken files from the nodes, no chain goes on', async (context) => {
    const history = await place(context);
    await damage(history, 'a2', 'a1');
    await assert.rejects(giveUp(history, ['a1/a2']), /a1\/a2: needed by a1\/a3/, 'later ones have a hole without it');
    await giveUp(history, ['a1/a2'], { withIncrementals: true });
    assert.deepEqual(await history.keys('a1/incrementals/'), []);
    for (const id of ['a1', 'b1']) {
      assert.match((await history.repository.chainClosed(id, never)) ?? '', /was deleted/);
    }
    assert.equal(await history.assertWhole(), 2);
  });

  test('a mark beside it does not bring it back as an unfinished run', async (context) => {
    const history = await place(context);
    await damage(history, 'b1');
    await history.put(inProgressKey({ id: 'b1' }), 'null');
    await giveUp(history, ['b1']);
    assert.deepEqual(await history.keys('b1/'), []);
  });
});
