import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restoreOutcome } from '../../../../src/commands/restore/outcome.ts';
import type { RestoreResult } from '../../../../src/model/restore/restore-result.ts';
import { users } from '../../../support/manifests.ts';

const node = { host: 'n1', source: 'n1', files: 3, bytes: 2048, directory: '/tmp/r', presentFiles: 1 };
const result: RestoreResult = {
  backup: 's1',
  method: 'import',
  reason: 'tables are named',
  dryRun: false,
  nodes: [node],
  tables: [users],
  coverage: [],
  commands: '',
  warnings: [],
};
const lost = [{ key: 's1/n1/shop/users/nb-1-big-Data.db', path: 'shop/users/nb-1-big-Data.db', detail: 'is missing' }];

function exitCodeOf(changes: Partial<RestoreResult>): number | undefined {
  const outcome = restoreOutcome({ ...result, ...changes });
  return 'stream' in outcome ? undefined : outcome.exitCode;
}

test('what is done ends with 0, and a node that failed makes it 3', () => {
  assert.equal(exitCodeOf({}), 0);
  assert.equal(exitCodeOf({ nodes: [{ ...node, error: 'disk is full' }] }), 3);
});

test('a table that cannot be read makes it 4, and one that was not read does not', () => {
  const probed = (state: 'read' | 'failed' | 'skipped') => [{ ...users, probe: { state, reason: 'why' } }];
  assert.equal(exitCodeOf({ tables: probed('read') }), 0);
  assert.equal(exitCodeOf({ tables: probed('skipped') }), 0);
  assert.equal(exitCodeOf({ tables: probed('failed') }), 4);
  assert.equal(exitCodeOf({ tables: probed('failed'), nodes: [{ ...node, error: 'disk is full' }] }), 4);
});

test('a plan that lacks objects makes it 4; where what there is was fetched all the same, the nodes that failed count', () => {
  assert.equal(exitCodeOf({ lost, dryRun: true }), 4);
  assert.equal(exitCodeOf({ lost, nodes: [{ ...node, error: 'it does not exist' }] }), 3);
});
