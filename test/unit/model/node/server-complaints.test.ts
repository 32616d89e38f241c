import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaintAbout } from '../../../../src/model/node/server-complaints.ts';

const directory = '/var/lib/cassandra/sstash_restore/shop/t-0ff9c570ec1d11f1abc71dc9849861ce';

/** What Cassandra 5.0.9 wrote of rows that were not the node's own, without stack frames. */
const refused = [
  'WARN  [main] 2026-11-29 17:48:31,000 Other.java:1 - something else',
  `ERROR [RMI TCP Connection(11)-127.0.0.1] 2026-11-29 17:48:32,904 SSTableImporter.java:142 - [182f1875-e168-4dbd-aa54-6b827d43e5d4] Failed verifying SSTable ${directory}/nb-1-big in directory ${directory}`,
  `java.lang.RuntimeException: Can't import sstable ${directory}/nb-1-big`,
  `Caused by: java.lang.Exception: Invalid SSTable ${directory}/nb-1-big-Data.db, please force a full repair`,
  'Caused by: java.lang.RuntimeException: Key DecoratedKey(-6715243485458697746, 0000000a) is not contained in the given ranges',
];

test('the message about a directory and the exception at the bottom of it are the reason', () =>
  assert.equal(
    complaintAbout(refused, directory),
    `Failed verifying SSTable ${directory}/nb-1-big in directory ${directory}: RuntimeException: Key DecoratedKey(-6715243485458697746, 0000000a) is not contained in the given ranges`,
  ));

test('what belongs to another entry is no reason', () => {
  const other = 'ERROR [x] 2026-11-29 17:48:33,000 A.java:1 - another fault';
  assert.equal(
    complaintAbout([...refused, other, 'java.lang.Error: of the other'], directory),
    complaintAbout(refused, directory),
  );
  assert.equal(complaintAbout([other, `Caused by: java.lang.Error: ${directory}`], directory), undefined);
  assert.equal(complaintAbout([], directory), undefined);
});

test('a message without an exception stands alone', () =>
  assert.equal(
    complaintAbout([`WARN  [x] 2026-11-29 17:48:33,000 A.java:1 - no room in ${directory}`], directory),
    `no room in ${directory}`,
  ));
