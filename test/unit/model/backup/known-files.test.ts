import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { knownFiles, sstableDigest } from '../../../../src/model/backup/known-files.ts';
import { componentOf, nodeManifestOf, storedOf, tableOf, users } from '../../../support/manifests.ts';

const digest = '12345678';
const held = ['nb-1-big-Data.db', 'nb-1-big-Statistics.db', '.users_email/nb-1-big-Data.db'].map((path) =>
  storedOf(path, path.endsWith('Data.db') ? { digest } : {}),
);
const known = knownFiles([nodeManifestOf({ tables: [{ ...users, files: held }] })]);

test('a component with the same table, name, size, time and digest is known', () => {
  for (const file of held) {
    assert.equal(known.find(componentOf(file.path), digest), file);
  }
});

test('any difference at all makes it unknown', () => {
  const change = fc.oneof(
    fc.record({ bytes: fc.nat().filter((bytes) => bytes !== 100) }),
    fc.record({ modified: fc.constantFrom('2026-11-21T03:00:00.123456780Z', '2026-11-21T03:00:00Z', '') }),
    fc.record({ table: fc.constantFrom(tableOf('shop', 'users', 2), tableOf('shop', 'users2'), tableOf('shop2', 'users')) }),
    fc.record({
      path: fc.constantFrom('nb-2-big-Data.db', 'nb-1-big-Index.db', '.users_city/nb-1-big-Data.db', 'oa-1-big-Data.db'),
    }),
  );
  const otherDigest = fc.constantFrom(undefined, '12345679', '00000000', '');
  fc.assert(
    fc.property(fc.constantFrom(...held), change, (file, changes) => {
      assert.equal(known.find(componentOf(file.path, changes), digest), undefined);
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...held), otherDigest, (file, other) => {
      assert.equal(known.find(componentOf(file.path), other), undefined);
    }),
  );
});

test('a component whose Data.db is not in the same manifest is unknown: nobody can say whose it is', () => {
  const alone = knownFiles([nodeManifestOf({ tables: [{ ...users, files: [storedOf('nb-1-big-Statistics.db')] }] })]);
  assert.equal(alone.find(componentOf('nb-1-big-Statistics.db'), digest), undefined);
  const apart = knownFiles([
    nodeManifestOf({ tables: [{ ...users, files: [storedOf('nb-1-big-Statistics.db')] }] }),
    nodeManifestOf({ tables: [{ ...users, files: [storedOf('nb-1-big-Data.db', { digest })] }] }),
  ]);
  assert.equal(apart.find(componentOf('nb-1-big-Statistics.db'), digest), undefined);
});

test('a file that is no sstable component is never taken for known', () => {
  const odd = knownFiles([nodeManifestOf({ tables: [{ ...users, files: [storedOf('odd.bin', { digest })] }] })]);
  assert.equal(odd.find(componentOf('odd.bin'), digest), undefined);
});

test('of several manifests that hold a component, the last one’s object is taken', () => {
  const manifests = ['one', 'two', 'three'].map((since) =>
    nodeManifestOf({
      tables: [{ ...users, files: [storedOf('nb-1-big-Data.db', { digest, since, bytes: since === 'three' ? 1 : 100 })] }],
    }),
  );
  assert.equal(knownFiles(manifests).find(componentOf('nb-1-big-Data.db'), digest)?.since, 'two');
});

test('the digest of an sstable is asked for by its own Data.db, in an index’s directory too', () => {
  const asked: string[] = [];
  const ask = (path: string): string => {
    asked.push(path);
    return digest;
  };
  assert.equal(sstableDigest({ table: users, path: '.idx/nb-7-big-SAI+aa+x+TermsData.db' }, ask), digest);
  assert.equal(sstableDigest({ table: users, path: 'odd.bin' }, ask), undefined);
  assert.deepEqual(asked, ['.idx/nb-7-big-Data.db']);
});
