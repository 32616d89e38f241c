import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { IntegrityError } from '../../../../src/model/errors.ts';
import {
  decodeBackupManifest,
  decodeInProgress,
  decodeRing,
  encodeJson,
} from '../../../../src/storage/backups/manifest-format.ts';
import { joinPages } from '../../../../src/storage/backups/joined-pages.ts';
import {
  type WantedTables,
  encodeNodeManifest,
  manifestPages,
  everyTable,
} from '../../../../src/storage/backups/node-manifest-format.ts';
import { backupManifestOf, degradedOf, nodeManifestOf, nodeOf, progressOf, storedOf, users } from '../../../support/manifests.ts';

const whole = nodeManifestOf({
  tables: [{ ...users, files: [storedOf('nb-1-big-Data.db', { digest: '00c0ffee' })] }],
  setAside: [{ path: `shop/users-${users.id}/nb-1-big-Data.db`, bytes: 7, modified: 'x' }],
  keepsIncrementals: false,
});
const backup = backupManifestOf({ id: 'b1', policy: 'daily' });

/** The manifest with one value changed, at a path like `tables.0.id`; undefined takes it away. */
function changed(value: unknown, place: string, to: unknown): unknown {
  const copy: unknown = structuredClone(value);
  const steps = place.split('.');
  let at: Record<string, unknown> = copy as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) {
    at = at[step] as Record<string, unknown>;
  }
  const last = steps.at(-1) ?? '';
  if (to === undefined) {
    delete at[last];
  } else {
    at[last] = to;
  }
  return copy;
}

const decodeNodeManifest = (bytes: Uint8Array, at: string, wanted: WantedTables = everyTable) =>
  joinPages(manifestPages(bytes, at, wanted));

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const key = 'b1/node1/manifest.json.gz';

/** An IntegrityError that names the object and what is wrong in it. */
const damage = (name: string, place: string) => (error: unknown) =>
  error instanceof IntegrityError && error.message.startsWith(name) && error.message.includes(place);

test('what is written reads back', async () => {
  assert.deepEqual(await decodeNodeManifest(await encodeNodeManifest(whole), key), whole);
  assert.deepEqual(decodeBackupManifest(encodeJson(backup), 'k'), backup);
  const progress = progressOf({ id: 'b1', parent: 'b0', nodes: [{ host: 'n', hostId: '', state: 'failed', error: 'x' }] });
  assert.deepEqual(decodeInProgress(encodeJson(progress), 'k'), progress);
  const ring = { cluster: 'c', partitioner: 'p', nodes: [nodeOf(1)] };
  assert.deepEqual(decodeRing(encodeJson(ring), 'k'), ring);
});

test('a file may have the sum of cksum instead of a CRC-32, but not none', async () => {
  const { storedCrc32: _, ...bare } = storedOf('nb-12-big-Data.db');
  const withFile = (one: object) => gzipSync(JSON.stringify({ ...whole, tables: [{ ...users, files: [one] }] }));
  const read = await decodeNodeManifest(withFile({ ...bare, storedCksum: 4_294_967_295 }), key);
  assert.deepEqual(read?.tables[0]?.files, [{ ...bare, storedCksum: 4_294_967_295 }]);
  await assert.rejects(decodeNodeManifest(withFile(bare), key), damage(key, 'checksum'));
});

test('a node manifest has a line for each table, and only the wanted ones are read', async () => {
  const orders = { keyspace: 'shop', table: 'orders', id: '0'.repeat(32) };
  const two = { ...whole, tables: [{ ...orders, files: [] }, ...whole.tables] };
  const written = gunzipSync(await encodeNodeManifest(two)).toString();
  assert.equal(written.split('\n').length, 5);
  assert.deepEqual(await decodeNodeManifest(gzipSync(written), key), two);
  assert.deepEqual(await decodeNodeManifest(gzipSync(written), key, ({ table }) => table === 'users'), whole);
  assert.deepEqual(await decodeNodeManifest(gzipSync(JSON.stringify(two)), key, ({ table }) => table === 'users'), whole);
  assert.deepEqual(await decodeNodeManifest(gzipSync(JSON.stringify(two, undefined, 2)), key), two);
});

test('of a node manifest in lines, what is wrong is named, and what is cut off is refused', async () => {
  const written = gunzipSync(await encodeNodeManifest(whole)).toString();
  const bad = written.replace('"disk":', '"disk":-1');
  await assert.rejects(decodeNodeManifest(gzipSync(bad), key), damage(key, 'tables.0.files.0.disk'));
  for (const lines of [1, 2]) {
    const cut = written.split('\n').slice(0, lines).join('\n');
    await assert.rejects(decodeNodeManifest(gzipSync(cut), key), damage(key, 'JSON'));
  }
});

test('a node manifest of many files comes in pages that together hold it', async () => {
  const tables = Array.from({ length: 4 }, (_, index) => ({
    ...users,
    table: `t${index}`,
    files: Array.from({ length: 3000 }, (__, number) => storedOf(`nb-${number}-big-Data.db`)),
  }));
  const many = { ...whole, tables };
  const pages: number[] = [];
  const bytes = await encodeNodeManifest(many);
  for await (const page of manifestPages(bytes, key, everyTable)) {
    pages.push(page.tables.length);
  }
  assert.deepEqual(pages, [2, 2, 0]);
  assert.deepEqual(await decodeNodeManifest(bytes, key), many);
});

test('fields that this version does not know are ignored', () =>
  assert.deepEqual(decodeBackupManifest(json({ ...backup, later: 1 }), 'k'), backup));

const file = 'tables.0.files.0';
const wrong: readonly (readonly [place: string, to: unknown])[] = [
  ['format', 2],
  ['format', '1'],
  ['format', undefined],
  ['backup', '../other'],
  ['backup', ''],
  ['parent', 'a/b'],
  ['kind', 'full'],
  ['host', 'a/b'],
  ['host', '..'],
  ['takenAt', 'yesterday'],
  ['tables', {}],
  ['tables.0.keyspace', '../shop'],
  ['tables.0.table', 'users; rm'],
  ['tables.0.id', 'short'],
  ...['', '/etc/passwd', '../x', 'a/../x', 'a/..', './a', 'a//b', 'a/', 'a\nb', 'a\tb', 'a\0b', 'a\u007fb'].flatMap((path) => [
    [`${file}.path`, path] as const,
    [`${file}.key`, path] as const,
    ['setAside.0.path', path] as const,
  ]),
  ...['-rf', 'a/-x', 'a\u0085b', 'a\u202eb', 'a\u2028b', 'x'.repeat(4097)].flatMap((path) => [
    [`${file}.path`, path] as const,
    ['setAside.0.path', path] as const,
  ]),
  ...['lock.json', 'b0/manifest.json', 'b0/node1/manifest.json.gz', 'b0/incrementals/b1/manifest.json'].map(
    (path) => [`${file}.key`, path] as const,
  ),
  ['dataDirectories.0', 'data'],
  ['dataDirectories.0', '/data/../etc'],
  ['node.dc', 'dc\n1'],
  ['node.hostId', '$(id)'],
  ['node.address', '10.0.0.1 -x'],
  ['node.tokens.0', '1;2'],
  ['host', 'x'.repeat(256)],
  ['snapshot', 'a\u001bb'],
  [`${file}.bytes`, -1],
  [`${file}.bytes`, 1.5],
  [`${file}.bytes`, '100'],
  [`${file}.storedBytes`, undefined],
  [`${file}.storedCrc32`, 'DEADBEEF'],
  [`${file}.storedCksum`, 2 ** 32],
  [`${file}.digest`, '123'],
  [`${file}.compression`, 'gzip'],
  [`${file}.disk`, -1],
  ['node.tokens', [1]],
  ['node.state', 'XX'],
];

for (const [place, to] of wrong) {
  test(`a node manifest whose ${place} is ${JSON.stringify(to) ?? 'missing'} is refused`, async () => {
    await assert.rejects(decodeNodeManifest(gzipSync(JSON.stringify(changed(whole, place, to))), key), damage(key, place));
  });
}

test('a node manifest that is no gzip file, breaks off, or holds no JSON is refused', async () => {
  const good = await encodeNodeManifest(whole);
  await assert.rejects(decodeNodeManifest(Buffer.from('{}'), key), damage(key, 'gzip'));
  await assert.rejects(decodeNodeManifest(good.subarray(0, good.length - 9), key), damage(key, 'gzip'));
  await assert.rejects(decodeNodeManifest(gzipSync('{"format":1'), key), damage(key, 'JSON'));
  await assert.rejects(decodeNodeManifest(gzipSync('null'), key), damage(key, 'format 1'));
});

test('a backup manifest or mark with a bad host, id, count or version is refused', () => {
  for (const [place, to] of [
    ['format', 99],
    ['id', '../x'],
    ['nodes.0.host', '../x'],
    ['nodes.0.files', -1],
    ['tables.0.id', '../../x'],
    ['finishedAt', undefined],
  ] as const) {
    assert.throws(
      () => decodeBackupManifest(json(changed(backup, place, to)), 'b1/manifest.json'),
      damage('b1/manifest.json', place),
      place,
    );
  }
  const mark = progressOf({ id: 'b1' });
  assert.throws(() => decodeInProgress(json(changed(mark, 'nodes.0.state', 'lost')), 'k'), damage('k', 'nodes.0.state'));
  assert.throws(() => decodeRing(json({}), 'ring.json'), damage('ring.json', 'cluster'));
});

test('a degraded backup is format 2, with all that it says of what it lacks; format 1 never says any of that', () => {
  const { manifest } = degradedOf({ id: 'b1' });
  assert.deepEqual(decodeBackupManifest(encodeJson(manifest), 'k'), manifest);
  // A reader that knows format 1 alone refuses what has another number.
  assert.equal(JSON.parse(String(encodeJson(manifest))).format, 2);
  for (const [place, to] of [
    ['state', undefined],
    ['state', 'complete'],
    ['missing', []],
    ['missing.0.reason', undefined],
    ['missing.0.host', '../x'],
    ['thin', undefined],
    ['thin.0.share', 101],
    ['format', 3],
  ] as const) {
    assert.throws(
      () => decodeBackupManifest(json(changed(manifest, place, to)), 'k'),
      damage('k', place.split('.')[0] ?? ''),
      place,
    );
  }
  const first = decodeBackupManifest(json({ ...manifest, format: 1 }), 'k');
  assert.deepEqual([first.state, first.missing, first.thin], [undefined, undefined, undefined]);
});
