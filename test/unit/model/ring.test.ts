import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareTokens, findNode, matchByTokens, sameTokens } from '../../../src/model/ring.ts';
import type { Node, Ring } from '../../../src/model/ring.ts';

function node(address: string, tokens: readonly string[]): Node {
  return { hostId: `id-of-${address}`, address, dc: 'dc1', rack: 'r1', tokens, state: 'UN' };
}

function ring(...nodes: readonly Node[]): Ring {
  return { cluster: 'c', partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner', nodes };
}

test('tokens are ordered by value, beyond what a JSON number holds', () => {
  const tokens = ['9030960283322248708', '-9165345133641314480', '5', '-40', '9030960283322248707'];
  assert.deepEqual(tokens.toSorted(compareTokens), [
    '-9165345133641314480',
    '-40',
    '5',
    '9030960283322248707',
    '9030960283322248708',
  ]);
  assert.deepEqual(['b0', 'a1', '7f'].toSorted(compareTokens), ['7f', 'a1', 'b0']);
});

test('nodes are matched by tokens whatever their names and order are', () => {
  const source = ring(node('10.0.0.1', ['1', '20']), node('10.0.0.2', ['3']), node('10.0.0.3', ['5']));
  const target = ring(node('10.9.0.1', ['5']), node('10.9.0.2', ['20', '1']), node('10.9.0.3', ['4']));
  const match = matchByTokens(source, target);
  assert.deepEqual(
    match.pairs.map((pair) => [pair.source.address, pair.target.address]),
    [
      ['10.0.0.1', '10.9.0.2'],
      ['10.0.0.3', '10.9.0.1'],
    ],
  );
  assert.deepEqual(
    match.unmatchedSources.map((each) => each.address),
    ['10.0.0.2'],
  );
  assert.deepEqual(
    match.unmatchedTargets.map((each) => each.address),
    ['10.9.0.3'],
  );
});

test('nodes without tokens match nothing, not even each other', () => {
  const match = matchByTokens(ring(node('a', [])), ring(node('b', [])));
  assert.equal(match.pairs.length, 0);
  assert.equal(match.unmatchedSources.length, 1);
  assert.equal(match.unmatchedTargets.length, 1);
  assert.equal(sameTokens(node('a', []), node('b', [])), false);
  assert.equal(sameTokens(node('a', ['1', '2']), node('b', ['2', '1'])), true);
});

test('a node is found by host id before address', () => {
  const odd: Node = { ...node('id-of-b', ['1']), hostId: 'x' };
  const both = ring(odd, node('b', ['2']));
  assert.equal(findNode(both, 'id-of-b')?.address, 'b');
  assert.equal(findNode(both, 'b')?.hostId, 'id-of-b');
  assert.equal(findNode(both, 'nobody'), undefined);
});
