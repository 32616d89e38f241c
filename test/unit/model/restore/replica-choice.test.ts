import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import type { RestoreMethod } from '../../../../src/model/restore/method.ts';
import { type ReplicaQuestion, fitReplicas } from '../../../../src/model/restore/replica-choice.ts';
import type { KeyspaceCoverage } from '../../../../src/model/target/coverage.ts';

const whole = { keyspace: 'k', missing: [], missingShare: 0, thinShare: 0 };
const words = { backup: 'SimpleStrategy 1', now: 'SimpleStrategy 3' };
const raised: KeyspaceCoverage = { ...whole, thinShare: 100, changed: { ...words, newShare: 100, strayShare: 0, lostShare: 0 } };
const lowered: KeyspaceCoverage = { ...whole, changed: { ...words, newShare: 0, strayShare: 100, lostShare: 0 } };
const moved: KeyspaceCoverage = { ...whole, changed: { ...words, newShare: 50, strayShare: 50, lostShare: 25 } };
const unknown: KeyspaceCoverage = { keyspace: 'k', unknown: 'nobody knows', changed: words };

function fit(method: RestoreMethod, coverage: KeyspaceCoverage, changes: Partial<ReplicaQuestion> = {}) {
  const question = { asked: method, repair: false, acceptThin: false, coverage: [coverage], ...changes };
  return fitReplicas({ method, reason: 'a test' }, question);
}

const refusal = (message: RegExp, hint: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UsageError);
  assert.match(error.message, message);
  assert.match(error.hint ?? '', hint);
  return true;
};

test('where nothing has changed, nor is anything known to have, a method stays as it is', () => {
  for (const coverage of [whole, { keyspace: 'k', unknown: 'no ring.json' }]) {
    for (const method of ['import', 'refresh', 'load', 'node-restart', 'stage'] as const) {
      assert.deepEqual(fit(method, coverage), { method, reason: 'a test', warnings: [] });
    }
  }
});

test('new replicas stay empty only where that is accepted or they are repaired, and three ways out are named', () => {
  for (const method of ['import', 'refresh', 'node-restart'] as const) {
    assert.throws(
      () => fit(method, raised),
      refusal(
        /^keyspace k: it was replicated SimpleStrategy 1 .* in 100 % of the ring/,
        /--repair.*--method load.*--accept-thin/,
      ),
    );
    assert.deepEqual(fit(method, raised, { repair: true }).warnings, []);
    assert.match(fit(method, raised, { acceptThin: true }).warnings.join(), /miss rows until nodetool repair -full/);
  }
  assert.throws(() => fit('import', raised, { asked: 'auto' }), UsageError);
});

test('rows that are not a node’s own any more are streamed, or import is refused', () => {
  for (const coverage of [lowered, moved, unknown]) {
    for (const method of ['import', 'refresh'] as const) {
      const found = fit(method, coverage, { asked: 'auto' });
      assert.equal(found.method, 'load');
      assert.match(
        found.reason,
        /^keyspace k: it was replicated SimpleStrategy 1 at the backup, and is SimpleStrategy 3 now: its rows/,
      );
    }
    for (const way of [{}, { repair: true }, { acceptThin: true }]) {
      assert.throws(() => fit('import', coverage, way), refusal(/^nodetool import refuses rows/, /^--method load/));
    }
  }
});

test('files that are placed unasked may bring rows too many, and no row to nodes where nobody looks', () => {
  for (const method of ['refresh', 'node-restart'] as const) {
    assert.match(fit(method, lowered).warnings.join(), /nodetool cleanup removes them/);
    for (const coverage of [moved, unknown]) {
      assert.throws(() => fit(method, coverage, { repair: true }), refusal(/nobody looks for them/, /^--method load/));
    }
  }
});

test('what is put beside the live data is warned of', () => {
  for (const coverage of [raised, lowered, moved, unknown]) {
    const { method, warnings } = fit('stage', coverage, { asked: 'auto' });
    assert.equal(method, 'stage');
    assert.ok(warnings.length > 0 && warnings.every((text) => text.includes('--method load')));
  }
});
