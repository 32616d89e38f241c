import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTombstoneLimit, judgeComplaint, logExcerpt, probeWarnings } from '../../../../../src/model/restore/probe/outcome.ts';

/** As cqlsh of Cassandra 5.0.9 prints it after the kind. */
function readFailure(reasons: Readonly<Record<string, string>>): string {
  const map = Object.entries(reasons)
    .map(([address, code]) => `'${address}': '${code}'`)
    .join(', ');
  return `Error from server: code=1300 [Replica(s) failed to execute read] message="failed" info={'consistency': 'ALL', 'required_responses': 3, 'received_responses': 2, 'failures': 1, 'error_code_map': {${map}}}`;
}

function judged(kind: string, text: string) {
  const { state, replicas } = judgeComplaint({ kind, text, message: 'm' });
  return [state, replicas];
}

test('a replica that fails to read is a failure, and named', () => {
  assert.deepEqual(judged('ReadFailure', readFailure({ '10.0.0.3': '0x0000' })), ['failed', ['10.0.0.3']]);
  assert.deepEqual(judged('ReadFailure', readFailure({ '10.0.0.3': '0x0001', 'fe80::1': '0x0000' })), [
    'failed',
    ['10.0.0.3', 'fe80::1'],
  ]);
});

test('a server that tells no reasons has failed', () => {
  const old = `Error from server: code=1300 [Replica(s) failed to execute read] message="failed" info={'consistency': 'ALL', 'required_responses': 1, 'received_responses': 0, 'failures': 1}`;
  assert.deepEqual(judged('ReadFailure', old), ['failed', []]);
  assert.deepEqual(judged('ServerError', '<Error from server: code=0000 [Server error] message="java.lang…">'), ['failed', []]);
});

test('too many tombstones on all that failed are no damage, nor is a timeout, a replica that is down, or a lacking right', () => {
  assert.equal(judged('ReadFailure', readFailure({ '10.0.0.3': '0x0001', '10.0.0.4': '0x0002' }))[0], 'skipped');
  for (const [kind, text] of [
    [
      'ReadTimeout',
      'Error from server: code=1200 [Coordinator node timed out waiting for replica nodes\' responses] message="…"',
    ],
    ['OperationTimedOut', "errors={'127.0.0.2:9042': 'Client request timeout. See Session.execute[_async](timeout)'}"],
    ['Unavailable', 'Error from server: code=1000 [Unavailable exception] message="Cannot achieve consistency level ALL"'],
    ['Unauthorized', 'Error from server: code=2100 [Unauthorized] message="User bob has no SELECT permission on <table a.b>"'],
    ['InvalidRequest', 'Error from server: code=2200 [Invalid query] message="table nope does not exist"'],
  ] as const) {
    assert.equal(judged(kind, text)[0], 'skipped', kind);
  }
});

test("the reason names what the driver calls it, and the server's own words", () => {
  assert.equal(judgeComplaint({ kind: 'Unavailable', text: '', message: 'not enough' }).reason, 'Unavailable: not enough');
  assert.equal(judgeComplaint({ kind: '', text: '', message: 'odd' }).reason, 'odd');
});

test('of a log the exceptions are told, each once, without time, place and stack', () => {
  const head = (level: string, text: string) =>
    `${level} [ReadStage-1] 2026-11-29 17:48:15,539 JVMStabilityInspector.java:76 - ${text}`;
  const lines = [
    head('WARN ', 'something else'),
    head('ERROR', 'Exception in thread Thread[ReadStage-1,5,SharedPool]'),
    'java.lang.RuntimeException: org.example.CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db',
    'Caused by: org.example.CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db',
    head('ERROR', 'Exception in thread Thread[ReadStage-2,5,SharedPool]'),
    'org.example.CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db',
  ];
  assert.deepEqual(logExcerpt(lines), [
    'java.lang.RuntimeException: org.example.CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db',
    'org.example.CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db',
  ]);
  assert.deepEqual(logExcerpt([head('WARN ', 'slow disk')]), ['WARN slow disk']);
  assert.equal(logExcerpt(Array.from({ length: 9 }, (_, index) => `Exception ${index} ${'x'.repeat(400)}`)).length, 4);
});

test('a log tells that a replica gave up because of tombstones', () => {
  assert.ok(isTombstoneLimit(['org.apache.cassandra.db.filter.TombstoneOverwhelmingException: Scanned over 100001 tombstones']));
  assert.ok(!isTombstoneLimit(['CorruptSSTableException']));
});

test('tables that were not read for one reason are one warning', () => {
  const table = (name: string, reason?: string) => ({
    keyspace: 'shop',
    table: name,
    ...(reason === undefined ? { probe: { state: 'read' as const } } : { probe: { state: 'skipped' as const, reason } }),
  });
  assert.deepEqual(probeWarnings([table('a'), table('b', 'no cqlsh'), table('c', 'no cqlsh'), table('d', 'slow')]), [
    'whether rows can be read was not found out: shop.b, shop.c: no cqlsh',
    'whether rows can be read was not found out: shop.d: slow',
  ]);
  const many = Array.from({ length: 9 }, (_, index) => table(`t${index}`, 'no cqlsh'));
  assert.deepEqual(probeWarnings(many), ['whether rows can be read was not found out: shop.t0 and 8 more tables: no cqlsh']);
  assert.deepEqual(probeWarnings([table('a'), { keyspace: 'shop', table: 'b' }]), []);
});
