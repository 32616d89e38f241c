import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '../../../../src/model/errors.ts';
import { type NodeMatch, matchNodes, refuseMisplaced } from '../../../../src/model/target/node-match.ts';

const source = (host: string, hostId: string, tokens: readonly string[]) => ({ host, hostId, tokens });

test('tokens decide, whatever names, ids and orders say', () => {
  const [match] = matchNodes(
    [source('a', 'id-a', ['1', '2'])],
    [
      { host: 'a', hostId: 'id-a', tokens: ['3', '4'] },
      { host: 'b', hostId: 'id-b', tokens: ['2', '1'] },
    ],
  );
  assert.equal(match?.target.host, 'b');
  assert.equal(match?.by, 'tokens');
});

test('a host id decides where the tokens are others', () => {
  const [match] = matchNodes([source('a', 'id-a', ['1'])], [{ host: 'new-name', hostId: 'id-a', tokens: ['9'] }]);
  assert.deepEqual([match?.target.host, match?.by], ['new-name', 'host id']);
});

test('a host id that is a number decides nothing: the first node of every cluster has it since Cassandra 6', () => {
  const first = '6d194555-f6eb-41d0-c000-000000000001';
  assert.throws(() => matchNodes([source('a', first, ['1'])], [{ host: 'a', hostId: first, tokens: ['9'] }]), UsageError);
  assert.equal(matchNodes([source('a', first, ['1'])], [{ host: 'b', hostId: first, tokens: ['1'] }])[0]?.by, 'tokens');
});

test('a name counts only for a host that cannot say who it is', () => {
  const [match] = matchNodes([source('a', 'id-a', ['1'])], [{ host: 'a' }]);
  assert.equal(match?.by, 'name');
  assert.throws(() => matchNodes([source('a', 'id-a', ['1'])], [{ host: 'a', hostId: 'other', tokens: ['5'] }]), UsageError);
  assert.throws(() => matchNodes([source('a', 'id-a', ['1'])], [{ host: 'a.example.com' }]), UsageError);
});

test('nodes without tokens are not alike', () =>
  assert.throws(() => matchNodes([source('a', 'id-a', [])], [{ host: 'b', hostId: 'id-b', tokens: [] }]), UsageError));

test('a source without a host is an error that names it', () =>
  assert.throws(() => matchNodes([source('a', 'id-a', ['1'])], []), /tokens of a \(host id id-a\)/));

test('two nodes’ data never goes to one host', () =>
  assert.throws(
    () => matchNodes([source('a', 'id-a', ['1']), source('b', 'id-b', ['2'])], [{ host: 'x', hostId: 'id-b', tokens: ['1'] }]),
    (error) => error instanceof UsageError && /\bx\b/.test(error.message),
  ));

test('a cluster is matched completely however its nodes are ordered and renamed', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }).chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count })),
      (order) => {
        const sources = order.map((_, n) => source(`h${n}`, `id-${n}`, [`${n}`, `-${n + 1}`]));
        const targets = order.map((n) => ({ host: `new-${n}`, hostId: `new-id-${n}`, tokens: [`-${n + 1}`, `${n}`] }));
        for (const { source: from, target } of matchNodes(sources, targets)) {
          assert.equal(target.host, `new-${from.host.slice(1)}`);
        }
      },
    ),
  ));

test('a map decides over tokens and names, and the others are matched as ever', () => {
  const sources = [source('a', 'id-a', ['1']), source('b', 'id-b', ['2'])];
  const targets = [{ host: 'x', hostId: 'id-x', tokens: ['1'] }, { host: 'y', hostId: 'id-y', tokens: ['2'] }, { host: 'z' }];
  const matches = matchNodes(sources, targets, new Map([['a', 'z']]));
  assert.deepEqual(
    matches.map(({ source: from, target, by }) => [from.host, target.host, by]),
    [
      ['a', 'z', 'map'],
      ['b', 'y', 'tokens'],
    ],
  );
  // b's tokens take y too.
  assert.throws(() => matchNodes(sources, targets, new Map([['a', 'y']])), /y fits the data of both a and b/);
});

test('a map to a node with other tokens is refused, and for files beside the live data a warning', () => {
  const mapped = (tokens?: readonly string[]): NodeMatch => ({
    source: source('a', 'id-a', ['1', '2']),
    target: tokens === undefined ? { host: 'x' } : { host: 'x', hostId: 'id-x', tokens },
    by: 'map',
  });
  for (const method of ['import', 'refresh', 'node-restart'] as const) {
    assert.deepEqual(refuseMisplaced([mapped(['2', '1'])], method), []);
    assert.throws(() => refuseMisplaced([mapped(['2', '3'])], method), /x has not the tokens that a had: .* lost/);
    // Up, and not joined.
    assert.throws(() => refuseMisplaced([mapped([])], method), UsageError);
    // Down: it cannot say.
    assert.deepEqual(refuseMisplaced([mapped()], method), []);
  }
  assert.match(refuseMisplaced([mapped(['3'])], 'stage').join(), /^x has not the tokens that a had: do not place/);
  // Matched by host id it is the node itself, after a move of tokens.
  assert.deepEqual(refuseMisplaced([{ ...mapped(['3']), by: 'host id' }], 'import'), []);
});
