import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManifestRoom, joinPages } from '../../../../src/storage/backups/joined-pages.ts';
import type { NodeManifest } from '../../../../src/model/backup/manifest.ts';
import { nodeManifestOf } from '../../../support/manifests.ts';

async function* pagesOf(...pages: readonly NodeManifest[]): AsyncGenerator<NodeManifest> {
  yield* pages;
}

const bare = (count: number): NodeManifest => ({
  ...nodeManifestOf(),
  tables: Array.from({ length: count }, () => ({ keyspace: 'k', table: 't', id: '0'.repeat(32), files: [] })),
});

test('manifests that are read together have one room, and tables without files take of it', async () => {
  const room = new ManifestRoom(10);
  assert.equal((await joinPages(pagesOf(bare(4), bare(3)), room))?.tables.length, 7);
  await assert.rejects(joinPages(pagesOf(bare(4)), room), { name: 'IntegrityError', message: /more files than can be held/ });
});

test('a page may have more tables than a call can have arguments', async () => {
  assert.equal((await joinPages(pagesOf(bare(200_000))))?.tables.length, 200_000);
});
