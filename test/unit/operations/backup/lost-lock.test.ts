/**
 * A run whose host stood still (SIGSTOP, a closed lid) while another one took the lock: it touches nothing any more, neither on the nodes
 * nor in the store, and it cannot commit what is somebody else's.
 */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { BackupError, LockedError, NotFoundError } from '../../../../src/model/errors.ts';
import { planBackup } from '../../../../src/operations/backup/dry-run.ts';
import { prune } from '../../../../src/operations/prune/prune.ts';
import { inProgressKey } from '../../../../src/storage/keys.ts';
import { lockKey } from '../../../../src/storage/location-keys.ts';
import type { Call } from '../../../support/hooked-store.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { beforehand, program } from '../../../support/scripted-remote.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);
const nodetool = program('nodetool');

/** The first time that the store is asked for this, something else happens before. */
function once(cluster: ScriptedCluster, holds: (call: Call) => boolean, happens: () => Promise<void>): void {
  cluster.store.hook = async (call) => {
    if (holds(call)) {
      cluster.store.hook = () => undefined;
      await happens();
    }
  };
}

async function removeLock(cluster: ScriptedCluster): Promise<void> {
  await cluster.store.delete([lockKey()], never);
}

const isSeal = ({ verb, key }: Call): boolean => verb === 'put' && key.endsWith('/in-progress.json');

/** The put of a mark that says that its node is stored: not the first. */
function atSeal(cluster: ScriptedCluster, happens: () => Promise<void>): void {
  once(cluster, isSeal, async () => once(cluster, isSeal, happens));
}

for (const clearOnFailure of [false, true]) {
  test(`a lock that is lost while files travel: no mark, no command, no delete${clearOnFailure ? ', nor with clear on failure' : ''}`, async (t) => {
    const cluster = await scriptedCluster(t);
    const { remote } = cluster.node('node1');
    let stopped = -1;
    remote.on(
      reading,
      beforehand(async () => {
        await removeLock(cluster);
        stopped = cluster.store.calls.length;
      }),
    );
    const before = (): readonly string[] => remote.ran(nodetool);
    await assert.rejects(cluster.backUp({ clearOnFailure }), (error) => {
      assert.ok(error instanceof LockedError);
      assert.equal(error.message, 'the lock was removed');
      return true;
    });
    const [listed = ''] = await cluster.listing();
    const [id = ''] = listed.split(' ');
    assert.equal(listed, `${id} node1 running`, 'the mark is as it was');
    assert.deepEqual(await cluster.node('node1').snapshots(), [cluster.tagOf(id)]);
    assert.deepEqual(
      before().filter((command) => command.includes('clearsnapshot')),
      [],
    );
    const later = cluster.store.calls.slice(stopped).filter(({ verb }) => verb === 'delete' || verb === 'abortUnfinished');
    assert.deepEqual(later, []);
    assert.deepEqual(cluster.warnings, [
      `backup ${id} is left as it is, and so are its snapshots (${cluster.tagOf(id)}) on the nodes: who has the lock goes on with it`,
    ]);
  });
}

test('what another host has gone on with and finished meanwhile cannot be committed again', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const ids: string[] = [];
  atSeal(cluster, async () => {
    await removeLock(cluster);
    ids.push((await cluster.backUp()).id);
  });
  await assert.rejects(cluster.backUp(), LockedError);
  assert.deepEqual(await cluster.listing(), [`${ids[0]} complete`], 'it is the same run, and the other one has it');
  assert.deepEqual(await cluster.damage(), []);
});

test('what another host has just gone on with, and not finished, cannot be committed either', async (t) => {
  const cluster = await scriptedCluster(t);
  const interrupt = new Error('interrupted');
  atSeal(cluster, async () => {
    await removeLock(cluster);
    const abort = new AbortController();
    once(
      cluster,
      ({ verb, key }) => verb === 'put' && key.endsWith('/schema.cql'),
      async () => abort.abort(interrupt),
    );
    await assert.rejects(cluster.backUp({}, { signal: abort.signal }), interrupt);
  });
  await assert.rejects(cluster.backUp(), /another run has taken over or cleared/);
  const [listed = ''] = await cluster.listing();
  assert.match(listed, / node1 failed: interrupted$/);
  assert.equal((await cluster.backUp()).complete, true);
  assert.deepEqual(await cluster.damage(), []);
});

test('what a prune has cleared meanwhile cannot be committed', async (t) => {
  const cluster = await scriptedCluster(t);
  await cluster.backUp();
  await cluster.node('node1').writeSSTable(users, 2);
  atSeal(cluster, async () => {
    await removeLock(cluster);
    const rules = { policy: { keepLast: 1 }, now: new Date(Date.now() + 3_600_000), staleAfterSeconds: 60, graceSeconds: 60 };
    const request = { ...cluster.backupOptions(), operation: 'prune', timeoutSeconds: 0, listen: () => undefined };
    const { staleRuns } = await prune(cluster.repository, { ...rules, dryRun: false }, request, never);
    assert.equal(staleRuns.length, 1);
  });
  await assert.rejects(cluster.backUp({ kind: 'snapshot' }), LockedError);
  assert.equal((await cluster.listing()).length, 1);
  assert.deepEqual(await cluster.damage(), []);
});

test('who stands still between seal and manifest has committed: the next one publishes it', async (t) => {
  const cluster = await scriptedCluster(t);
  let listed: readonly string[] = [];
  once(
    cluster,
    ({ verb, key }) => verb === 'put' && key.endsWith('/manifest.json'),
    async () => {
      await removeLock(cluster);
      const next = await cluster.backUp();
      listed = await cluster.listing();
      assert.equal(next.nodes[0]?.newFiles, 0, 'it stands on what was finished');
    },
  );
  const first = await cluster.backUp();
  assert.equal(listed.length, 2);
  assert.ok(listed.every((line) => line.endsWith(' complete')));
  assert.match(cluster.warnings.join('\n'), /was finished but for its last object, which is put now: it is complete/);
  // The bytes that lie there are its own: nothing else was committed.
  assert.deepEqual([first.complete, await cluster.listing()], [true, listed]);
  assert.deepEqual(await cluster.damage(), []);
});

test('a dry run publishes nothing', async (t) => {
  const cluster = await scriptedCluster(t);
  const run = await sealed(cluster);
  await planBackup(cluster.backupOptions(), cluster.parts, never);
  assert.deepEqual(await cluster.keys(`${run.id}/manifest.json`), []);
});

/** A run that was killed between seal and manifest. */
async function sealed(cluster: ScriptedCluster): Promise<{ readonly id: string }> {
  once(
    cluster,
    ({ verb, key }) => verb === 'put' && key.endsWith('/manifest.json'),
    async () => {
      throw new BackupError('killed');
    },
  );
  await assert.rejects(cluster.backUp(), /killed/);
  const run = (await cluster.repository.backups(never)).at(-1);
  assert.equal(run?.committed, false);
  assert.match(cluster.warnings.join('\n'), /is stored but for its last object/);
  assert.equal((await cluster.keys(inProgressKey(run))).length, 1);
  return run;
}

for (const resumeId of [undefined, 'its own']) {
  test(`who resumes a sealed run${resumeId === undefined ? '' : ' by its name'} has a complete backup, and nothing of it stays on the node`, async (t) => {
    const cluster = await scriptedCluster(t);
    const { id } = await sealed(cluster);
    assert.deepEqual(await cluster.node('node1').snapshots(), [cluster.tagOf(id)], 'the killed run has cleared nothing');
    const puts = cluster.store.calls.filter(({ key }) => key.endsWith('.db')).length;
    const result = await cluster.backUp({ resume: true, ...(resumeId === undefined ? {} : { resumeId: id }) });
    assert.deepEqual([result.id, result.state, result.complete, result.tables.length], [id, 'complete', true, 2]);
    assert.deepEqual(
      result.nodes.map(({ host, complete, newFiles }) => [host, complete, newFiles > 0]),
      [['node1', true, true]],
    );
    assert.equal(cluster.store.calls.filter(({ key }) => key.endsWith('.db')).length, puts, 'nothing is sent again');
    assert.deepEqual(await cluster.node('node1').snapshots(), []);
    assert.deepEqual(await cluster.listing(), [`${id} complete`]);
    assert.deepEqual(await cluster.damage(), []);
  });
}

test('a sealed run that is resumed once more is no unfinished run any more', async (t) => {
  const cluster = await scriptedCluster(t);
  await sealed(cluster);
  await cluster.backUp({ resume: true });
  await assert.rejects(cluster.backUp({ resume: true }), NotFoundError);
});

test('an incremental run that was sealed has its files deleted from the node by who resumes it', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  await cluster.backUp({ kind: 'snapshot' });
  await node.writeSSTable(users, 2);
  const lie = () => readdir(join(node.live(users), 'backups'));
  const { id } = await sealed(cluster);
  const waiting = await lie();
  const result = await cluster.backUp({ resume: true });
  assert.deepEqual([result.id, result.kind, result.complete], [id, 'incremental', true]);
  assert.ok(waiting.length > 0 && (await lie()).length === 0, `${waiting.join()} were not taken away`);
  assert.deepEqual(await cluster.damage(), []);
});

test('a prune publishes what was sealed, and does not clear it as a run that was given up', async (t) => {
  const cluster = await scriptedCluster(t);
  const { id } = await sealed(cluster);
  const rules = { policy: { keepLast: 1 }, now: new Date(Date.now() + 3_600_000), staleAfterSeconds: 60, graceSeconds: 60 };
  const request = { ...cluster.backupOptions(), operation: 'prune', timeoutSeconds: 0, listen: () => undefined };
  await prune(cluster.repository, { ...rules, dryRun: false }, request, never);
  assert.deepEqual(await cluster.listing(), [`${id} complete`]);
  assert.deepEqual(await cluster.damage(), []);
});

test('each attempt at a run has keys of its own, so that nothing which comes late takes the place of what is there', async (t) => {
  const cluster = await scriptedCluster(t);
  const abort = new AbortController();
  once(
    cluster,
    ({ verb, key }) => verb === 'put' && key.endsWith('.db'),
    async () => abort.abort(new Error('interrupted')),
  );
  await assert.rejects(cluster.backUp({}, { signal: abort.signal }), /interrupted/);
  const result = await cluster.backUp();
  const stored = (await cluster.keys(`${result.id}/node1/shop/`)).filter((key) => key.includes('/again-'));
  assert.ok(stored.length > 0, 'the second attempt stored nothing');
  for (const key of stored) {
    // What the first attempt had on its way lands now.
    await cluster.store.put(key.replace(/again-[0-9a-f]{8}\//, ''), Buffer.from('late'), {}, never);
  }
  assert.deepEqual(await cluster.damage(), []);
});
