import { never } from '../../../../support/never.ts';
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { NodeMatch } from '../../../../../src/model/target/node-match.ts';
import { tableFilter } from '../../../../../src/model/options/table-filter.ts';
import { underCopyNames } from '../../../../../src/operations/restore/planning/copies.ts';
import { planCoverage, unevenWarnings } from '../../../../../src/operations/restore/planning/coverage.ts';
import { type Sources, chooseSources, readableRing } from '../../../../../src/operations/restore-sources.ts';
import { openDirectoryStore } from '../../../../../src/storage/directory/directory.ts';
import { LocationHistory } from '../../../../support/location-history.ts';
import { nodeOf, users } from '../../../../support/manifests.ts';
import { everyTable } from '../../../../../src/storage/backups/node-manifest-format.ts';
import { temporaryDirectory } from '../../../../support/temporary.ts';

const id = '20261121T031500Z';
const schema = "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";
const partitioner = 'ByteOrderedPartitioner';
const whole = { keyspace: 'shop', missing: [], missingShare: 0, thinShare: 0 };

/** A backup of node1 and node2, from a ring of as many nodes as are given. */
async function backedUp(t: TestContext, ring: readonly number[]) {
  const root = await temporaryDirectory(t);
  await mkdir(join(root, 'bucket'));
  const history = new LocationHistory(await openDirectoryStore(join(root, 'bucket')));
  const { repository } = history;
  await history.complete({ id, takenAt: new Date(), hosts: [1, 2] });
  await repository.saveRing({ id }, { cluster: 'c', partitioner, nodes: ring.map(nodeOf) }, 'ring', never);
  await repository.saveSchema({ id }, schema, never);
  const sources = (only: readonly string[] = [], name = id): Promise<Sources> =>
    chooseSources({ choice: { name }, only, filter: tableFilter([]) }, { repository, listen: () => {} }, never);
  const coverage = async (of: Sources, gone: readonly NodeMatch[] = []) =>
    planCoverage(of, { ring: await readableRing(repository, of.ref, never), gone });
  return { history, sources, coverage };
}

test('a backup of all nodes covers the ring, and one node of it its own ranges', async (t) => {
  const { sources, coverage } = await backedUp(t, [1, 2]);
  assert.deepEqual(await coverage(await sources()), [whole]);
  const [found] = await coverage(await sources(['node2']));
  assert.ok(found !== undefined && 'missing' in found);
  assert.equal(found.missingShare, 50);
});

test('a node of the ring that was not backed up is missed, and so is one whose data has nowhere to go', async (t) => {
  const lacking = await backedUp(t, [1, 2, 3, 4]);
  const [found] = await lacking.coverage(await lacking.sources());
  assert.ok(found !== undefined && 'missing' in found);
  assert.equal(found.missingShare, 50);

  const { sources, coverage } = await backedUp(t, [1, 2]);
  const chosen = await sources();
  const [source] = chosen.ring;
  assert.ok(source !== undefined);
  const gone: NodeMatch = { source, target: { host: 'down' }, by: 'name' };
  assert.deepEqual(await coverage(chosen, [gone]), await coverage(await sources(['node2'])));
});

test('of a keyspace a node counts for nothing that lacks one of its tables, and the plan says so', async (t) => {
  const { history, sources, coverage } = await backedUp(t, [1, 2]);
  const manifest = await history.repository.nodeManifest({ id }, 'node1', everyTable, never);
  assert.ok(manifest !== undefined);
  await history.repository.saveNodeManifest({ ...manifest, tables: [] }, never);
  const chosen = await sources();
  assert.deepEqual(await coverage(chosen), await coverage(await sources(['node2'])));
  assert.deepEqual(unevenWarnings(chosen), [
    `the backup has nothing of shop.users (id ${users.id}) of node1: rows that only those nodes held do not come back`,
  ]);
  assert.deepEqual(unevenWarnings(await sources(['node2'])), []);
});

test('a copy is covered as what it is a copy of', async (t) => {
  const { sources, coverage } = await backedUp(t, [1, 2, 3]);
  const chosen = await sources();
  const copy = { from: { keyspace: 'shop', table: 'users' }, to: { keyspace: 'copies', table: 'users' } };
  assert.deepEqual(await coverage(underCopyNames(chosen, [copy])), await coverage(chosen));
});

test('without a ring that can be read nobody knows, and the restore goes on', async (t) => {
  const { history, sources, coverage } = await backedUp(t, [1, 2]);
  const unknown = [{ keyspace: 'shop', unknown: 'the backup has no ring.json that says which nodes there were' }];
  await history.unfinished({ id: '20261122T031500Z', takenAt: new Date(), hosts: [1, 2] });
  assert.deepEqual(await coverage(await sources([], '20261122T031500Z')), unknown);

  await history.put(`${id}/ring.json`, '{"nodes": 3}');
  assert.deepEqual(await coverage(await sources()), unknown);
});
