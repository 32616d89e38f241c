import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { primaryRanges, replicatedRanges } from '../../../../src/model/ring/replica-ranges.ts';
import { sharedRanges } from '../../../../src/model/ring/shared-ranges.ts';
import { naiveReplicas, replications, rings } from '../../../support/naive-ring.ts';

const partitioner = 'org.apache.cassandra.dht.Murmur3Partitioner';

test('every token has the replicas that it has in each of two rings, and the parts are the whole ring', () => {
  fc.assert(
    fc.property(rings, rings, replications, replications, (before, now, some, other) => {
      const [was, is] = [
        replicatedRanges(primaryRanges(before, partitioner), some),
        replicatedRanges(primaryRanges(now, partitioner), other),
      ];
      fc.pre(was !== undefined && is !== undefined);
      const shared = sharedRanges(was, is, partitioner);
      for (const range of shared) {
        const token = BigInt(range.upTo);
        const names = (nodes: readonly { readonly name: string }[]) => nodes.map(({ name }) => name).toSorted();
        assert.deepEqual(names(range.before), naiveReplicas(before, some, token));
        assert.deepEqual(names(range.now), naiveReplicas(now, other, token));
      }
      assert.equal(
        shared.reduce((sum, { width }) => sum + width, 0n),
        2n ** 64n,
      );
    }),
    { numRuns: 300 },
  );
});

test('a keyspace that every node has is one range, cut as the other placement is', () => {
  const nodes = ['-5', '5'].map((token) => ({ name: token, dc: 'dc1', rack: token, tokens: [token] }));
  const ring = primaryRanges(nodes, partitioner);
  const everywhere = replicatedRanges(ring, new Map([['class', 'EverywhereStrategy']]));
  const single = replicatedRanges(
    ring,
    new Map([
      ['class', 'SimpleStrategy'],
      ['replication_factor', '1'],
    ]),
  );
  assert.ok(everywhere !== undefined && single !== undefined);
  assert.deepEqual(
    sharedRanges(everywhere, single, partitioner).map(({ upTo, before, now }) => [
      upTo,
      before.length,
      now.map(({ name }) => name),
    ]),
    [
      ['-5', 2, ['-5']],
      ['5', 2, ['5']],
    ],
  );
});
