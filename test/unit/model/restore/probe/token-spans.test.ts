import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spansOf, tokensThatCount } from '../../../../../src/model/restore/probe/token-spans.ts';

const murmur = 'org.apache.cassandra.dht.Murmur3Partitioner';
const random = 'org.apache.cassandra.dht.RandomPartitioner';

test('a range within the ring is one span, or as many as are asked for, one after the other', () => {
  assert.deepEqual(spansOf({ after: '-10', upTo: '30' }, murmur, 1), [{ after: -10n, upTo: 30n }]);
  assert.deepEqual(spansOf({ after: '-10', upTo: '31' }, murmur, 4), [
    { after: -10n, upTo: 0n },
    { after: 0n, upTo: 10n },
    { after: 10n, upTo: 20n },
    { after: 20n, upTo: 31n },
  ]);
});

test('a range over the end of the ring is its last and its first tokens', () => {
  assert.deepEqual(spansOf({ after: '9', upTo: '-9' }, murmur, 1), [{ after: 9n }, { upTo: -9n }]);
});

test('the whole ring has no end that is left out', () => {
  assert.deepEqual(spansOf({ after: '5', upTo: '5' }, murmur, 1), [{ after: 5n }, { upTo: 5n }]);
  const spans = spansOf({ after: '0', upTo: '0' }, murmur, 2);
  assert.deepEqual(spans, [{ after: 0n }, { upTo: -(1n << 63n) }, { after: -(1n << 63n), upTo: 0n }]);
});

test('pieces of a range over the end stay on the ring, and meet', () => {
  for (const [partitioner, first, last] of [
    [murmur, -(1n << 63n), (1n << 63n) - 1n],
    [random, 0n, 1n << 127n],
  ] as const) {
    const after = last - 100n;
    const upTo = first + 200n;
    const spans = spansOf({ after: `${after}`, upTo: `${upTo}` }, partitioner, 7);
    assert.equal(spans[0]?.after, after);
    assert.equal(spans.at(-1)?.upTo, upTo);
    for (const bound of spans.flatMap((span) => [span.after, span.upTo]).filter((each) => each !== undefined)) {
      assert.ok(bound >= first && bound <= last, `${bound}`);
    }
    const open = spans.filter((span) => span.after === undefined || span.upTo === undefined);
    assert.equal(open.length, 2);
    spans.slice(1).forEach((span, index) => assert.equal(span.after, spans[index]?.upTo));
  }
});

test('tokens that are bytes make one span of everything', () => {
  const bytes = 'org.apache.cassandra.dht.ByteOrderedPartitioner';
  assert.equal(tokensThatCount(bytes), false);
  assert.deepEqual(spansOf({ after: '0a', upTo: 'ff' }, bytes, 4), [{}]);
});
