import { batchBySize } from '../../../../src/model/backup/batches.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { knownFiles } from '../../../../src/model/backup/known-files.ts';
import { groupByTable, planNodeUpload, storedFile } from '../../../../src/model/backup/upload-plan.ts';
import { componentOf, nodeManifestOf, storedOf, tableOf, users } from '../../../support/manifests.ts';

const digest = '12345678';
const components = ['nb-1-big-Data.db', 'nb-1-big-Statistics.db', 'nb-2-big-Data.db', 'odd.bin'].map((path) => componentOf(path));
const files = [storedOf('nb-1-big-Data.db', { digest }), storedOf('nb-1-big-Statistics.db')];
const input = {
  components,
  compression: 'lzo' as const,
  digestOfData: (path: string) => (path === 'nb-1-big-Data.db' ? digest : path === 'nb-2-big-Data.db' ? 'aaaaaaaa' : undefined),
  keyOf: ({ path }: { readonly path: string }, compression: string) => `new/${path}.${compression}`,
  known: knownFiles([nodeManifestOf({ tables: [{ ...users, files }] })]),
  isThere: () => true,
};

test('what is known and there is pointed at, everything else travels, and each component does one of both', () => {
  const plan = planNodeUpload(input);
  assert.deepEqual(
    plan.reused.map(({ path, key }) => [path, key]),
    files.map(({ path, key }) => [path, key]),
  );
  assert.deepEqual(
    plan.uploads.map(({ component, key }) => [component.path, key]),
    [
      ['nb-2-big-Data.db', 'new/nb-2-big-Data.db.lzo'],
      ['odd.bin', 'new/odd.bin.lzo'],
    ],
  );
  assert.deepEqual([plan.bytes, plan.newBytes], [400, 200]);
});

test('with compression auto, data that Cassandra has compressed is stored as it is, and nothing else', () => {
  const names = ['nb-1-big-Data.db', 'nb-1-big-CompressionInfo.db', 'nb-1-big-Index.db', 'nb-2-big-Data.db'];
  const indexed = ['.byname/nb-1-big-Data.db', '.byname/nb-3-big-Data.db', '.byname/nb-3-big-CompressionInfo.db'];
  const { uploads } = planNodeUpload({
    ...input,
    compression: 'auto',
    components: [...names, ...indexed].map((path) => componentOf(path)),
    known: knownFiles([]),
  });
  assert.deepEqual(
    uploads.filter(({ compression }) => compression === 'none').map(({ component, key }) => [component.path, key]),
    ['nb-1-big-Data.db', '.byname/nb-3-big-Data.db'].map((path) => [path, `new/${path}.none`]),
  );
});

test('an object that is gone is stored again', () => {
  const plan = planNodeUpload({ ...input, isThere: ({ path }) => path !== 'nb-1-big-Data.db' });
  assert.deepEqual(
    plan.reused.map(({ path }) => path),
    ['nb-1-big-Statistics.db'],
  );
  assert.equal(plan.uploads.length, 3);
});

test('a reused file is noted on the disk where it lies now', () => {
  const moved = components.map((component) => ({ ...component, disk: 1 }));
  assert.ok(planNodeUpload({ ...input, components: moved }).reused.every(({ disk }) => disk === 1));
});

test('Cassandra’s digest travels with a Data.db and with nothing else', () => {
  const { uploads } = planNodeUpload({ ...input, known: knownFiles([]) });
  assert.deepEqual(
    uploads.map((upload) => upload.digest),
    [digest, undefined, 'aaaaaaaa', undefined],
  );
});

test('the manifest’s line says what was listed, what was stored, and by whom', () => {
  const [upload] = planNodeUpload({ ...input, known: knownFiles([]) }).uploads;
  assert.ok(upload !== undefined);
  const stored = { storedBytes: 60, storedCrc32: '00c0ffee', etag: 'e' };
  assert.deepEqual(storedFile(upload, stored, 'b1'), {
    path: 'nb-1-big-Data.db',
    bytes: 100,
    modified: upload.component.modified,
    disk: 0,
    key: 'new/nb-1-big-Data.db.lzo',
    compression: 'lzo',
    ...stored,
    since: 'b1',
    digest,
  });
});

test('batches hold every file exactly once, within their limits, large files alone and first', () => {
  const limits = { largeBytes: 50, batchBytes: 100, batchFiles: 4 };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 60 }), (sizes) => {
      const items = sizes.map((bytes, number) => ({ bytes, number }));
      const batches = batchBySize(items, ({ bytes }) => bytes, limits);
      assert.deepEqual(
        batches.flat().toSorted((a, b) => a.number - b.number),
        items,
      );
      const isLarge = (batch: readonly { readonly bytes: number }[]): boolean => (batch[0]?.bytes ?? 0) >= limits.largeBytes;
      for (const batch of batches.filter(isLarge)) {
        assert.equal(batch.length, 1);
      }
      for (const batch of batches.filter((each) => !isLarge(each))) {
        assert.ok(batch.length > 0 && batch.length <= limits.batchFiles);
        assert.ok(batch.every(({ bytes }) => bytes < limits.largeBytes));
        assert.ok(batch.reduce((sum, { bytes }) => sum + bytes, 0) <= limits.batchBytes);
      }
      const large = batches.filter(isLarge).map(([file]) => file?.bytes ?? 0);
      assert.deepEqual(
        large,
        large.toSorted((a, b) => b - a),
      );
      assert.deepEqual(batches.slice(0, large.length).filter(isLarge).length, large.length, 'large files come first');
    }),
  );
});

test('a table without files is in the manifest too, and one that was dropped and made again is two tables', () => {
  const empty = tableOf('shop', 'empty', 7);
  const again = tableOf('shop', 'users', 8);
  const [one, two] = [storedOf('nb-1-big-Data.db'), storedOf('nb-2-big-Data.db')];
  const grouped = groupByTable(
    [empty, users, again],
    [
      { table: again, file: two },
      { table: users, file: one },
    ],
  );
  assert.deepEqual(grouped, [
    { ...empty, files: [] },
    { ...users, files: [one] },
    { ...again, files: [two] },
  ]);
});
