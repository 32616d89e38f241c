import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replicasMoved } from '../../../../src/model/ring/replica-places.ts';

const node = (number: number, place: string) => {
  const [dc = '', rack = ''] = place.split('/');
  return { name: `n${number}`, tokens: [`${number}`, `-${number}`], dc, rack };
};
const ring = (...places: readonly string[]) => places.map((place, index) => node(index + 1, place));

test('replicas stand where they stood when the same nodes share racks, whatever these are called', () => {
  const before = ring('dc1/r1', 'dc1/r1', 'dc1/r2', 'dc2/r1');
  assert.equal(replicasMoved(before, before), undefined);
  assert.equal(replicasMoved(before, ring('dc1/a', 'dc1/a', 'dc1/r1', 'dc2/a')), undefined);
  assert.equal(replicasMoved(before, ring('eu/r1', 'eu/r1', 'eu/r2', 'us/r1').toReversed()), undefined);
  // A part of the ring, and a node that the backup does not know.
  assert.equal(replicasMoved(before, [node(3, 'dc1/r1'), node(9, 'dc1/r1')]), undefined);
});

test('a rack that is split, or two that are one, moves replicas', () => {
  const before = ring('dc1/r1', 'dc1/r1', 'dc1/r2');
  const said = replicasMoved(before, ring('dc1/r1', 'dc1/r2', 'dc1/r2'));
  assert.match(said ?? '', /^n2 is in dc1\/r2, and n2, which had its tokens, was in dc1\/r1$/);
  assert.match(replicasMoved(before, ring('dc1/r1', 'dc1/r1', 'dc1/r1')) ?? '', /^n3 is in dc1\/r1/);
});

test('datacenters that change places, are one or two, or have another one’s name move replicas', () => {
  const before = ring('dc1/r1', 'dc1/r2', 'dc2/r1');
  assert.ok(replicasMoved(before, ring('dc2/r1', 'dc2/r2', 'dc1/r1')));
  assert.ok(replicasMoved(before, ring('dc1/r1', 'dc1/r2', 'dc1/r3')));
  assert.ok(replicasMoved(before, ring('dc1/r1', 'eu/r2', 'dc2/r1')));
  assert.ok(replicasMoved(before, ring('dc2/r1', 'dc2/r2', 'eu/r1')));
});
