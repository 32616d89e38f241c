import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeChain, withCommonDisks } from '../../../../src/model/chain/chain.ts';
import { IntegrityError } from '../../../../src/model/errors.ts';
import type { StoredFile } from '../../../../src/model/backup/manifest.ts';
import { dataPathFor } from '../../../../src/model/sstable.ts';
import { nodeManifestOf, storedOf, tableOf, users } from '../../../support/manifests.ts';

const kinds = ['Data.db', 'Digest.crc32', 'Statistics.db', 'SAI+aa+users_city+TermsData.db'];

/** The files of one sstable; `content` says which one it is, whatever its name. */
function sstable(generation: string, content: number, since: string, directory = ''): readonly StoredFile[] {
  return kinds.map((kind) => {
    const path = `${directory}nb-${generation}-big-${kind}`;
    const key = `${since}/${content}/${path}`;
    const digest = content.toString(16).padStart(8, '0');
    return storedOf(path, { key, since, ...(kind === 'Data.db' ? { digest } : {}) });
  });
}

const manifest = (files: readonly StoredFile[]) => nodeManifestOf({ tables: [{ ...users, files }] });
function groupsOf(files: readonly StoredFile[]): ReadonlyMap<string, readonly StoredFile[]> {
  const names = new Set(files.map(({ path }) => dataPathFor(path) ?? path));
  return new Map([...names].map((name) => [name, files.filter(({ path }) => (dataPathFor(path) ?? path) === name)]));
}

const pathsOf = (files: readonly StoredFile[]): readonly string[] => files.map(({ path }) => path).toSorted();

test('an sstable that the snapshot and an incremental backup both hold is taken once, from the older one', () => {
  const [table] = mergeChain(
    [manifest(sstable('7', 1, 's')), manifest([...sstable('7', 1, 'i'), ...sstable('8', 2, 'i')])],
    [users],
  );
  assert.deepEqual(pathsOf(table?.files ?? []), pathsOf([...sstable('7', 1, 's'), ...sstable('8', 2, 'i')]));
  assert.ok(table?.files.every(({ path, since }) => since === (path.startsWith('nb-7-') ? 's' : 'i')));
});

test('another sstable under a taken name gets a free id, all its components together', () => {
  const [table] = mergeChain(
    [manifest(sstable('1', 1, 's')), manifest([...sstable('1', 2, 'i'), ...sstable('2', 3, 'i')])],
    [users],
  );
  const renamed = table?.files.filter(({ key }) => key.startsWith('i/2/')) ?? [];
  assert.deepEqual(pathsOf(renamed), kinds.map((kind) => `nb-3-big-${kind}`).toSorted());
});

test('a renamed sstable that a later backup holds again under its own name is not taken twice', () => {
  const chain = [sstable('1', 1, 's'), sstable('1', 2, 'i1'), sstable('1', 2, 'i2')].map(manifest);
  const [table] = mergeChain(chain, [users]);
  assert.equal(table?.files.length, 2 * kinds.length);
});

test('an index directory has names of its own: its nb-1 is not the table’s nb-1', () => {
  const files = [...sstable('1', 1, 's'), ...sstable('1', 2, 's', '.users_email/')];
  const [table] = mergeChain([manifest(files), manifest(sstable('1', 3, 'i', '.users_email/'))], [users]);
  assert.deepEqual(pathsOf(table?.files ?? []), pathsOf([...files, ...sstable('2', 3, 'i', '.users_email/')]));
});

test('without a digest nobody can say that two sstables are the same: both are kept', () => {
  const bare = (since: string) => kinds.map((kind) => storedOf(`nb-1-big-${kind}`, { since }));
  const [table] = mergeChain([manifest(bare('s')), manifest(bare('i'))], [users]);
  assert.equal(table?.files.length, 2 * kinds.length);
  assert.equal(new Set(table?.files.map(({ path }) => path)).size, 2 * kinds.length);
});

test('a table that lived at the moment is there without files too, one that did not is not, nor one of an older id', () => {
  const again = tableOf('shop', 'users', 2);
  const empty = tableOf('shop', 'empty', 3);
  const merged = mergeChain([manifest(sstable('1', 1, 's'))], [again, empty]);
  assert.deepEqual(merged, [
    { ...again, files: [] },
    { ...empty, files: [] },
  ]);
});

test('a file of no sstable’s name: the same in both is taken once, a different one is an error that names it', () => {
  const odd = (storedCrc32: string) => manifest([storedOf('odd.bin', { storedCrc32 })]);
  assert.equal(mergeChain([odd('00000001'), odd('00000001')], [users])[0]?.files.length, 1);
  assert.throws(
    () => mergeChain([odd('00000001'), odd('00000002')], [users]),
    (error) => error instanceof IntegrityError && /shop\/users-.*\/odd\.bin/.test(error.message),
  );
});

test('a file’s disk is the same directory in the whole chain, whatever lists the nodes had then', () => {
  const files = [0, 1].map((disk) => storedOf(`nb-${disk}-big-Data.db`, { disk }));
  const tables = [{ ...users, files }];
  const older = nodeManifestOf({ tables, dataDirectories: ['/d1', '/gone'] });
  const newer = nodeManifestOf({ tables, dataDirectories: ['/d2', '/d1'] });
  const placesOf = withCommonDisks([older, newer]).map(({ dataDirectories, tables: own }) =>
    own.flatMap((table) => table.files.map(({ disk }) => dataDirectories[disk])),
  );
  assert.deepEqual(placesOf, [
    ['/d1', '/gone'],
    ['/d2', '/d1'],
  ]);
  assert.deepEqual(
    withCommonDisks([older, newer]).map(({ dataDirectories }) => dataDirectories),
    [
      ['/d2', '/d1', '/gone'],
      ['/d2', '/d1', '/gone'],
    ],
  );
});

test('whatever the chain: every sstable once, no path twice, components together, contents from the oldest holder', () => {
  const timeUuid = '3h5p_02gl_13nh62nziejh6er5ag';
  const held = fc.record({
    generation: fc.constantFrom('1', '2', '3', '5', '9', timeUuid),
    content: fc.integer({ min: 1, max: 6 }),
    directory: fc.constantFrom('', '.users_email/'),
  });
  // One backup holds one sstable per name, as a directory does.
  const backup = fc.uniqueArray(held, { selector: (each) => each.directory + each.generation, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(backup, { minLength: 1, maxLength: 5 }), (chain) => {
      const manifests = chain.map((sstables, index) =>
        manifest(sstables.flatMap(({ generation, content, directory }) => sstable(generation, content, `b${index}`, directory))),
      );
      const files = mergeChain(manifests, [users])[0]?.files ?? [];
      assert.equal(new Set(files.map(({ path }) => path)).size, files.length, 'a path twice');
      const groups = groupsOf(files);
      for (const [path, group] of groups) {
        assert.equal(group.length, kinds.length, `components of ${path} went astray`);
        assert.equal(
          new Set(group.map(({ key }) => key.slice(0, key.lastIndexOf('/nb-')))).size,
          1,
          `${path} is of two sstables`,
        );
      }
      const named = (sstables: (typeof chain)[number]) =>
        sstables.map(({ generation, content, directory }) => `${directory}${generation} ${content}`);
      const wanted = [...new Set(chain.flatMap(named))].toSorted();
      const found = [...groups.keys()].map((path) => {
        const [file] = groups.get(path) ?? [];
        const [, backupIndex = '', content = '', directory = '', generation = ''] =
          /^b(\d+)\/(\d+)\/(\.users_email\/)?nb-([^-]+)-big-/.exec(file?.key ?? '') ?? [];
        const first = chain.findIndex((sstables) => named(sstables).includes(`${directory}${generation} ${content}`));
        assert.equal(Number(backupIndex), first, 'not from the oldest backup that holds it');
        return `${directory}${generation} ${content}`;
      });
      assert.deepEqual(found.toSorted(), wanted);
    }),
    { numRuns: 300 },
  );
});
