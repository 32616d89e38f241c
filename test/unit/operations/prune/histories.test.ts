/**
 * Random histories of a location, most of them in memory and some on a real directory: backups that point at each other's objects, runs that broke off,
 * left-overs, strangers, prunes and deletes, some of them broken off in the middle. Whatever happened, every backup that is
 * listed can be restored; and after a prune nothing is left that nobody needs.
 */
import { never } from '../../../support/never.ts';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { pathOf } from '../../../../src/model/backup/backup-id.ts';
import { type Backup, isCommitted, latestCommitted } from '../../../../src/model/backup/backup.ts';
import { BackupError } from '../../../../src/model/errors.ts';
import type { RetentionPolicy } from '../../../../src/model/retention/retention.ts';
import { deleteBackups } from '../../../../src/operations/prune/delete.ts';
import { prune, pruneAfterBackup } from '../../../../src/operations/prune/prune.ts';
import { withLock } from '../../../../src/operations/location/with-lock.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { backupManifestKey, closedKey, nodeManifestKey, ringKey, ringTextKey, schemaKey } from '../../../../src/storage/keys.ts';
import { forgottenPrefix, lockKey } from '../../../../src/storage/location-keys.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { hookedStore, type HookedStore } from '../../../support/hooked-store.ts';
import { LocationHistory, prefixOf } from '../../../support/location-history.ts';
import { type MemoryLocation, memoryLocation } from '../../../support/memory-location.ts';

const request = {
  owner: { host: 'bastion', pid: process.pid, user: 'ops' },
  operation: 'prune',
  timeoutSeconds: 0,
  listen: () => undefined,
};
const hour = 3_600_000;
const strangers = ['README', 'photos2024/1.jpg', 'prod1/b7/manifest.json', 'prod1/b7/node1/shop/users.txt'];

class World {
  readonly store: HookedStore;
  readonly history: LocationHistory;
  readonly seen = { forgotten: 0, reused: 0, brokenOff: 0, orphans: 0, freedLater: 0 };
  /** Objects are as old as the test; a run's mark says when it began, in hours from there. */
  #hours = -2000;
  #ids = 0;

  constructor({ store, setModified }: Partial<MemoryLocation> & { readonly store: ObjectStore }) {
    this.store = hookedStore(store);
    this.history = new LocationHistory(this.store, setModified);
  }

  async backup(
    kind: 'snapshot' | 'incremental' | 'unfinished' | 'unfinished incremental',
    pick: number,
    label: string | undefined,
  ): Promise<void> {
    const backups = await this.history.repository.backups(never);
    const parents = backups.filter((backup) => backup.committed && backup.parent === undefined);
    const parent = kind.endsWith('incremental') ? parents[pick % Math.max(1, parents.length)] : undefined;
    const source = latestCommitted(backups);
    const hosts = pick % 3 === 0 ? [1, 2] : [1];
    const sources = await Promise.all(
      hosts.map((host) => this.history.filesOf(source ?? { id: '' }, `node${host}`).catch(() => [])),
    );
    const reused = sources.flat().filter((_, place) => (pick >> place) % 2 === 0);
    this.seen.reused += reused.length;
    const policy = parent?.committed === true ? parent.manifest.policy : label;
    const wish = {
      id: this.#newId(),
      ...(parent === undefined ? {} : { parent: parent.id }),
      takenAt: new Date(Date.now() + (this.#hours += 1 + (pick % 30)) * hour),
      reused,
      fresh: pick % 4,
      hosts,
      ...(policy === undefined ? {} : { policy }),
    };
    await (kind.startsWith('unfinished') ? this.history.unfinished(wish) : this.history.complete(wish));
  }

  async leftOver(pick: number): Promise<void> {
    const backups = await this.history.repository.backups(never);
    const backup = backups[pick % Math.max(1, backups.length)];
    await this.history.orphan(backup === undefined || pick % 3 === 0 ? { id: this.#newId() } : backup);
  }

  /** A prune that may break off at its so-manieth change. */
  async prune(
    policy: RetentionPolicy,
    stale: boolean,
    dies: number | undefined,
    how: 'at once' | 'with grace' | 'after backup',
  ): Promise<void> {
    const { repository } = this.history;
    const before = await repository.backups(never);
    const afterBackup = how === 'after backup';
    const pointed = new Map(
      await Promise.all(before.map(async (each) => [pathOf(each), await this.history.pointedAt([each])] as const)),
    );
    const options = {
      policy,
      staleAfterSeconds: stale ? -1 : 1e9,
      graceSeconds: how === 'at once' ? 0 : 86_400,
      dryRun: false,
      now: new Date(Date.now() + 1000),
    };
    const done = await this.#mayDie(dies, () =>
      afterBackup
        ? withLock(
            repository,
            request,
            (lock, signal) =>
              pruneAfterBackup({ ...request, repository, lock }, { keepLast: 2, policy: undefined, now: new Date() }, signal),
            never,
          )
        : prune(repository, options, request, never),
    );
    const after = await repository.backups(never);
    const newest = latestCommitted(before);
    assert.ok(newest === undefined || after.some(({ id }) => id === newest.id), 'the newest complete backup stays');
    if (done === undefined) {
      return;
    }
    this.seen.forgotten += done.forgotten.length;
    this.seen.orphans += done.orphans;
    assert.deepEqual(
      after.map(({ id }) => id),
      done.kept.map(({ backup }) => backup.id),
    );
    this.seen.freedLater += how === 'at once' ? 0 : done.freeing.length;
    if (how !== 'at once') {
      // Whoever reads one that has just been forgotten loses nothing.
      const keys = new Set(await this.history.keys());
      const goes = [...done.forgotten, ...done.staleRuns].map(({ backup }) => pathOf(backup));
      const lost = goes.flatMap((path) => [...(pointed.get(path) ?? [])]).filter((key) => !keys.has(key));
      assert.deepEqual(lost, []);
      if (how === 'with grace') {
        await this.history.letGraceEnd();
        this.seen.freedLater += (await prune(repository, options, request, never)).freeing.length;
        assert.deepEqual(await this.history.keys(forgottenPrefix), []);
      }
      return;
    }
    await this.#assertClean(after);
    const again = await prune(repository, options, request, never);
    assert.deepEqual([again.forgotten, again.staleRuns, again.deletedObjects], [[], [], 0]);
  }

  async delete(pick: number, dies: number | undefined): Promise<void> {
    const backups = await this.history.repository.backups(never);
    const chosen = backups[pick % Math.max(1, backups.length)];
    if (chosen === undefined) {
      return;
    }
    const options = {
      names: [chosen.id],
      withIncrementals: true,
      forceLast: pick % 5 === 0,
      dryRun: false,
      atOnce: pick % 2 === 0,
      now: new Date(),
    };
    await this.#mayDie(dies, () => deleteBackups(this.history.repository, options, async () => true, request, never));
  }

  async check(): Promise<void> {
    await this.history.assertWhole();
    const keys = await this.history.keys();
    for (const stranger of strangers) {
      assert.ok(keys.includes(stranger), stranger);
    }
    assert.ok(!keys.includes(lockKey()));
  }

  #newId(): string {
    this.#ids += 1;
    return `b${this.#ids}`;
  }

  async #mayDie<T>(dies: number | undefined, work: () => Promise<T>): Promise<T | undefined> {
    let deletes = 0;
    const dead = new Error('power failure');
    this.store.hook = ({ verb, key }) => {
      if ((verb === 'delete' || verb === 'put') && key !== lockKey() && dies !== undefined && (deletes += 1) > dies) {
        throw dead;
      }
    };
    try {
      return await work();
    } catch (error) {
      // A refusal is an answer too.
      if (error !== dead && !(error instanceof BackupError)) {
        throw error;
      }
      this.seen.brokenOff += error === dead ? 1 : 0;
      return undefined;
    } finally {
      this.store.hook = () => undefined;
    }
  }

  /** What is left is a stranger, or a backup's own, or pointed at, or of a run that may go on. */
  async #assertClean(backups: readonly Backup[]): Promise<void> {
    const pointed = await this.history.pointedAt(backups);
    const own = new Set(
      backups
        .filter(isCommitted)
        .flatMap((backup) => [
          ...[backupManifestKey, ringKey, ringTextKey, schemaKey].map((keyOf) => keyOf(backup)),
          ...(backup.parent === undefined ? [closedKey(backup.id)] : []),
          ...backup.manifest.nodes.map(({ host }) => nodeManifestKey(backup, host)),
        ]),
    );
    const runs = backups.filter(({ committed }) => !committed).map(prefixOf);
    const left = (await this.history.keys()).filter(
      (key) => !pointed.has(key) && !own.has(key) && !strangers.includes(key) && !runs.some((prefix) => key.startsWith(prefix)),
    );
    assert.deepEqual(left, []);
  }
}

interface Step {
  readonly name: string;
  readonly act: (world: World) => Promise<void>;
  /** Only what removes can take something away from a backup, so only then all of them are read again. */
  readonly removes: boolean;
}

const pick = fc.nat({ max: 1000 });
const label = fc.constantFrom(undefined, undefined, undefined, 'weekly');
const dies = fc.option(fc.nat({ max: 12 }), { nil: undefined, freq: 2 });
const manner = fc.constantFrom('at once' as const, 'with grace' as const, 'after backup' as const);
const kind = fc.constantFrom(
  'snapshot',
  'snapshot',
  'snapshot',
  'incremental',
  'incremental',
  'unfinished',
  'unfinished incremental',
);
const policy: fc.Arbitrary<RetentionPolicy> = fc.oneof(
  fc.record({ keepLast: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ keepDaily: fc.integer({ min: 1, max: 2 }), keepWeekly: fc.nat({ max: 2 }) }),
  fc.constant<RetentionPolicy>({ olderThan: { count: 80, unit: 'd' } }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(kind, pick, label).map(([what, number, series]): Step => ({
      name: `${what} ${number} ${series}`,
      act: (world) => world.backup(what, number, series),
      removes: false,
    })),
  },
  {
    weight: 2,
    arbitrary: pick.map((number): Step => ({
      name: `left over ${number}`,
      act: (world) => world.leftOver(number),
      removes: false,
    })),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(policy, fc.boolean(), dies, manner).map(([rules, stale, at, how]): Step => ({
      name: `prune ${JSON.stringify(rules)} ${stale} ${at} ${how}`,
      act: (world) => world.prune(rules, stale, at, how),
      removes: true,
    })),
  },
  {
    weight: 2,
    arbitrary: fc.constant<Step>({ name: 'a day', act: (world) => world.history.letGraceEnd(), removes: false }),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(pick, dies)
      .map(([number, at]): Step => ({ name: `delete ${number} ${at}`, act: (world) => world.delete(number, at), removes: true })),
  },
);

/** What has happened in all of them: what never happened proves nothing. */
type Seen = World['seen'];

async function live(world: World, steps: readonly Step[]): Promise<void> {
  const done: string[] = [];
  try {
    for (const key of strangers) {
      await world.history.put(key);
    }
    for (const { name, act, removes } of steps) {
      done.push(name);
      await act(world);
      await (removes ? world.check() : undefined);
    }
    await world.check();
  } catch (error) {
    throw new Error(`after ${done.join(', ')}: ${String(error)}`, { cause: error });
  }
}

/** Always the same histories: what they must have seen is asserted. */
async function liveMany(numRuns: number, within: (work: (world: World) => Promise<void>) => Promise<void>): Promise<Seen> {
  const seen = { forgotten: 0, reused: 0, brokenOff: 0, orphans: 0, freedLater: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 18, size: 'max' }), (steps) =>
      within(async (world) => {
        await live(world, steps);
        for (const key of ['forgotten', 'reused', 'brokenOff', 'orphans', 'freedLater'] as const) {
          seen[key] += world.seen[key];
        }
      }),
    ),
    { numRuns, seed: 4711 },
  );
  return seen;
}

test('whatever is pruned, deleted and broken off, every backup that is listed is whole, and nothing useless stays', async () => {
  const seen = await liveMany(110, (work) => work(new World(memoryLocation())));
  for (const times of Object.values(seen)) {
    assert.ok(times >= 15, JSON.stringify(seen));
  }
});

test('so it is on a directory', async () => {
  const seen = await liveMany(12, async (work) => {
    const path = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sstash-test-'));
    try {
      await work(new World({ store: await openDirectoryStore(path) }));
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  });
  assert.ok(seen.forgotten > 0 && seen.brokenOff > 0 && seen.freedLater > 0, JSON.stringify(seen));
});
