import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { IntegrityError } from '../../../../src/model/errors.ts';
import { hasHidden } from '../../../../src/model/visible.ts';
import { decodeBackupManifest, decodeInProgress, decodeRing } from '../../../../src/storage/backups/manifest-format.ts';
import { joinPages } from '../../../../src/storage/backups/joined-pages.ts';
import { encodeNodeManifest, everyTable, manifestPages } from '../../../../src/storage/backups/node-manifest-format.ts';
import { degradedOf, nodeManifestOf, nodeOf, progressOf, storedOf, users } from '../../../support/manifests.ts';

/** Whoever can write to the bucket writes what he likes: it is read, or it is damage; never anything else, and never for long. */

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '../../etc',
    '/etc/passwd',
    '-rf',
    'a//b',
    'a\nb',
    '\u001b[8m',
    '\u202e',
    '\u2028',
    '\u0085',
    '',
    'x'.repeat(5000),
    '__proto__',
  ),
);
const values = fc.oneof(
  texts,
  fc.jsonValue(),
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, [], {}, -1, 2 ** 60, { __proto__: 1 }),
);

const node = nodeManifestOf({
  tables: [
    { ...users, files: [storedOf('nb-1-big-Data.db', { digest: '00c0ffee' }), storedOf('.idx/nb-1-big-Data.db')] },
    { ...users, table: 'other', files: [] },
  ],
  setAside: [{ path: `shop/users-${users.id}/nb-1-big-Data.db`, bytes: 7, modified: 'x' }],
});

const readNode = (bytes: Uint8Array) => joinPages(manifestPages(bytes, 'k', everyTable));

const kinds: readonly (readonly [name: string, good: unknown, read: (json: string) => unknown])[] = [
  ['backup', degradedOf({ id: 'b1', policy: 'daily' }).manifest, (json) => decodeBackupManifest(Buffer.from(json), 'k')],
  ['mark', progressOf({ id: 'b1' }), (json) => decodeInProgress(Buffer.from(json), 'k')],
  ['ring', { cluster: 'c', partitioner: 'p', nodes: [nodeOf(1)] }, (json) => decodeRing(Buffer.from(json), 'k')],
  ['node', node, (json) => readNode(gzipSync(json))],
];

/** The places of all values in it. */
function placesOf(value: unknown): readonly (readonly string[])[] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, each]) => [[name], ...placesOf(each).map((place) => [name, ...place])])
    : [];
}

function changed(value: unknown, [first, ...rest]: readonly string[], to: unknown): unknown {
  if (first === undefined) {
    return to;
  }
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[first] = changed(copy[first], rest, to);
  return copy;
}

/** What was read, or undefined where it is damage. Throws whatever else is thrown. */
async function readOrDamage(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    assert.ok(error instanceof IntegrityError, String(error));
    assert.match(error.message, /^k /);
    return undefined;
  }
}

function textsIn(value: unknown): readonly string[] {
  return typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(textsIn)
      : [];
}

for (const [name, good, read] of kinds) {
  const places = placesOf(good);

  test(`a ${name} manifest with any value in the place of any other is read or damaged, and no text of it is hidden`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), values, async (place, value) => {
        const found = await readOrDamage(() => read(JSON.stringify(changed(good, place, value))));
        assert.deepEqual(
          textsIn(found).filter((text) => hasHidden(text)),
          [],
        );
      }),
      { numRuns: 400 },
    );
  });

  test(`a ${name} manifest with any bytes cut out or put in is read or damaged`, async () => {
    const json = JSON.stringify(good);
    await fc.assert(
      fc.asyncProperty(fc.nat(json.length), fc.nat(40), fc.string({ unit: 'binary' }), async (at, cut, put) => {
        await readOrDamage(() => read(`${json.slice(0, at)}${put}${json.slice(at + cut)}`));
      }),
      { numRuns: 200 },
    );
  });
}

test('a node manifest in lines with any characters cut out or put in is read or damaged', async () => {
  const lines = gunzipSync(await encodeNodeManifest(node)).toString();
  const puts = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\][{}",:\n\\a]{0,8}$/));
  await fc.assert(
    fc.asyncProperty(fc.nat(lines.length), fc.nat(60), puts, async (at, cut, put) => {
      await readOrDamage(() => readNode(gzipSync(`${lines.slice(0, at)}${put}${lines.slice(at + cut)}`)));
    }),
    { numRuns: 600 },
  );
});

test('a node manifest whose gzipped bytes are changed is read or damaged', async () => {
  const good = await encodeNodeManifest(node);
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (at, byte) => {
      const bytes = Uint8Array.from(good);
      bytes[at] = byte;
      await readOrDamage(() => readNode(bytes));
    }),
    { numRuns: 300 },
  );
});

test('the pages of a manifest in lines are what JSON.parse makes of it, whatever its names hold', async () => {
  const names = fc.stringMatching(/^[A-Za-z0-9{}[\]"\\,:+ ~é€😀]{1,60}$/u).filter((text) => !text.startsWith('-'));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(names, { maxLength: 5 }), { maxLength: 4 }), async (tables) => {
      const manifest = nodeManifestOf({
        tables: tables.map((files, number) => ({ ...users, table: `t${number}`, files: files.map((path) => storedOf(path)) })),
      });
      assert.deepEqual(await readNode(await encodeNodeManifest(manifest)), manifest);
    }),
    { numRuns: 200 },
  );
});

test('a selection that no filter takes is damage of its object', async () => {
  const { manifest } = degradedOf({ id: 'b1' });
  const names = Array.from({ length: 10_001 }, (_, index) => `k${index}`);
  for (const selection of [['a b'], ['a,b'], names, names.slice(0, 1_001).map((name) => `${name}*`)]) {
    assert.throws(() => decodeBackupManifest(Buffer.from(JSON.stringify({ ...manifest, selection })), 'b1/manifest.json'), {
      name: 'IntegrityError',
      message: /^b1\/manifest.json .*selection/,
    });
  }
});

test('a ring with more nodes or tokens than any is damage of its object', () => {
  const tokens = Array.from({ length: 40_000 }, () => '1');
  for (const nodes of [
    Array.from({ length: 5_001 }, () => nodeOf(1)),
    Array.from({ length: 40 }, () => ({ ...nodeOf(1), tokens })),
  ]) {
    const json = JSON.stringify({ cluster: 'c', partitioner: 'p', nodes });
    assert.throws(() => decodeRing(Buffer.from(json), 'b1/ring.json'), { name: 'IntegrityError', message: /^b1\/ring.json / });
  }
});
