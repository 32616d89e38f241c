import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import type { StoredFile } from '../../../../src/model/backup/manifest.ts';
import { fullDiskBehind } from '../../../../src/model/node/data-links.ts';
import {
  type DataDisk,
  fullDisk,
  ownDisk,
  planDisks,
  roomToFill,
  sstableNames,
} from '../../../../src/model/restore/disk-plan.ts';
import type { TablePart } from '../../../../src/model/restore/plan.ts';
import { dataPathFor, tableDirectory } from '../../../../src/model/sstable.ts';
import { storedOf, tableOf } from '../../../support/manifests.ts';

const users = tableOf('shop', 'users');

function diskOf(directory: string, changes: Partial<DataDisk> = {}): DataDisk {
  return { directory, device: directory, freeBytes: 1e9, totalBytes: 1e9, staged: false, ...changes };
}

function sstableOf(name: string, disk: number, bytes = 100): readonly StoredFile[] {
  return ['Data.db', 'Statistics.db', 'SAI+aa+x+Meta.db'].map((component) =>
    storedOf(`${name}-${component}`, { disk, bytes: component === 'Data.db' ? bytes : 1 }),
  );
}

function partOf(files: readonly StoredFile[], table = users): TablePart {
  return { directory: tableDirectory(table), table: { ...table, files } };
}

interface Question {
  readonly parts: readonly TablePart[];
  readonly before: readonly string[];
  readonly disks: readonly DataDisk[];
  readonly local?: string;
}

function planOf({ parts, before, disks, local }: Question): ReturnType<typeof planDisks> {
  const dataDirectories = disks.map(({ directory }) => directory);
  return planDisks(parts, before, disks, { dataDirectories, localSystemDirectory: local });
}

/** Names of sstables by the data directory that they go to. */
function placesOf({ parts }: Pick<ReturnType<typeof planDisks>, 'parts'>): Record<string, readonly string[]> {
  const filled = parts.filter(({ table }) => table.files.length > 0);
  return Object.fromEntries(filled.map((part) => [part.disk ?? '', sstableNames(part)]));
}

const three = [...sstableOf('nb-1-big', 0), ...sstableOf('nb-2-big', 1), ...sstableOf('.email/nb-2-big', 1)];

test('every sstable goes back to the disk that it came from, wherever that stands in the list now', () => {
  const question = { parts: [partOf(three)], before: ['/d1', '/d2'] };
  const back = { '/d1': ['nb-1-big'], '/d2': ['nb-2-big', '.email/nb-2-big'] };
  assert.deepEqual(placesOf(planOf({ ...question, disks: [diskOf('/d1'), diskOf('/d2')] })), back);
  const turned = planOf({ ...question, disks: [diskOf('/d2'), diskOf('/d3'), diskOf('/d1')] });
  assert.deepEqual(placesOf(turned), back);
  assert.deepEqual(turned.spread, []);
});

test('where paths are others, the place in the list counts', () => {
  const plan = planOf({ parts: [partOf(three)], before: ['/d1', '/d2'], disks: [diskOf('/a'), diskOf('/b'), diskOf('/c')] });
  assert.deepEqual(placesOf(plan), { '/a': ['nb-1-big'], '/b': ['nb-2-big', '.email/nb-2-big'] });
  assert.deepEqual(plan.spread, []);
});

test('what is staged for another disk lies apart, and the table’s own place is always there', () => {
  const files = sstableOf('nb-2-big', 1);
  const { parts } = planOf({ parts: [partOf(files)], before: ['/d1', '/d2'], disks: [diskOf('/d1'), diskOf('/d2')] });
  assert.deepEqual(
    parts.map(({ disk, directory, table }) => [disk, directory, table.files.length]),
    [
      ['/d1', tableDirectory(users), 0],
      ['/d2', `.disk-1/${tableDirectory(users)}`, 3],
    ],
  );
});

test('of more disks than there are now, the others’ sstables are spread by size, and that is said', () => {
  const large = [1, 2, 3, 4].flatMap((number) => sstableOf(`nb-${number}-big`, number - 1, number * 100));
  const before = ['/d1', '/d2', '/d3', '/d4'];
  const plan = planOf({ parts: [partOf(large)], before, disks: [diskOf('/d1'), diskOf('/d2')] });
  assert.deepEqual(placesOf(plan), { '/d1': ['nb-1-big', 'nb-4-big'], '/d2': ['nb-2-big', 'nb-3-big'] });
  assert.deepEqual(plan.spread, ['/d3', '/d4']);
});

test('what goes to a disk of twice the size is twice as much', () => {
  const many = Array.from({ length: 9 }, (_, number) => sstableOf(`nb-${number}-big`, 2)).flat();
  const disks = [diskOf('/a'), diskOf('/b', { totalBytes: 2e9 })];
  const places = placesOf(planOf({ parts: [partOf(many)], before: ['/d1', '/d2', '/d3'], disks }));
  assert.deepEqual([places['/a']?.length, places['/b']?.length], [3, 6]);
});

test('a disk that lacks the room for its own files sends all of them to where there is room', () => {
  const many = Array.from({ length: 10 }, (_, number) => sstableOf(`nb-${number}-big`, 0)).flat();
  const disks = [diskOf('/d1', { freeBytes: 300 }), diskOf('/d2', { freeBytes: 1000 })];
  const plan = planOf({ parts: [partOf(many)], before: ['/d1'], disks });
  const places = placesOf(plan);
  assert.deepEqual([places['/d1']?.length, places['/d2']?.length], [2, 8]);
  assert.deepEqual(plan.spread, ['/d1']);
  assert.equal(fullDiskBehind([], disks, plan.parts), undefined);
});

test('files that are staged on their disk need no more room; directories of one disk share theirs', () => {
  const bytes = () => 60;
  assert.equal(fullDisk([diskOf('/d1', { staged: true, freeBytes: 0 })], bytes), undefined);
  assert.equal(fullDisk([diskOf('/d1', { freeBytes: 64 }), diskOf('/d2', { freeBytes: 64 })], bytes), undefined);
  const shared = [diskOf('/d1', { device: '7', freeBytes: 100 }), diskOf('/d2', { device: '7', freeBytes: 100 })];
  assert.deepEqual(fullDisk(shared, bytes), { directory: '/d1', freeBytes: 100, bytes: 120 });
});

test('no disk is filled to its last byte: a twentieth of what is free is left, 1 GiB at most', () => {
  const bytes = () => 60;
  assert.deepEqual(fullDisk([diskOf('/d1', { freeBytes: 60 })], bytes), { directory: '/d1', freeBytes: 60, bytes: 60 });
  assert.equal(roomToFill(1000), 950);
  assert.equal(roomToFill(100 * 1024 ** 3), 99 * 1024 ** 3);
  assert.equal(roomToFill(0), 0);
});

test('what each node has for itself goes where Cassandra looks for it, and nothing else goes there', () => {
  const local = tableOf('system', 'local', 7);
  const parts = [partOf(sstableOf('nb-1-big', 2), local), partOf(sstableOf('nb-1-big', 1))];
  const before = ['/d1', '/d2', '/sys'];
  const apart = planOf({ parts, before, disks: [diskOf('/a'), diskOf('/sys')], local: '/sys' });
  assert.deepEqual(
    apart.parts.filter(({ table }) => table.files.length > 0).map(({ disk, table }) => [table.keyspace, disk]),
    [
      ['system', '/sys'],
      ['shop', '/a'],
    ],
  );
  assert.equal(ownDisk('system', { dataDirectories: ['/a', '/b'] }), '/a');
  const first = planOf({ parts, before, disks: [diskOf('/a'), diskOf('/b')] });
  assert.deepEqual(
    first.parts.filter(({ table }) => table.files.length > 0).map(({ disk, table }) => [table.keyspace, disk]),
    [
      ['system', '/a'],
      ['shop', '/b'],
    ],
  );
});

test('no file is lost or doubled, and all components of an sstable go to one disk', () => {
  const path = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom('Data.db', 'Index.db', 'TOC.txt'));
  const file = fc.tuple(path, fc.nat(5), fc.nat(1000)).map(([[number, component], disk, bytes]) => {
    return storedOf(`nb-${number}-big-${component}`, { disk, bytes });
  });
  const files = fc.uniqueArray(file, { selector: (each) => each.path });
  const room = fc.record({ freeBytes: fc.nat(3000), totalBytes: fc.nat(3000), staged: fc.boolean() });
  const disks = fc.array(room, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(files, disks, fc.nat(5), (all, rooms, sources) => {
      const now = rooms.map((each, index) => diskOf(`/d${index}`, each));
      const before = Array.from({ length: sources }, (_, index) => `/d${index * 2}`);
      const { parts } = planOf({ parts: [partOf(all)], before, disks: now });
      const placed = parts.flatMap(({ table, disk }) => table.files.map((each) => ({ ...each, placed: disk })));
      assert.deepEqual(placed.map((each) => each.path).toSorted(), all.map((each) => each.path).toSorted());
      const places = new Set(placed.map((each) => `${dataPathFor(each.path)} ${each.placed}`));
      assert.equal(places.size, new Set(placed.map((each) => dataPathFor(each.path))).size);
    }),
  );
});
