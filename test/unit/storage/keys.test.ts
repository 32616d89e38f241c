import assert from 'node:assert/strict';
import { test } from 'node:test';
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
