import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LockedError } from '../../src/model/errors.ts';
import { openDirectoryStore } from '../../src/storage/directory/directory.ts';
import { readLock } from '../../src/storage/lock/format.ts';
import { acquireLock } from '../../src/storage/lock/lock.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { listed } from '../support/bodies.ts';
import { missing, s3ProxyJar, startS3Proxy, startVersityGateway, versityGateway } from '../support/s3-servers.ts';
import { openOn } from './object-store-s3.ts';

const never = new AbortController().signal;

/** What the lock needs of a store, on real ones. */
function lockContract(of: string, skip: string | undefined, start: () => Promise<LockPlace>): void {
  describe(`lock: ${of}`, { skip: skip ?? false }, () => {
    let place: LockPlace;
    before(async () => {
      place = await start();
    });
    after(() => place?.stop());
    const take = (
      store: ObjectStore,
      who: string,
      more: { readonly heartbeatSeconds?: number; readonly staleSeconds?: number } = {},
    ) =>
      acquireLock(
        store,
        { owner: { host: who, pid: 1, user: who }, operation: 'backup', timeoutSeconds: 0, ...more },
        (event) => assert.notEqual(event.type === 'warning' && /ignores/.test(event.text), true),
        new AbortController().signal,
      );
    const it = (title: string, run: (stores: readonly ObjectStore[]) => Promise<void>): void =>
      void test(title, async () => {
        const stores = await Promise.all(Array.from({ length: 16 }, () => place.open(title)));
        try {
          await run(stores);
        } finally {
          await Promise.all(stores.map((store) => store.close()));
        }
      });

    it('is had by exactly one of 16 that begin at once', async (stores) => {
      const results = await Promise.allSettled(stores.map((store, index) => take(store, `contender-${index}`)));
      const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      assert.equal(locks.length, 1);
      for (const result of results) {
        if (result.status === 'rejected') {
          assert.ok(result.reason instanceof LockedError, String(result.reason));
        }
      }
      assert.equal(locks[0]?.conditional, true);
      await locks[0].release();
      assert.deepEqual(stores[0] && (await listed(stores[0], '')), []);
    });

    it('lives by its heartbeats, and is lost when it is removed', async ([store, other]) => {
      assert.ok(store !== undefined && other !== undefined);
      const lock = await take(store, 'anna', { heartbeatSeconds: 0.1, staleSeconds: 60 });
      const first = await readLock(other, never);
      let later = first;
      while (later?.etag === first?.etag) {
        await delay(20);
        later = await readLock(other, never);
      }
      assert.equal(later?.record?.token, first?.record?.token);
      await assert.rejects(take(other, 'ben'), LockedError);
      // More than once: S3Proxy looks at a condition and writes in two steps, and a heartbeat may make anew what goes in between.
      while (!lock.signal.aborted) {
        await other.delete(['lock.json'], never);
        await delay(20);
      }
      assert.match(String(lock.signal.reason), /was removed/);
      await lock.release();
      assert.equal(await readLock(other, never), undefined);
    });

    it('that nobody renews is taken over by exactly one of 16', async (stores) => {
      const at = new Date(Date.now() - 3_600_000).toISOString();
      const owner = { host: 'lost', pid: 1, user: 'lost' };
      const record = { format: 1, token: 'lost', owner, operation: 'backup', since: at, heartbeatAt: at };
      await stores[0]?.put('lock.json', Buffer.from(JSON.stringify(record)), {}, never);
      // The winner's heartbeat comes before the others' patience ends.
      const terms = { heartbeatSeconds: 0.3, staleSeconds: 3 };
      const results = await Promise.allSettled(stores.map((store, index) => take(store, `contender-${index}`, terms)));
      const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      assert.equal(locks.length, 1);
      await locks[0]?.release();
    });
  });
}

interface LockPlace {
  open(base: string): Promise<ObjectStore>;
  stop(): Promise<void>;
}

lockContract('directory', undefined, async () => {
  const root = await mkdtemp(join(tmpdir(), 'sstash-lock-'));
  return {
    open: (base) => openDirectoryStore(join(root, base), { create: true }),
    stop: () => rm(root, { recursive: true, force: true }),
  };
});

for (const [name, path, fetch, start] of [
  ['S3Proxy', s3ProxyJar, 'scripts/sandbox fetch', startS3Proxy],
  ['versitygw', versityGateway, 'scripts/fetch-versitygw', startVersityGateway],
] as const) {
  lockContract(name, missing(path, fetch), async () => {
    const server = await start();
    return { open: (base) => openOn(server, { base }), stop: () => server.stop() };
  });
}
