import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directoriesOf, parseSettings } from '../../../../src/cluster/cql/running-directories.ts';
import { directoriesByBackup, withRunning } from '../../../../src/model/node/data-directories.ts';

const id = 'a'.repeat(32);

test('what the server works with stands in the order of the file, and the file’s own list beside it', () => {
  const config = { dataDirectories: ['/a', '/new'], edited: true };
  assert.deepEqual(withRunning(config, ['/b', '/a']), {
    dataDirectories: ['/a', '/b'],
    edited: undefined,
    comingDirectories: ['/a', '/new'],
  });
  assert.deepEqual(withRunning(config, ['/new', '/a']), { dataDirectories: ['/a', '/new'], edited: undefined });
});

test('of Cassandra 3 a backup tells only that nothing was changed', () => {
  const witness = { id: 'x', takenAt: '2026-11-29T00:00:00Z', dataDirectories: ['/a', '/b'] };
  const since = (version: string) => ({ startedAt: Date.parse('2026-11-01T00:00:00Z'), version });
  const file = { dataDirectories: ['/a'] };
  assert.deepEqual(directoriesByBackup(file, witness, since('4.0.11')), ['/a', '/b']);
  assert.equal(directoriesByBackup(file, witness, since('3.11.17')), undefined);
  assert.deepEqual(directoriesByBackup({ dataDirectories: ['/b', '/a'] }, witness, since('3.11.17')), ['/a', '/b']);
  assert.equal(directoriesByBackup(file, undefined, since('4.0.11')), undefined);
  assert.equal(directoriesByBackup(file, witness, { startedAt: undefined, version: '4.0.11' }), undefined);
  const later = { startedAt: Date.parse('2026-11-30T00:00:00Z'), version: '4.0.11' };
  assert.equal(directoriesByBackup(file, witness, later), undefined);
});

test('settings are read as Cassandra prints them, and as JSON; the directory for local tables comes last', () => {
  const text = (value: string, local: string | null) =>
    [
      { name: 'data_file_directories', value },
      { name: 'local_system_data_file_directory', value: local },
    ]
      .map((row) => JSON.stringify(row))
      .join('\n');
  assert.deepEqual(parseSettings(text('[/d 1, /d2/]', '/fast')), ['/d 1', '/d2', '/fast']);
  assert.deepEqual(parseSettings(text('["/d1","/d2"]', null)), ['/d1', '/d2']);
  assert.deepEqual(parseSettings(text('[]', null)), []);
  assert.deepEqual(parseSettings('nothing'), []);
});

test('a table behind a link names no data directory', () => {
  const text = `Keyspace: system_auth\n\tTable: roles\n\tPaths:\n\t\t/d1/system_auth/roles-${id}\n\t\t/d 2/system_auth/roles-${id}\n
Keyspace: shop\n\tTable: users\n\tPaths:\n\t\t/elsewhere/shop/users-${id}\n`;
  assert.deepEqual(directoriesOf(text), ['/d1', '/d 2']);
});
