import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../../src/model/verify/verify-plan.ts';
import { type VerifyResult, isSound } from '../../../src/model/verify/verify-result.ts';
import { verifyJson, verifyText } from '../../../src/report/verify-report.ts';
import { storedOf, users } from '../../support/manifests.ts';

const id = '20261121T031500Z';
const file = storedOf('nb-1-big-Data.db');
const missing: Problem = {
  kind: 'missing',
  backup: id,
  host: 'node1',
  path: `shop/users-${users.id}/nb-1-big-Data.db`,
  key: file.key,
  detail: 'the object is missing',
  component: { hostId: 'host-id-1', table: users, file },
};
const orphan: Problem = { kind: 'orphan', backup: id, host: 'node1', path: '', key: `${id}/node1/x`, detail: '5 bytes' };

function resultOf(changes: Partial<VerifyResult> = {}): VerifyResult {
  return {
    location: 's3://backups/prod',
    backup: id,
    backups: [id],
    unfinished: [],
    degraded: [],
    problems: [],
    objects: 12,
    bytes: 4096,
    readObjects: 0,
    readBytes: 0,
    mendings: new Map(),
    ...changes,
  };
}

test('a degraded backup is sound, and says which nodes it lacks', () => {
  const degraded = resultOf({ degraded: [{ id, missing: ['node3'] }] });
  assert.match(verifyText(degraded), new RegExp(`degraded, it lacks node3: ${id}\nbackup ${id}: ok\n$`));
  assert.deepEqual(
    Object.entries(verifyJson(degraded) as object).filter(([key]) => key === 'degraded' || key === 'ok'),
    [
      ['ok', true],
      ['degraded', [{ id, missing: ['node3'] }]],
    ],
  );
});

test('a sound backup is said to be, and that its contents were not read', () => {
  const text = verifyText(resultOf());
  assert.match(text, new RegExp(`backup ${id}: ok\n$`));
  assert.match(text, /12 objects of 1 backup \(4\.0 KiB\).*not read/);
});

test('what is wrong is listed, and the last line says so', () => {
  const text = verifyText(resultOf({ problems: [orphan, missing] }));
  assert.match(text, /missing +20261121T031500Z +node1 +shop\/users-\w+\/nb-1-big-Data\.db +the object is missing/);
  assert.match(text, new RegExp(`backup ${id}: NOT ok, 1 problem \\(1 missing\\)\n$`));
  assert.ok(text.indexOf('missing ') < text.indexOf('orphan '), 'damage comes first');
});

test('orphans alone leave a backup sound', () => {
  const result = resultOf({ problems: [orphan] });
  assert.equal(isSound(result), true);
  assert.match(verifyText(result), /1 orphan: .*\n.*: ok\n$/);
});

test('a mended problem is no problem any more; one that was not mended says why', () => {
  const mended = resultOf({ problems: [missing], mendings: new Map([[file.key, { mended: true, detail: 'from node1' }]]) });
  assert.equal(isSound(mended), true);
  assert.match(verifyText(mended), /MENDED: from node1[\s\S]*1 problem mended\n.*: ok\n$/);
  const left = resultOf({ problems: [missing], mendings: new Map([[file.key, { mended: false, detail: 'gone there too' }]]) });
  assert.equal(isSound(left), false);
  assert.match(verifyText(left), /NOT mended: gone there too[\s\S]*NOT ok/);
});

test('a sample names its seed', () => {
  const text = verifyText(resultOf({ sample: { percent: 10, seed: 'abcd' }, readObjects: 2, readBytes: 2048 }));
  assert.match(text, /2 of them read to their end \(2\.0 KiB\), a sample of 10 % \(--sample-seed abcd\)/);
});

test('people are not shown thousands of lines; programs are', () => {
  const problems = Array.from({ length: 500 }, (_, index) => ({ ...missing, key: `k${index}` }));
  const text = verifyText(resultOf({ problems }));
  assert.match(text, /and 400 more/);
  assert.ok(text.split('\n').length < 110);
  assert.deepEqual(Object.keys(Object(verifyJson(resultOf({ problems })))).includes('problems'), true);
});

test('the document has the verdict, the figures and every problem, without what is internal', () => {
  const mendings = new Map([[file.key, { mended: true, detail: 'from node1' }]]);
  assert.deepEqual(verifyJson(resultOf({ problems: [missing, orphan], mendings })), {
    ok: true,
    location: 's3://backups/prod',
    backup: id,
    backups: [id],
    problems: [
      {
        kind: 'missing',
        backup: id,
        host: 'node1',
        path: missing.path,
        key: file.key,
        detail: 'the object is missing',
        repair: { mended: true, detail: 'from node1' },
      },
      { kind: 'orphan', backup: id, host: 'node1', path: '', key: orphan.key, detail: '5 bytes' },
    ],
    objects: 12,
    bytes: 4096,
    readObjects: 0,
    readBytes: 0,
  });
});
