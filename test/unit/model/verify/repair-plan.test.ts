import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredFile } from '../../../../src/model/backup/manifest.ts';
import { lostObjects, withStored } from '../../../../src/model/verify/repair-plan.ts';
import { type NamedFile, type ProblemKind, componentProblem } from '../../../../src/model/verify/verify-plan.ts';
import { nodeManifestOf, storedOf, users } from '../../../support/manifests.ts';

const data = storedOf('nb-1-big-Data.db');
const manifest = nodeManifestOf({ tables: [{ ...users, files: [data, storedOf('nb-1-big-Filter.db')] }] });

function problem(kind: ProblemKind, file: StoredFile = data) {
  const named: NamedFile = { table: users, file };
  return componentProblem(kind, kind, manifest, named, 'new');
}

function stored(changes: Partial<StoredFile> = {}) {
  const wanted = { hostId: 'host-id-1', table: users, file: data };
  const { storedBytes, storedCrc32 = '', etag } = { ...data, ...changes };
  return new Map([[data.key, { storedBytes, storedCrc32, etag, wanted }]]);
}

test('an object that several backups miss is mended once', () => {
  const lost = lostObjects([problem('missing'), problem('dangling'), problem('size', storedOf('nb-2-big-Data.db'))]);
  assert.deepEqual(
    lost.map(({ wanted }) => wanted.file.path),
    ['nb-1-big-Data.db', 'nb-2-big-Data.db'],
  );
});

test('a suspicious etag alone makes a suspect, together with anything else it makes none', () => {
  const suspects = (...kinds: readonly ProblemKind[]) =>
    lostObjects(kinds.map((kind) => problem(kind))).map(({ suspect }) => suspect);
  assert.deepEqual(suspects('etag'), [true]);
  assert.deepEqual(suspects('etag', 'etag'), [true]);
  assert.deepEqual(suspects('etag', 'size'), [false]);
  assert.deepEqual(suspects('size', 'etag'), [false]);
});

test('manifests and orphans cannot be mended from a node', () => {
  const head = { backup: 'b1', host: 'node1', path: '', key: 'b1/node1/x', detail: '' };
  assert.deepEqual(
    lostObjects([
      { kind: 'manifest', ...head },
      { kind: 'orphan', ...head },
    ]),
    [],
  );
});

test('a manifest takes over what is new about an object and leaves the rest alone', () => {
  const changed = { storedBytes: 71, storedCrc32: '01020304', etag: 'new' };
  const renewed = withStored(manifest, stored(changed));
  const [first, second] = renewed?.tables[0]?.files ?? [];
  assert.deepEqual(first, { ...data, ...changed });
  assert.deepEqual(second, manifest.tables[0]?.files[1]);
  assert.deepEqual({ ...renewed, tables: [] }, { ...manifest, tables: [] });
});

test('a manifest that says the same already, or names none of the objects, is not written again', () => {
  assert.equal(withStored(manifest, stored()), undefined);
  assert.equal(withStored(nodeManifestOf(), stored({ etag: 'new' })), undefined);
});

test('a line of the same key that speaks of another component is left as it is', () => {
  for (const change of [{ bytes: 101 }, { modified: '2026-11-21T03:00:01Z' }, { path: 'nb-9-big-Data.db' }]) {
    const other = nodeManifestOf({ tables: [{ ...users, files: [{ ...data, ...change }] }] });
    assert.equal(withStored(other, stored({ etag: 'new' })), undefined);
  }
});
