import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { olderTag } from '../../../../src/model/node/snapshot-tag.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { Repository } from '../../../../src/storage/backups/repository.ts';
import { inProgressKey } from '../../../../src/storage/keys.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';
import { textOf } from '../../../support/bodies.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, scriptedCluster } from '../../../support/scripted-cluster.ts';
import { fails, onCall, program } from '../../../support/scripted-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const snapshot = program('nodetool', 'snapshot');
const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);

/** Changes the mark of a run, as another program could. */
async function remark(cluster: ScriptedCluster, id: string, change: (mark: Record<string, unknown>) => void): Promise<void> {
  const key = inProgressKey({ id });
  const mark = JSON.parse(await textOf(cluster.store, key)) as Record<string, unknown>;
  change(mark);
  await cluster.store.put(key, Buffer.from(JSON.stringify(mark)), {}, never);
}

test('two locations with a backup of one name have snapshots of their own, and neither clears the other’s', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const path = join(await temporaryDirectory(t), 'elsewhere');
  const elsewhere = new Repository(await openDirectoryStore(path, { create: true }), { keys: [], required: false });
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const first = await cluster.backUp({ timestampFormat: '%Y' });
  assert.equal(first.complete, false);
  const left = [cluster.tagOf(first.id)];
  assert.deepEqual(await cluster.node('node2').snapshots(), left);
  const parts = { repository: elsewhere };
  const second = await cluster.backUp({ timestampFormat: '%Y' }, { parts });
  assert.deepEqual([second.id, second.complete], [first.id, true]);
  assert.deepEqual(await cluster.node('node2').snapshots(), left, 'another location’s snapshot was touched');
  // Nor does one that clears what its own older runs have left.
  cluster.node('node2').remote.on(reading, onCall(2, fails('cat: Input/output error', 123)));
  await cluster.backUp({ kind: 'snapshot' }, { parts });
  await cluster.backUp({ kind: 'snapshot' }, { parts });
  assert.ok((await cluster.node('node2').snapshots()).includes(left[0] ?? ''));
  const again = await cluster.backUp({ resume: true });
  assert.deepEqual([again.id, again.complete], [first.id, true]);
  assert.equal(
    cluster
      .node('node2')
      .remote.ran(snapshot)
      .filter((line) => line.includes(left[0] ?? '')).length,
    1,
  );
});

test('a run that an older version began goes on with the snapshot that it took', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const { id } = await cluster.backUp();
  const node = cluster.node('node2');
  for (const table of node.view.tables) {
    const place = join(node.live(table), 'snapshots');
    await rename(join(place, cluster.tagOf(id)), join(place, olderTag(id)));
  }
  await remark(cluster, id, (mark) => delete mark['snapshot']);
  const before = node.remote.ran(snapshot).length;
  const result = await cluster.backUp({ resume: true });
  assert.deepEqual([result.id, result.complete], [id, true]);
  assert.equal(node.remote.ran(snapshot).length, before, 'another snapshot was taken');
  assert.deepEqual(await node.snapshots(), []);
});

test('what an older version left of a run that nobody goes on with is cleared too', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const { id } = await cluster.backUp();
  await remark(cluster, id, (mark) => delete mark['snapshot']);
  const node = cluster.node('node1');
  await node.takeSnapshot(olderTag(id));
  await node.takeSnapshot('weekly-1');
  assert.equal((await cluster.backUp({ kind: 'snapshot' })).complete, true);
  assert.deepEqual(await node.snapshots(), ['weekly-1']);
});

test('a mark that names the operator’s snapshot is damage: nothing is cleared by it', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const { id } = await cluster.backUp();
  await remark(cluster, id, (mark) => (mark['snapshot'] = 'weekly-1'));
  await cluster.node('node1').takeSnapshot('weekly-1');
  const result = await cluster.backUp();
  assert.deepEqual([result.id === id, result.complete], [false, true]);
  assert.match(result.warnings.join('\n'), /in-progress\.json names a snapshot of another backup: weekly-1/);
  assert.deepEqual(await cluster.node('node1').snapshots(), ['weekly-1']);
});

test('snapshots end by themselves, and a run does not go on with one that soon will', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const node = cluster.node('node2');
  const ttls = () => node.remote.ran(snapshot).map((line) => / --ttl (\S+)/.exec(line)?.[1]);
  await cluster.backUp({ snapshotTtl: 'auto' });
  node.remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const { id } = await cluster.backUp({ kind: 'snapshot', selfContained: true, snapshotTtl: 'auto' });
  assert.deepEqual(ttls(), ['2592000s', '604800s']);
  const inAnHour = new Date(Date.now() + 3600_000).toISOString();
  for (const table of node.view.tables) {
    const path = join(node.live(table), 'snapshots', cluster.tagOf(id), 'manifest.json');
    const list = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...list, expires_at: inAnHour }));
  }
  const result = await cluster.backUp({ resume: true, selfContained: true, snapshotTtl: 'none' });
  assert.deepEqual([result.id, result.complete], [id, true]);
  assert.deepEqual(ttls(), ['2592000s', '604800s', undefined], 'another was taken');
});
