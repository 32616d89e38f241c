/**
 * Writes a small backup of the present format below test/fixtures/manifests: run once per format, never again, since its
 * point is that later readers still read what was written then.
 *
 *     node scripts/write-manifest-fixtures.ts test/fixtures/manifests/format-1
 */
import { openDirectoryStore } from '../src/storage/directory/directory.ts';
import { Repository } from '../src/storage/backups/repository.ts';
import {
  backupManifestOf,
  nodeManifestOf,
  nodeOf,
  progressOf,
  storedOf,
  summary,
  tableOf,
  users,
} from '../test/support/manifests.ts';
import { never } from '../test/support/never.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  throw new Error('where to?');
}
const repository = new Repository(await openDirectoryStore(directory, { create: true }));

const id = '20261121T031500Z';
const child = { id: '20261121T091500Z', parent: id };
const index = `shop/users-${users.id}/.users_email/nb-3-big-Data.db`;
const tables = [
  {
    ...users,
    files: [
      storedOf('nb-12-big-Data.db', { digest: '00c0ffee', bytes: 1_048_576 }),
      storedOf('nb-12-big-SAI+aa+users_city+TermsData.db', { bytes: 0 }),
      storedOf('.users_email/nb-3-big-Data.db', {
        key: `20261120T031500Z/node1/${index}`,
        compression: 'none',
        since: '20261120T031500Z',
      }),
    ],
  },
  { ...tableOf('shop', 'MixedCase', 2), files: [] },
];
const setAside = [{ path: `shop/users-${users.id}/nb-9-big-Data.db`, bytes: 7, modified: '2026-11-20T22:00:00.1234567890Z' }];
const ring = { cluster: 'Test Cluster', partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner', nodes: [nodeOf(1)] };

await repository.saveNodeManifest(nodeManifestOf({ tables, setAside, keepsIncrementals: true }), never);
await repository.saveRing({ id }, ring, 'Datacenter: dc1\n', never);
await repository.saveSchema({ id }, 'CREATE TABLE shop.users (id int PRIMARY KEY);\n', never);
await repository.commit(
  backupManifestOf({ id, policy: 'daily', selection: ['shop', '!shop.cache'], nodes: [summary(1)] }),
  never,
);
await repository.saveNodeManifest(nodeManifestOf({ backup: child.id, parent: id }), never);
await repository.commit(backupManifestOf({ ...child, takenAt: '2026-11-21T09:15:00.000Z' }), never);
const nodes = [
  { host: 'node1', hostId: 'host-id-1', state: 'done' as const },
  { host: 'node2', hostId: 'host-id-2', state: 'failed' as const, error: 'disk is full' },
];
await repository.begin(progressOf({ id: '20261122T031500Z', startedAt: '2026-11-22T03:15:00.000Z', nodes }), never);
