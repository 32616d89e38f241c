/** Clocks that are wrong: this host's, the store's, a node's. What is dated is dated by the store's. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isCommitted } from '../../../../src/model/backup/backup.ts';
import { BackupError } from '../../../../src/model/errors.ts';
import { chooseBackup } from '../../../../src/operations/choose-backup.ts';
import { timeToActBy } from '../../../../src/operations/location/store-clock.ts';
import { Repository } from '../../../../src/storage/backups/repository.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { program } from '../../../support/scripted-remote.ts';

const day = 86_400_000;
const forced = { allowClockSkew: true };

async function latest({ repository, parts }: ScriptedCluster): Promise<string> {
  return (await chooseBackup({ repository, listen: parts.listen }, { name: 'latest' }, never)).id;
}

/** A cluster that keeps incremental files, and a backup that was made 400 days ahead. */
async function withFuture(t: TestContext) {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  cluster.store.aheadMs = 400 * day;
  const future = await cluster.backUp(forced);
  cluster.store.aheadMs = 0;
  return { cluster, node, future };
}

test('a backup of the future is no parent, never the latest, and pushes none out: each fresh one stays', async (t) => {
  const { cluster, node, future } = await withFuture(t);
  await node.writeSSTable(users, 2);
  const first = await cluster.backUp({ retention: 1 });
  assert.deepEqual([first.kind, first.complete], ['snapshot', true]);
  assert.equal(await latest(cluster), first.id);
  assert.ok(
    cluster.warnings.some((text) => text.startsWith(`backup ${future.id} is dated later than now, `)),
    cluster.warnings.join(),
  );

  await node.writeSSTable(users, 3);
  const second = await cluster.backUp({ retention: 1 });
  assert.deepEqual([second.kind, second.parent], ['incremental', first.id]);
  assert.equal(await latest(cluster), second.id);
  assert.deepEqual(await cluster.listing(), [`${first.id} complete`, `${second.id} complete`, `${future.id} complete`]);

  const third = await cluster.backUp({ kind: 'snapshot', retention: 1 });
  assert.deepEqual(await cluster.listing(), [`${third.id} complete`, `${future.id} complete`]);
});

test('an incremental backup of the future ends the chain that it took files for', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  const parent = await cluster.backUp();
  await node.writeSSTable(users, 2);
  cluster.store.aheadMs = 3 * 3_600_000;
  const ahead = await cluster.backUp(forced);
  assert.deepEqual([ahead.kind, ahead.parent], ['incremental', parent.id]);
  cluster.store.aheadMs = 0;
  await node.writeSSTable(users, 3);
  const next = await cluster.backUp();
  assert.equal(next.kind, 'snapshot');
  assert.match(next.reason, new RegExp(`^${parent.id}/${ahead.id} is dated later than now`));
});

test('a clock that was put back ends the chain too, and what the run has just made is not pruned', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.node('node1').keepsIncrementals = true;
  const [one, two] = [await cluster.backUp(), await cluster.backUp({ kind: 'snapshot' })];
  cluster.store.aheadMs = -10 * day;
  const behind = await cluster.backUp({ ...forced, retention: 1 });
  assert.deepEqual([behind.kind, behind.complete], ['snapshot', true]);
  assert.deepEqual(
    await cluster.listing(),
    [behind, one, two].map(({ id }) => `${id} complete`),
  );
  // Later, by the right clock: it is one of three, and not the newest.
  cluster.store.aheadMs = 0;
  const last = await cluster.backUp({ kind: 'snapshot', retention: 2 });
  assert.deepEqual(
    await cluster.listing(),
    [two, last].map(({ id }) => `${id} complete`),
  );
});

test('a run that broke off in the future is not gone on with', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.store.aheadMs = 400 * day;
  cluster.store.hook = ({ key }) => {
    if (key.endsWith('/schema.cql')) {
      throw new Error('the store is gone');
    }
  };
  await assert.rejects(cluster.backUp(forced), /the store is gone/);
  cluster.store.hook = () => undefined;
  cluster.store.aheadMs = 0;
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, /going on/.test(result.reason)], [true, false]);
  await assert.rejects(cluster.backUp({ resume: true }), /there is no unfinished run of these nodes and tables/);
});

test('everything is dated by the store where the calendar of this host is wrong', async (t) => {
  const cluster = await scriptedCluster(t);
  const right = Date.now();
  t.mock.timers.enable({ apis: ['Date'], now: right + 3 * day });
  const { id, warnings } = await cluster.backUp(forced);
  t.mock.timers.reset();
  const [backup] = (await cluster.repository.backups(never)).filter(isCommitted);
  const { takenAt, finishedAt } = backup?.manifest ?? assert.fail();
  const manifest = await cluster.repository.nodeManifest({ id }, 'node1', () => true, never);
  for (const moment of [takenAt, finishedAt, manifest?.takenAt ?? '']) {
    assert.ok(Math.abs(Date.parse(moment) - right) < 60_000, moment);
  }
  assert.ok(id < new Date(right + day).toISOString().replaceAll(/[-:]/g, ''), id);
  // A directory's clock is this host's own, and its scripted node's.
  assert.deepEqual(warnings, [`the clock of ${cluster.store.url} is 3 days behind this host's`]);
});

test('a skew above an hour is refused before anything is touched, of store or node; one above a minute is said', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const { remote } = cluster.node('node2');
  for (const [aheadMs, said] of [
    [-3 * day, `the clock of ${cluster.store.url} is 3 days behind this host's`],
    [3 * 3_600_000, `the clock of ${cluster.store.url} is 3 h ahead of this host's`],
  ] as const) {
    cluster.store.aheadMs = aheadMs;
    await assert.rejects(cluster.backUp(), (error) => {
      assert.ok(error instanceof BackupError && error.exitCode === 1);
      assert.equal(error.message, said);
      assert.match(error.hint ?? '', /--allow-clock-skew/);
      return true;
    });
  }
  cluster.store.aheadMs = 0;
  cluster.node('node2').clockAheadMs = 2 * 3_600_000;
  await assert.rejects(cluster.backUp(), /^BackupError: the clock of node2 is 2 h ahead of this host's$/);
  assert.deepEqual([await cluster.keys(), remote.ran(program('nodetool', 'snapshot'))], [[], []]);
  assert.equal((await cluster.backUp(forced)).complete, true);

  cluster.node('node2').clockAheadMs = -5 * 60_000;
  assert.deepEqual((await cluster.backUp()).warnings, ["the clock of node2 is 5 min behind this host's"]);
  cluster.node('node2').clockAheadMs = 55_000;
  assert.deepEqual((await cluster.backUp()).warnings, []);
});

test('a store that tells no time is said, and this host’s clock is what there is', async (t) => {
  const cluster = await scriptedCluster(t);
  const mute = new Repository({ ...cluster.store, now: async () => undefined });
  const { complete, warnings } = await cluster.backUp({}, { parts: { repository: mute } });
  assert.deepEqual(
    [complete, warnings],
    [true, [`${cluster.store.url} does not say what time it is: dates go by this host's clock`]],
  );
  const [backup] = await cluster.repository.backups(never);
  assert.ok(Math.abs(Date.parse(backup?.committed === true ? backup.manifest.takenAt : '') - Date.now()) < 60_000);
});

test('a prune refuses a skew above an hour, and goes by the store’s clock where it is allowed', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.store.aheadMs = 2 * day;
  const parts = { repository: cluster.repository, listen: cluster.parts.listen };
  await assert.rejects(timeToActBy(parts, false, never), /^BackupError: the clock of file:.* is 2 days ahead of this host's$/);
  const now = await timeToActBy(parts, true, never);
  assert.ok(Math.abs(now.getTime() - Date.now() - 2 * day) < 60_000);
  assert.match(cluster.warnings.join(), /is 2 days ahead of this host's/);
});

test('backups that begin in one second have names of their own', async (t) => {
  const cluster = await scriptedCluster(t);
  const names = [];
  for (let n = 0; n < 3; n += 1) {
    names.push((await cluster.backUp({ kind: 'snapshot' })).id);
  }
  assert.equal(new Set(names).size, 3);
  assert.deepEqual(names, names.toSorted());
});
