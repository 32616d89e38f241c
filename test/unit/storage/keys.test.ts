import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as keys from '../../../src/storage/keys.ts';
import * as locationKeys from '../../../src/storage/location-keys.ts';
import { users } from '../../support/manifests.ts';

const snapshot = { id: 's1' };
const incremental = { id: 'i1', parent: 's1' };
const directory = `shop/users-${users.id}`;

test('an incremental backup lies inside its parent, with the same shape', () => {
  assert.equal(keys.backupManifestKey(snapshot), 's1/manifest.json');
  assert.equal(keys.backupManifestKey(incremental), 's1/incrementals/i1/manifest.json');
  assert.equal(keys.inProgressKey(incremental), 's1/incrementals/i1/in-progress.json');
  assert.equal(keys.nodeManifestKey(incremental, 'n1'), 's1/incrementals/i1/n1/manifest.json.gz');
  assert.equal(keys.draftKey(snapshot, 'n1'), 's1/n1/draft.json.gz');
  assert.equal(keys.incrementalsPrefix('s1'), 's1/incrementals/');
  assert.equal(keys.closedKey('s1'), 's1/chain-closed.txt');
});

test('a component keeps its name and place, with .lzo only where it is a container', () => {
  const path = '.users_email/nb-1-big-SAI+aa+x+TermsData.db';
  assert.equal(keys.componentKey(snapshot, 'n1', users, path, 'lzo'), `s1/n1/${directory}/${path}.lzo`);
  assert.equal(keys.componentKey(incremental, 'n1', users, path, 'none'), `s1/incrementals/i1/n1/${directory}/${path}`);
});

test('the node and backup of a key are found from it, wherever the backup lies', () => {
  for (const ref of [snapshot, incremental, { id: 'incrementals1' }]) {
    const key = keys.componentKey(ref, 'n1', users, '.idx/nb-1-big-Data.db', 'lzo');
    assert.equal(keys.hostPrefixOf(key), keys.hostPrefix(ref, 'n1'));
  }
});

test('a host’s name stands as one segment of a key and takes nobody else’s place', () => {
  for (const name of ['n1', '10.0.0.1', 'fe80::1%eth0', 'cass-1.example.com', '_x']) {
    assert.ok(keys.isHostSegment(name), name);
  }
  for (const name of [
    '',
    '.',
    '..',
    'a/b',
    '-n',
    'a b',
    'incrementals',
    'manifest.json',
    'in-progress.json',
    'ring',
    'ring.json',
    'schema.cql',
    'chain-closed.txt',
    'compression-dictionaries.cql',
  ]) {
    assert.ok(!keys.isHostSegment(name), name);
  }
});

test('what could not be a key of ours lies in no backup, so that nobody tries to delete it', () => {
  for (const key of [`s1//n1/${directory}/x`, `s1/n1/${directory}/../x`, `s1/n1/${directory}/a\u001b`, 's1/./manifest.json']) {
    assert.equal(keys.placeOf(key), undefined);
  }
});

test('the form of a component’s key is that of no other object', () => {
  const path = 'nb-1-big-Data.db';
  for (const ref of [snapshot, incremental]) {
    assert.match(keys.componentKey(ref, 'n1', users, path, 'lzo'), keys.componentKeyForm);
    for (const other of [
      keys.backupManifestKey(ref),
      keys.nodeManifestKey(ref, 'n1'),
      keys.schemaKey(ref),
      locationKeys.lockKey(),
    ]) {
      assert.doesNotMatch(other, keys.componentKeyForm);
    }
  }
});

test('what says who reads, and what was forgotten, lies where no backup can, and is known by its form', () => {
  const token = '0b9d2c4e-58a1-4b0e-9f5d-1c2d3e4f5a6b';
  assert.ok(locationKeys.isReadingKey(locationKeys.readingKey(token)));
  for (const key of ['reading/notes.json', `reading/${token}`, `other/${token}.json`, `reading/${token}.json/x`]) {
    assert.ok(!locationKeys.isReadingKey(key), key);
  }
  for (const ref of [snapshot, incremental]) {
    assert.deepEqual(locationKeys.forgottenRefOf(locationKeys.forgottenKey(ref)), ref);
    assert.equal(keys.placeOf(locationKeys.forgottenKey(ref)), undefined);
  }
  for (const key of ['forgotten/notes.json', 'forgotten/s1', 'forgotten/s1/i1/x1.json', 'forgotten/20261199T000000Z.json']) {
    assert.equal(locationKeys.forgottenRefOf(key), undefined, key);
  }
});

test('a key has the role of its place, and what has none is not ours', () => {
  const roleOf = (key: string): unknown => keys.placeOf(key)?.role;
  for (const ref of [snapshot, incremental]) {
    assert.equal(roleOf(keys.backupManifestKey(ref)), 'manifest');
    assert.equal(roleOf(keys.inProgressKey(ref)), 'mark');
    assert.equal(roleOf(keys.nodeManifestKey(ref, 'n1')), 'node-manifest');
    for (const name of [
      'nb-1-big-Data.db',
      '.idx/nb-1-big-Data.db',
      'me-3h5p_02gl_13nh62nziejh6er5ag-big-TOC.txt',
      'ks-users-ka-1-Data.db',
    ]) {
      assert.equal(roleOf(keys.componentKey(ref, 'n1', users, name, 'lzo')), 'component', name);
      assert.equal(roleOf(keys.componentKey(ref, 'n1', users, name, 'none')), 'component', name);
    }
    // Unknown ones are stored like known ones: a manifest tells them from what somebody else has laid there.
    assert.equal(roleOf(keys.componentKey(ref, 'n1', users, 'notes.txt', 'none')), 'file');
  }
  for (const key of [
    's1/notes.txt',
    's1/n1/notes.txt',
    's1/n1/shop/notes.txt',
    's1/n1/shop/users/nb-1-big-Data.db',
    's1/incrementals/x',
  ]) {
    assert.deepEqual([keys.placeOf(key) === undefined, roleOf(key)], [false, undefined], key);
  }
  assert.equal(keys.placeOf('20261199T000000Z/manifest.json'), undefined, 'no clock says that');
});

test('what only looks like a component is none by its name, in whatever place of the layout', () => {
  const roleOf = (path: string): unknown => keys.placeOf(keys.componentKey(snapshot, 'n1', users, path, 'none'))?.role;
  for (const path of [
    'nb-1-big-Data.db.lzo',
    'nb-1-big-SAI+aa+users_city+TermsData.db',
    'nb-1-big-SI_by_name.db',
    'la-7-big-Digest.adler32',
    'again-1a2b3c4d/nb-1-big-Data.db',
    'again-1a2b3c4d/.idx/nb-1-big-Data.db.lzo',
  ]) {
    assert.equal(roleOf(path), 'component', path);
  }
  for (const path of [
    'nb-1-big-Data.db.lzo.orig',
    'nb-9-big-Data.db.lzo.bak',
    'nb-1-big-Data.db.lzo.lzo',
    'nb-1-big-Data.db~',
    'nb-1-big-Data.db (copy)',
    'nb-1-big-TOC.txt.tmp',
    'nb-1-big-.lzo',
    'old/nb-1-big-Data.db',
    'again-1a2b3c4/nb-1-big-Data.db',
    'again-1a2b3c4d/again-1a2b3c4d/nb-1-big-Data.db',
    '.idx/again-1a2b3c4d/nb-1-big-Data.db',
    '.idx/.idx/nb-1-big-Data.db',
  ]) {
    assert.equal(roleOf(path), 'file', path);
  }
  assert.equal(keys.placeOf(`s1/n1/a b/users-${users.id}/nb-1-big-Data.db`)?.role, undefined, 'no keyspace has a space');
  assert.equal(keys.placeOf('s1/incrementals/i1/chain-closed.txt')?.role, undefined, 'nothing builds on an incremental backup');
});

const component = fc.constantFrom('Data.db', 'Statistics.db', 'Digest.crc32', 'TOC.txt', 'SAI+aa+x+TermsData.db', 'SI_x.db');
const directoryInTable = fc.constantFrom('', '.idx/', 'again-0a1b2c3d/', 'again-0a1b2c3d/.idx/');

/** Keys that the layout gives, each as this program builds it. */
const ofLayout = fc
  .record({
    ref: fc.constantFrom<{ id: string; parent?: string }>(snapshot, incremental),
    path: fc.tuple(directoryInTable, fc.nat(), component).map(([below, number, name]) => `${below}nb-${number}-big-${name}`),
    compression: fc.constantFrom('lzo' as const, 'none' as const),
    kind: fc.nat(7),
  })
  .map(({ ref, path, compression, kind }) => {
    const keyOf = [
      () => keys.backupManifestKey(ref),
      () => keys.inProgressKey(ref),
      () => keys.nodeManifestKey(ref, 'n1'),
      () => keys.draftKey(ref, 'n1'),
      () => keys.clusterKeys(ref)[kind % 4] ?? '',
      () => keys.closedKey('s1'),
      () => keys.componentKey(ref, 'n1', users, path, compression),
      () => keys.componentKey(ref, 'n1', users, path, compression),
    ][kind];
    return keyOf?.() ?? '';
  });

const canGo = (key: string): boolean => !['file', undefined].includes(keys.placeOf(key)?.role);

test('a name of the layout that has grown at its end is nobody’s, and so is one that lies a directory deeper', () => {
  const suffix = fc.oneof(
    fc.constantFrom('.orig', '.bak', '~', '.lzo.orig', '.1', ' (copy)', '.json.old', '-', '/x', '/nb-1-big-Data.db'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  );
  fc.assert(
    fc.property(ofLayout, suffix, (key, grown) => {
      assert.ok(canGo(key), key);
      // `ring.json` lies beside `ring`, a container beside its bytes.
      fc.pre(!/^(?:\.lzo|\.json)$/.test(grown));
      assert.ok(!canGo(`${key}${grown}`), `${key}${grown}`);
    }),
  );
  fc.assert(
    fc.property(ofLayout, fc.nat(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), (key, at, name) => {
      const segments = key.split('/');
      const index = 1 + (at % (segments.length - 1));
      // A directory of an index, or of an attempt, is one of the layout's.
      fc.pre(!name.includes('/') && !/^(?:\.\w+|again-.*)$/.test(name));
      const deeper = segments.toSpliced(index, 0, name).join('/');
      assert.ok(!canGo(deeper), deeper);
    }),
  );
});

test('beside the backups nothing is ours that has another form than what this program writes there', () => {
  const ours = [
    [locationKeys.isReadingKey, locationKeys.readingKey('0b9d2c4e-58a1-4b0e-9f5d-1c2d3e4f5a6b')],
    [locationKeys.isProbeKey, locationKeys.probeKey('0b9d2c4e')],
    [(key: string) => locationKeys.forgottenRefOf(key) !== undefined, locationKeys.forgottenKey(incremental)],
  ] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...ours),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
      ([isOurs, key], grown) => {
        assert.ok(isOurs(key), key);
        assert.ok(!isOurs(`${key}${grown}`) || `${key}${grown}`.endsWith('.json'), `${key}${grown}`);
        assert.ok(!isOurs(`x/${key}`), key);
      },
    ),
  );
  assert.ok(!locationKeys.isReadingKey(`reading/${'-'.repeat(36)}.json`));
});
