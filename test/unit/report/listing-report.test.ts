import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  emptyText,
  fileRows,
  filesJson,
  filesText,
  listRow,
  listText,
  showJson,
  showText,
} from '../../../src/report/listing-report.ts';
import { nodeContents } from '../../../src/model/backup/contents.ts';
import { completeOf, degradedOf, nodeManifestOf, storedOf, summary, unfinishedOf, users } from '../../support/manifests.ts';

const now = new Date('2026-11-22T00:00:00Z');
const snapshot = completeOf({ id: 's1', nodes: [summary(1), summary(2)] });
const incremental = completeOf({ id: 'i1', parent: 's1' });
const failed = unfinishedOf({
  id: 's2',
  nodes: [
    { host: 'node1', hostId: 'x', state: 'done' },
    { host: 'node2', hostId: 'y', state: 'failed', error: 'disk is full' },
  ],
});
const running = unfinishedOf({ id: 's3' });
const manifest = nodeManifestOf({
  backup: 'i1',
  parent: 's1',
  tables: [
    {
      ...users,
      files: [storedOf('nb-1-big-Data.db', { since: 's1' }), storedOf('nb-2-big-Data.db', { since: 'i1', bytes: 50 })],
    },
  ],
});

test('only what is complete is called so; the others say INCOMPLETE, who failed, or who runs it', () => {
  const [, ...lines] = listText([snapshot, incremental, failed, running], [], 's3://b', now).split('\n');
  assert.match(lines[0] ?? '', /^s1 +snapshot +complete +2026-11-21T03:15:00\.000Z +2 +1 +400 B +200 B$/);
  assert.match(lines[1] ?? '', /^i1 +incremental +complete/);
  assert.match(lines[2] ?? '', /^s2 +snapshot +INCOMPLETE: node2 failed/);
  assert.match(lines[3] ?? '', /^s3 +snapshot +INCOMPLETE: begun by ops@bastion pid 4711/);
});

test('a backup of some of the ring’s nodes says of how many, in listing, details and document', () => {
  const part = completeOf({ id: 's4', nodes: [summary(1), summary(2)], ringNodes: 3 });
  assert.match(listText([part], [], 's3://b', now), /^s4 +snapshot +complete +\S+ +2 of 3 +1 /m);
  assert.match(showText(part, [], 's3://b/s4', now), /^nodes     2 of the ring's 3 nodes; the others were not named$/m);
  assert.deepEqual([listRow(part, now).nodes, listRow(part, now).ringNodes, listRow(snapshot, now).ringNodes], [2, 3, undefined]);
});

test('what is dated later than now says so, in listing, details and documents', () => {
  const ahead = completeOf({ id: 's9', takenAt: '2027-12-26T03:15:00Z' });
  assert.match(listText([snapshot, ahead], [], 's3://b', now), /^s9 +snapshot +FUTURE: dated later than now; complete +2027-/m);
  assert.match(showText(ahead, [], 's3://b/s9', now), /^state +FUTURE: dated later than now; complete$/m);
  assert.deepEqual([listRow(ahead, now).future, listRow(snapshot, now).future], [true, undefined]);
  assert.match(JSON.stringify(showJson(ahead, [], now)), /"complete":true,.*"future":true/);
  const run = unfinishedOf({ id: 's8', startedAt: '2027-12-26T03:15:00Z' });
  assert.match(listText([run], [], 's3://b', now), /^s8 +snapshot +FUTURE: dated later than now; INCOMPLETE: begun by/m);
});

test('a degraded backup says what it lacks, why, where it is thin, and whose part is of another time', () => {
  const later = '2026-11-21T05:00:00.000Z';
  const degraded = degradedOf({ id: 's5', nodes: [summary(1), summary(2, { takenAt: later })] });
  assert.match(listText([degraded], [], 's3://b', now), /^s5 +snapshot +degraded: lacks node3 +\S+ +2 of 3 +1 /m);
  const text = showText(degraded, [], 's3://b/s5', now);
  assert.match(text, /^state     degraded: lacks node3$/m);
  assert.match(text, /^missing   node3: connection refused$/m);
  assert.match(text, /^thin      replicas are lacking of 100 % of the ring \(shop\)$/m);
  assert.match(text, new RegExp(`^added     node2, taken at ${later}$`, 'm'));
  const { state, complete, missing, thin } = listRow(degraded, now);
  assert.deepEqual(
    [state, complete, missing?.[0]?.hostId, thin],
    ['degraded', false, 'host-id-3', [{ keyspace: 'shop', share: 100 }]],
  );
});

test('an empty location says so, and what it holds instead', () => {
  assert.equal(listText([], [], 's3://b of that time', now), 'no backups in s3://b of that time\n');
  assert.equal(emptyText('s3://b/prdo', []), 'no backups in s3://b/prdo: there is nothing at that path\n');
  assert.match(
    emptyText('s3://b', ['prod', 'test']),
    /^no backups in s3:\/\/b: there are directories of other names \(prod, test\);/,
  );
  assert.match(emptyText('s3://b', ['1', '2', '3', '4', '5', '6']), /\(1, 2, 3, 4, 5 and others\)/);
});

test('the document of a listing: a complete backup, an incremental one, an unfinished one', () => {
  assert.deepEqual(listRow(snapshot, now), {
    id: 's1',
    kind: 'snapshot',
    state: 'complete',
    complete: true,
    takenAt: '2026-11-21T03:15:00.000Z',
    nodes: 2,
    tables: 1,
    bytes: 400,
    newBytes: 200,
    signed: false,
  });
  assert.equal(listRow(incremental, now).parent, 's1');
  assert.deepEqual(listRow(failed, now).failures, [{ host: 'node2', error: 'disk is full' }]);
  assert.equal(listRow(failed, now).complete, false);
  assert.equal(listRow(unfinishedOf({ id: 'i2', parent: 's1' }), now).parent, 's1');
});

test('show tells what was new and what is pointed at, and where the backup lies', () => {
  const text = showText(incremental, [nodeContents(manifest, 'i1')], 's3://b/prod/s1/incrementals/i1', now);
  assert.match(text, /^location +s3:\/\/b\/prod\/s1\/incrementals\/i1$/m);
  assert.match(text, /^state +complete$/m);
  assert.match(text, /^node1 +host-id-1 +dc1 +rack1 +4\.1\.10 +2 +150 B +50 B +70 B$/m);
  assert.match(text, /^shop\.users +2 +150 B$/m);
  assert.match(showText(failed, [], 's3://b/s2', now), /INCOMPLETE[\s\S]*node2: disk is full/);
});

test('the document of show has each node’s files, bytes, and what of them is new', () => {
  const document = JSON.parse(JSON.stringify(showJson(incremental, [nodeContents(manifest, 'i1')], now)));
  assert.deepEqual(document.nodes, [
    {
      host: 'node1',
      hostId: 'host-id-1',
      dc: 'dc1',
      rack: 'rack1',
      cassandra: '4.1.10',
      takenAt: '2026-11-21T03:15:00.000Z',
      files: 2,
      bytes: 150,
      newFiles: 1,
      newBytes: 50,
      storedBytes: 70,
      tables: [{ keyspace: 'shop', table: 'users', files: 2, bytes: 150 }],
    },
  ]);
  assert.deepEqual(document.tables, [{ table: 'shop.users', files: 2, bytes: 150 }]);
  assert.deepEqual([document.id, document.parent, document.complete], ['i1', 's1', true]);
});

test('files gives every object’s full URL, one per line, wherever it lies', async () => {
  const rows = fileRows(manifest, 's3://b/prod');
  const keys = manifest.tables[0]?.files.map(({ key }) => `s3://b/prod/${key}`);
  assert.deepEqual(
    rows.map(({ url }) => url),
    keys,
  );
  const lines = await joined(filesText(twice(), 's3://b/prod'));
  assert.equal(lines.split('\n').length, 5);
  assert.equal(lines.split('\n')[0], `${keys?.[0]}\tnode1\tshop.users\t100`);
  assert.deepEqual(JSON.parse(await joined(filesJson(twice(), 's3://b/prod'))), { files: [...rows, ...rows] });
  assert.deepEqual(JSON.parse(await joined(filesJson(none(), 's3://b/prod'))), { files: [] });
});

async function* twice(): AsyncGenerator<typeof manifest> {
  yield manifest;
  yield manifest;
}

async function* none(): AsyncGenerator<typeof manifest> {}

async function joined(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
  }
  return text;
}
