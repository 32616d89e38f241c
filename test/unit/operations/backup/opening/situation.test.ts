/** What a backup finds out before it begins: who is there, what is asked for, and what speaks against it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../../src/model/errors.ts';
import { parsePerDatacenter } from '../../../../../src/model/options/per-datacenter.ts';
import { tableFilter } from '../../../../../src/model/options/table-filter.ts';
import { backupManifestKey } from '../../../../../src/storage/keys.ts';
import { never } from '../../../../support/never.ts';
import { type ScriptedCluster, scriptedCluster } from '../../../../support/scripted-cluster.ts';
import { fails, program } from '../../../../support/scripted-remote.ts';

const snapshot = program('nodetool', 'snapshot');

/** Nothing was stored and no node was told to do anything. */
async function assertUntouched(cluster: ScriptedCluster): Promise<void> {
  assert.deepEqual(await cluster.keys(), []);
  assert.deepEqual(
    cluster.nodes.flatMap(({ remote }) => remote.ran(snapshot)),
    [],
  );
}

test('from one node the others are found by their addresses in the ring', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const names = new Map(cluster.nodes.map(({ host, node }) => [node.address, host]));
  const connect = async (host: string, signal: AbortSignal) => cluster.parts.connect(names.get(host) ?? host, signal);
  const result = await cluster.backUp({ hosts: [], seed: 'node1' }, { parts: { connect } });
  assert.deepEqual([result.complete, result.nodes.map(({ host }) => host), result.warnings], [true, ['node1', '10.0.0.2'], []]);
});

test('a seed that gives no answer names no nodes', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node1').up = false;
  await assert.rejects(cluster.backUp({ hosts: [], seed: 'node1' }), /^RemoteError: nodetool info failed on node1/);
  await assertUntouched(cluster);
});

test('nodes of the ring that were not named are told, and the backup says that it is one of fewer', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const result = await cluster.backUp({ hosts: ['node1'] });
  assert.deepEqual([result.complete, result.ringNodes], [true, 2]);
  assert.deepEqual(result.warnings, ['the ring has 2 nodes; not named and not backed up: 10.0.0.2']);
});

test('when the first node cannot say what the ring looks like, the next one is asked', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node1').remote.on(program('nodetool', 'ring'), fails('error: it hangs'));
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.warnings], [true, []]);
});

test('when none can, nothing is begun', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  for (const { remote } of cluster.nodes) {
    remote.on(program('nodetool', 'ring'), fails('error: it hangs'));
  }
  await assert.rejects(cluster.backUp(), /^RemoteError: nodetool ring failed on node2: it hangs$/);
  await assertUntouched(cluster);
});

test('what cannot be done as it was asked is refused before anything is begun', async (t) => {
  const cluster = await scriptedCluster(t);
  const refused = [
    [{ hosts: [] }, 'no hosts'],
    [{ hosts: ['[::1]'] }, "[::1] cannot be a host's name"],
    [{ filter: tableFilter(['shop.cards']) }, 'no table matches shop.cards'],
    [{ rateLimit: parsePerDatacenter('rate-limit', ['dc9:5']) }, '--rate-limit: the cluster has no datacenter dc9'],
  ] as const;
  for (const [options, message] of refused) {
    await assert.rejects(cluster.backUp(options), (error) => error instanceof UsageError && error.message === message);
  }
  await assertUntouched(cluster);
});

test('a backup that cannot be read is told, and the next one builds upon none of it', async (t) => {
  const cluster = await scriptedCluster(t);
  const damaged = await cluster.backUp();
  await cluster.store.put(backupManifestKey(damaged), Buffer.from('garbage'), {}, never);
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.nodes[0]?.newFiles], [true, 10]);
  assert.match(result.warnings.join(), new RegExp(`^backup ${damaged.id} cannot be read and is not built upon: `));
});

test('after a complete backup its series keeps the newest so many', async (t) => {
  const cluster = await scriptedCluster(t);
  await cluster.backUp();
  const second = await cluster.backUp({ kind: 'snapshot', retention: 1 });
  assert.deepEqual([second.warnings, await cluster.listing()], [[], [`${second.id} complete`]]);
});

test('old backups that cannot be pruned are a warning: the new one is complete', async (t) => {
  const cluster = await scriptedCluster(t);
  const first = await cluster.backUp();
  cluster.store.hook = ({ verb, key }) => {
    if (verb === 'delete' && key === backupManifestKey(first)) {
      throw new Error('access denied');
    }
  };
  const second = await cluster.backUp({ kind: 'snapshot', retention: 1 });
  assert.deepEqual(second.warnings, ['old backups could not be pruned: access denied']);
  assert.deepEqual(await cluster.listing(), [`${first.id} complete`, `${second.id} complete`]);
});

test('a backup that is not complete prunes none', async (t) => {
  const cluster = await scriptedCluster(t);
  const first = await cluster.backUp();
  cluster.node('node1').remote.on(snapshot, fails('error: it hangs'));
  const second = await cluster.backUp({ kind: 'snapshot', retention: 1 });
  assert.equal(second.complete, false);
  assert.deepEqual((await cluster.listing())[0], `${first.id} complete`);
});
