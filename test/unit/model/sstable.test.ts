import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  dataPathOf,
  digestPathOf,
  essentialPaths,
  formatComponentName,
  isContentsList,
  isDataFile,
  parseComponentName,
  parseTableDirectory,
  tableDirectory,
  tableIdOf,
  uuidOf,
} from '../../../src/model/sstable.ts';

const integer = fc.integer({ min: 1, max: 2 ** 31 - 1 }).map(String);
const base36 = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz'), minLength: length, maxLength: length });
const timeUuid = fc.tuple(base36(4), base36(4), base36(18)).map((parts) => parts.join('_'));
const word = fc.stringMatching(/^[A-Za-z0-9_]{1,48}$/);

test('a component name survives being written and read, whatever its version, generation, format and component', () => {
  const names = fc.record({
    version: fc.stringMatching(/^[a-z]{2}$/),
    generation: fc.oneof(integer, timeUuid),
    format: fc.constantFrom('big', 'bti', 'trie2'),
    component: fc.oneof(
      fc.constantFrom('Data.db', 'Rows.db', 'Digest.crc32', 'TOC.txt', 'SI_users_email.db'),
      word.map((index) => `SAI+aa+${index}+TermsData.db`),
      fc.stringMatching(/^[!-.0-~]{1,40}$/),
    ),
  });
  fc.assert(fc.property(names, (name) => assert.deepEqual(parseComponentName(formatComponentName(name)), { ...name })));
});

test('a name of Cassandra 2.1 and older survives being written and read', () => {
  const names = fc.record({
    prefix: fc
      .tuple(
        fc.stringMatching(/^[a-z_]{3,20}$/),
        fc.oneof(
          word,
          word.map((table) => `${table}.by_email`),
        ),
      )
      .map((parts) => parts.join('-')),
    version: fc.stringMatching(/^[a-z]{2}$/),
    generation: integer,
    format: fc.constant('big'),
    component: fc.constantFrom('Data.db', 'Digest.sha1', 'CompressionInfo.db'),
  });
  fc.assert(fc.property(names, (name) => assert.deepEqual(parseComponentName(formatComponentName(name)), { ...name })));
});

test('names seen on real nodes are read', () => {
  const read = (name: string): readonly (string | undefined)[] => {
    const found = parseComponentName(name);
    return [found?.version, found?.generation, found?.format, found?.component];
  };
  assert.deepEqual(read('nb-1-big-Data.db'), ['nb', '1', 'big', 'Data.db']);
  assert.deepEqual(read('da-12-bti-Partitions.db'), ['da', '12', 'bti', 'Partitions.db']);
  assert.deepEqual(read('nb-3h5p_02gl_1hl0g2nziejh6er5ag-big-TOC.txt'), ['nb', '3h5p_02gl_1hl0g2nziejh6er5ag', 'big', 'TOC.txt']);
  assert.deepEqual(read('me-3gbc_1hm1_1qpu82g9xb7n5k8xjd-big-Scylla.db'), [
    'me',
    '3gbc_1hm1_1qpu82g9xb7n5k8xjd',
    'big',
    'Scylla.db',
  ]);
  assert.deepEqual(read('nb-1-big-SAI+aa+users_city+TermsData.db'), ['nb', '1', 'big', 'SAI+aa+users_city+TermsData.db']);
  assert.deepEqual(read('shop-users-ka-7-Data.db'), ['ka', '7', 'big', 'Data.db']);
});

test('what is no component is not taken for one', () => {
  for (const name of [
    'manifest.json',
    'schema.cql',
    'nb-1-big',
    'nb-x-big-Data.db',
    'nb-1-big-a/b',
    '',
    '.users_email',
    'shop-users-tmp-ka-7-Data.db',
  ]) {
    assert.equal(parseComponentName(name), undefined, name);
  }
});

test('a Data.db and its digest name each other, in index directories too', () => {
  fc.assert(
    fc.property(fc.constantFrom('', '.users_email/'), fc.oneof(integer, timeUuid), (directory, generation) => {
      const data = `${directory}nb-${generation}-big-Data.db`;
      assert.equal(isDataFile(data), true);
      assert.equal(digestPathOf(data), `${directory}nb-${generation}-big-Digest.crc32`);
      assert.equal(dataPathOf(digestPathOf(data)), data);
    }),
  );
  assert.equal(isDataFile('nb-1-big-SAI+aa+x+TermsData.db'), false);
  assert.equal(dataPathOf('nb-1-big-Data.db'), undefined);
});

test('a table directory and its table name each other', () => {
  const table = { keyspace: 'shop2', table: 'MixedCase', id: '40f0d2d0e54311f1b6bc256901ef1e45' };
  assert.equal(tableDirectory(table), 'shop2/MixedCase-40f0d2d0e54311f1b6bc256901ef1e45');
  assert.deepEqual(parseTableDirectory('shop2', 'MixedCase-40f0d2d0e54311f1b6bc256901ef1e45'), table);
  assert.equal(parseTableDirectory('shop2', 'users'), undefined);
  assert.equal(parseTableDirectory('shop2', 'users-40f0'), undefined);
});

test('a table id is the same as directory name and as UUID', () => {
  fc.assert(fc.property(fc.uuid(), (uuid) => assert.equal(uuidOf(tableIdOf(uuid) ?? ''), uuid)));
  assert.equal(tableIdOf('no-uuid'), undefined);
});

test('an sstable is lost without what its TOC names and nothing can make again', () => {
  const names = [
    'Data.db',
    'Index.db',
    'Summary.db',
    'Filter.db',
    'Statistics.db',
    'Digest.crc32',
    'TOC.txt',
    'SAI+aa+by_id+Meta.db',
  ];
  assert.deepEqual(essentialPaths('nb-1-big-TOC.txt', `${names.join('\n')}\n`), ['nb-1-big-Index.db', 'nb-1-big-Statistics.db']);
  assert.deepEqual(essentialPaths('.by_id/da-2-bti-TOC.txt', 'Rows.db\r\nPartitions.db\r\nCompressionInfo.db'), [
    '.by_id/da-2-bti-Rows.db',
    '.by_id/da-2-bti-Partitions.db',
    '.by_id/da-2-bti-CompressionInfo.db',
  ]);
  assert.deepEqual(essentialPaths('nb-1-big-TOC.txt', ''), []);
});

test('the list of components is known by its ending, in an index directory too', () => {
  assert.ok(isContentsList('nb-1-big-TOC.txt') && isContentsList('.by_id/ks-t-ka-1-TOC.txt'));
  assert.ok(!isContentsList('TOC.txt') && !isContentsList('nb-1-big-Data.db'));
});
