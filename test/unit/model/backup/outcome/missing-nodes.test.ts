import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifyMissing, type MissingQuestion } from '../../../../../src/model/backup/outcome/missing-nodes.ts';
import { nodeOf } from '../../../../support/manifests.ts';

const ring = { cluster: 'c', partitioner: 'p', nodes: [1, 2, 3].map(nodeOf) };
const reason = 'why';

function identify(failed: readonly [host: string, hostId: string][], changes: Partial<MissingQuestion> = {}) {
  const found = identifyMissing({
    failed: failed.map(([host, hostId]) => ({ host, hostId, reason })),
    ring,
    stored: new Set(['host-id-1']),
    earlier: new Map(),
    ...changes,
  });
  return [found.nodes.map(({ hostId }) => hostId), found.members.map(({ hostId }) => hostId), found.strangers];
}

test('a node is known by what it said, by the ring’s address, by the name that an earlier backup has for it', () => {
  assert.deepEqual(identify([['cass2', 'host-id-2']]), [['host-id-2'], ['host-id-2'], []]);
  assert.deepEqual(identify([['10.0.0.3', '']]), [['host-id-3'], ['host-id-3'], []]);
  const earlier = new Map([['cass3', 'host-id-3']]);
  assert.deepEqual(identify([['cass3', '']], { earlier }), [['host-id-3'], ['host-id-3'], []]);
});

test('one that nobody knows may be any member that is not stored', () =>
  assert.deepEqual(identify([['cass3', '']]), [[''], ['host-id-2', 'host-id-3'], []]));

test('a name that now belongs to a node which is stored, or to none, tells nothing', () => {
  const earlier = new Map([
    ['cass2', 'host-id-1'],
    ['cass3', 'host-id-9'],
  ]);
  assert.deepEqual(
    identify(
      [
        ['cass2', ''],
        ['cass3', ''],
      ],
      { earlier },
    ),
    [['', ''], ['host-id-2', 'host-id-3'], []],
  );
});

test('what can be no member of the ring is a stranger', () => {
  assert.deepEqual(identify([['other', 'host-id-9']]), [['host-id-9'], [], ['other']]);
  const stored = new Set(['host-id-1', 'host-id-2', 'host-id-3']);
  assert.deepEqual(identify([['gone', '']], { stored }), [[''], [], ['gone']]);
});
