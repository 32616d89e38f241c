import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StoredFile } from '../../../../src/model/backup/manifest.ts';
import {
  type NamedFile,
  type SeenObject,
  filesOf,
  isDamage,
  listedProblems,
  orphanProblems,
  sampleFiles,
} from '../../../../src/model/verify/verify-plan.ts';
import { nodeManifestOf, storedOf, users } from '../../../support/manifests.ts';

const isOwn = (key: string): boolean => key.startsWith('20261121T031500Z/node1/');
const rules = { isOwn, etags: true };

function manifestOf(...files: readonly StoredFile[]) {
  return nodeManifestOf({ tables: [{ ...users, files }] });
}

function asStored(files: readonly StoredFile[]): Map<string, SeenObject> {
  return new Map(files.map(({ key, storedBytes, etag }) => [key, { bytes: storedBytes, etag }]));
}

function named(files: readonly StoredFile[]): readonly NamedFile[] {
  return filesOf(manifestOf(...files));
}

test('objects that are listed as they were stored are no problem', () => {
  const files = [storedOf('nb-1-big-Data.db'), storedOf('.idx/nb-1-big-Data.db'), storedOf('nb-1-big-Filter.db', { bytes: 0 })];
  const manifest = manifestOf(...files);
  assert.deepEqual(listedProblems(manifest, filesOf(manifest), asStored(files), rules), []);
});

test('a missing object is missing from its own backup and dangling from another', () => {
  const own = storedOf('nb-1-big-Data.db');
  const other = storedOf('nb-2-big-Data.db', { since: '20261120T031500Z' });
  const manifest = manifestOf(own, other);
  const problems = listedProblems(manifest, filesOf(manifest), new Map(), rules);
  assert.deepEqual(
    problems.map(({ kind, path, key }) => [kind, path, key]),
    [
      ['missing', `shop/users-${users.id}/nb-1-big-Data.db`, own.key],
      ['dangling', `shop/users-${users.id}/nb-2-big-Data.db`, other.key],
    ],
  );
  assert.match(problems[1]?.detail ?? '', /20261120T031500Z/);
});

test('a difference of one byte in size is a problem, whatever the etag', () => {
  const file = storedOf('nb-1-big-Data.db');
  const manifest = manifestOf(file);
  const objects = new Map([[file.key, { bytes: file.storedBytes + 1, etag: file.etag }]]);
  assert.deepEqual(
    listedProblems(manifest, filesOf(manifest), objects, rules).map(({ kind }) => kind),
    ['size'],
  );
});

test('another etag is a problem only where etags are made of contents', () => {
  const file = storedOf('nb-1-big-Data.db');
  const manifest = manifestOf(file);
  const objects = new Map([[file.key, { bytes: file.storedBytes, etag: 'another' }]]);
  const [problem] = listedProblems(manifest, filesOf(manifest), objects, rules);
  assert.deepEqual([problem?.kind, problem?.component?.etag], ['etag', 'another']);
  assert.deepEqual(listedProblems(manifest, filesOf(manifest), objects, { ...rules, etags: false }), []);
});

test("a problem carries its sstable's digest, in an index's directory that of the index", () => {
  const files = [
    storedOf('nb-1-big-Data.db', { digest: '11111111' }),
    storedOf('nb-1-big-Filter.db'),
    storedOf('.idx/nb-1-big-Data.db', { digest: '22222222' }),
    storedOf('.idx/nb-1-big-Filter.db'),
    storedOf('nb-2-big-Filter.db'),
  ];
  const manifest = manifestOf(...files);
  assert.deepEqual(
    listedProblems(manifest, filesOf(manifest), new Map(), rules).map(({ component }) => component?.digest),
    ['11111111', '11111111', '22222222', '22222222', undefined],
  );
});

test('an orphan is what lies in the own directory, is named by nobody, and is no manifest', () => {
  const file = storedOf('nb-1-big-Data.db');
  const manifest = manifestOf(file);
  const prefix = '20261121T031500Z/node1/';
  const objects = new Map([
    ...asStored([file]),
    [`${prefix}manifest.json.gz`, { bytes: 1, etag: 'a' }],
    [`${prefix}shop/old.lzo`, { bytes: 2, etag: 'b' }],
    ['20261120T031500Z/node1/shop/old.lzo', { bytes: 3, etag: 'c' }],
  ]);
  const problems = orphanProblems(manifest, filesOf(manifest), objects, isOwn, new Set([`${prefix}manifest.json.gz`]));
  assert.deepEqual(
    problems.map(({ kind, key }) => [kind, key]),
    [['orphan', `${prefix}shop/old.lzo`]],
  );
  assert.equal(problems.some(isDamage), false);
});

const someFiles = fc
  .uniqueArray(fc.record({ id: fc.nat(1000), storedBytes: fc.nat(10_000) }), { selector: ({ id }) => id, maxLength: 60 })
  .map((all) => named(all.map(({ id, storedBytes }) => storedOf(`nb-${id}-big-Data.db`, { storedBytes }))));

test('a sample holds at least its share of the bytes and not a file more than it needs', () => {
  fc.assert(
    fc.property(someFiles, fc.double({ min: 0.1, max: 100, noNaN: true }), fc.string(), (files, percent, seed) => {
      const bytesOf = (some: readonly NamedFile[]): number => some.reduce((sum, { file }) => sum + file.storedBytes, 0);
      const sample = sampleFiles(files, percent, seed);
      assert.equal(sample.length > 0, files.length > 0);
      assert.equal(new Set(sample).size, sample.length);
      assert.ok(sample.every((each) => files.includes(each)));
      assert.ok(bytesOf(sample) >= (bytesOf(files) * percent) / 100);
      if (percent < 100 && sample.length > 1) {
        assert.ok(bytesOf(sample.slice(0, -1)) < (bytesOf(files) * percent) / 100);
      }
    }),
  );
});

test('the same seed chooses the same files, in whatever order they stand', () => {
  fc.assert(
    fc.property(someFiles, fc.string(), (files, seed) => {
      const keys = (some: readonly NamedFile[]) => sampleFiles(some, 20, seed).map(({ file }) => file.key);
      assert.deepEqual(keys(files.toReversed()), keys(files));
    }),
  );
});

test('over many seeds every file has its turn', () => {
  const files = named(Array.from({ length: 50 }, (_, id) => storedOf(`nb-${id}-big-Data.db`)));
  const read = new Set<string>();
  for (let seed = 0; seed < 60; seed += 1) {
    sampleFiles(files, 10, String(seed)).forEach(({ file }) => read.add(file.key));
  }
  assert.equal(read.size, files.length);
});

test('a hundred per cent is everything', () => {
  const files = named([storedOf('nb-1-big-Data.db'), storedOf('nb-2-big-Data.db', { storedBytes: 0 })]);
  assert.deepEqual(sampleFiles(files, 100, 'x'), files);
});
