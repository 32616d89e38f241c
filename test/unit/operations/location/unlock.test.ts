import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { LockedError } from '../../../../src/model/errors.ts';
import type { SeenLock } from '../../../../src/model/lock.ts';
import { unlock } from '../../../../src/operations/location/unlock.ts';
import { unlockJson, unlockQuestion, unlockText } from '../../../../src/report/lock-report.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { acquireLock } from '../../../../src/storage/lock/lock.ts';
import { Repository } from '../../../../src/storage/backups/repository.ts';
import { listed } from '../../../support/bodies.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const never = new AbortController().signal;
const owner = { host: 'bastion', pid: 4711, user: 'ops' };
const options = { owner, operation: 'backup', timeoutSeconds: 0, heartbeatSeconds: 600, staleSeconds: 3600 };

async function repositoryIn(context: TestContext): Promise<Repository> {
  return new Repository(await openDirectoryStore(await temporaryDirectory(context)));
}

describe('unlock', () => {
  test('removes the lock that was shown, and says whose it was', async (context) => {
    const repository = await repositoryIn(context);
    const lock = await acquireLock(repository.store, options, () => {}, never);
    const shown: SeenLock[] = [];
    const result = await unlock(repository, async (seen) => shown.push(seen) === 1, never);
    assert.deepEqual(await listed(repository.store, ''), []);
    assert.deepEqual(shown, [result.lock]);
    const now = new Date(Date.parse(result.lock?.record?.heartbeatAt ?? '') + 5000);
    assert.match(
      unlockText(result, now),
      /^removed the lock: backup by ops@bastion \(pid 4711\) since .*, last heartbeat 5 s ago\n$/,
    );
    assert.match(unlockQuestion(result.lock ?? assert.fail(), result.location, now), /is locked: backup by ops@bastion/);
    const json = JSON.stringify(unlockJson(result));
    assert.match(json, /"locked":false,"removed":true,"lock":{"readable":true,"operation":"backup","owner":{"host":"bastion"/);
    await assert.rejects(lock.confirm(never), LockedError);
  });

  test('leaves the lock when told so', async (context) => {
    const repository = await repositoryIn(context);
    const lock = await acquireLock(repository.store, options, () => {}, never);
    const result = await unlock(repository, async () => false, never);
    assert.equal(result.removed, false);
    assert.match(unlockText(result, new Date()), /^the lock stays: /);
    await lock.confirm(never);
    await lock.release();
  });

  test('asks nothing where nothing is locked', async (context) => {
    const repository = await repositoryIn(context);
    const result = await unlock(repository, () => assert.fail('asked'), never);
    assert.deepEqual(result, { location: repository.store.url, lock: undefined, removed: false });
    assert.equal(unlockText(result, new Date()), `${repository.store.url} is not locked\n`);
    assert.deepEqual(unlockJson(result), { location: repository.store.url, locked: false, removed: false, lock: null });
  });

  test('does not remove the lock of somebody who got it while the question stood', async (context) => {
    const repository = await repositoryIn(context);
    const first = await acquireLock(repository.store, options, () => {}, never);
    const confirm = async (): Promise<boolean> => {
      await first.release();
      second = await acquireLock(repository.store, options, () => {}, never);
      return true;
    };
    let second: typeof first | undefined;
    await assert.rejects(unlock(repository, confirm, never), LockedError);
    await second?.confirm(never);
    await second?.release();
  });

  test('removes what cannot be read as a lock, too', async (context) => {
    const repository = await repositoryIn(context);
    await repository.store.put('lock.json', Buffer.from('{"format":2}'), {}, never);
    const result = await unlock(repository, async () => true, never);
    assert.match(unlockText(result, new Date()), /^removed the lock: somebody whose lock cannot be read/);
    assert.deepEqual(await listed(repository.store, ''), []);
  });
});
