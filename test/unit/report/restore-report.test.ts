import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestoreResult } from '../../../src/model/restore/restore-result.ts';
import { restoreJson, restoreQuestion, restoreText, undoQuestion } from '../../../src/report/restore-report.ts';
import { table } from '../../../src/report/table.ts';
import { users } from '../../support/manifests.ts';

const node = { host: 'n1', source: 'n1', files: 3, bytes: 2048, directory: '/tmp/r', presentFiles: 1 };
const result: RestoreResult = {
  backup: 's1',
  method: 'stage',
  reason: 'a directory is named by --to',
  dryRun: false,
  nodes: [node, { ...node, host: 'new2', source: 'n2' }],
  tables: [{ ...users, liveId: users.id }],
  coverage: [],
  commands: 'echo place\n',
  warnings: [],
};

test('a restore says what came back where, whose data it is, and how to put it in place', () => {
  const text = restoreText(result);
  assert.match(text, /^n1 +ok +3 +2\.0 KiB +1 +\/tmp\/r$/m);
  assert.match(text, /^new2 +n2 +ok/m);
  assert.match(text, /^1 table of backup s1 restored and checked$/m);
  assert.match(text, /method, begin\necho place\n# ---- node restart method, end/);
});

test('one node that failed makes it NOT restored, and nothing is offered to be put in place', () => {
  const text = restoreText({ ...result, nodes: [node, { ...node, host: 'n2', error: 'disk is full' }], commands: '' });
  assert.match(text, /^n2 .*FAILED .*disk is full$/m);
  assert.match(text, /^NOT restored: 1 of 2 nodes failed/m);
  assert.doesNotMatch(text, /restored and checked|node restart method/);
});

test('a dry run restores nothing and says so', () => {
  const plan = { ...node, fetchBytes: 1024, freeBytes: 1024 ** 3 };
  const nodes = [
    { ...plan, matchedBy: 'tokens' as const },
    { ...plan, host: 'new2', source: 'n2', matchedBy: 'map' as const },
  ];
  const text = restoreText({ ...result, dryRun: true, nodes });
  assert.match(text, /^node +data of +matched by +files +size +to fetch +free +directory$/m);
  assert.match(text, /^n1 +tokens +3 +2\.0 KiB +1\.0 KiB +1\.0 GiB +\/tmp\/r$/m);
  assert.match(text, /^new2 +n2 +map +3 +2\.0 KiB +1\.0 KiB +1\.0 GiB/m);
  assert.match(text, /^nothing is done yet: 1 table of backup s1 would be restored by stage: a directory is named by --to$/m);
  assert.doesNotMatch(text, /node restart method/);
});

test('a plan shows all of the statements that it begins with, and none of their characters does anything to a terminal', () => {
  const statements = ["CREATE TABLE a.b (\n  c int\n) WITH comment = '\u001b[2J\u202e'", 'TRUNCATE a.d'];
  const text = restoreQuestion({ ...result, method: 'import', dryRun: true, statements });
  assert.match(
    text,
    /statements:\n {2}CREATE TABLE a\.b \(\n {6}c int\n {4}\) WITH comment = '\\x1b\[2J\\u202e';\n {2}TRUNCATE a\.d;\n[^]*Go on\?$/,
  );
});

test('a repair is in the plan, in the result, and said where it failed', () => {
  const online = { ...result, method: 'import', commands: '' } as const;
  const planned = restoreQuestion({ ...online, dryRun: true, repair: 'planned' });
  assert.match(planned, /^In the end nodetool repair runs on every node that takes part: shop\.users$/m);
  const thin = [{ keyspace: 'shop', missing: [], missingShare: 0, thinShare: 100 }];
  assert.match(restoreText({ ...online, repair: 'done', coverage: thin }), /checked, then repaired\n$/);
  const failed = { ...online, repair: 'failed', nodes: [{ ...node, error: 'its rows are in place, but …' }] } as const;
  assert.match(restoreText(failed), /restored and checked, but NOT repaired: run nodetool repair -full/);
});

test('the plan of an online restore says what can be taken back, and which tables have another id', () => {
  const tables = [
    { ...users, liveId: 'f'.repeat(32) },
    { ...users, table: 'same', liveId: users.id },
  ];
  const plan = { ...result, method: 'import', dryRun: true, tables } as const;
  const text = restoreQuestion(plan);
  assert.match(
    text,
    new RegExp(`live now:\\n {2}shop\\.users \\(its id is f{32} now, ${users.id} in the backup\\)\\n\\nNothing is`),
  );
  assert.match(text, /^ {2}back: none: what is loaded is merged with what is there\. To be able/m);
  assert.match(restoreQuestion({ ...plan, statements: ['TRUNCATE a.b'] }), /leaves a snapshot `truncated-…`/);
  const copies = [{ from: users, to: { ...users, keyspace: 'old', table: 'People' } }];
  assert.match(restoreQuestion({ ...plan, copies }), /^ {2}back: DROP TABLE "old"\."People"$/m);
  assert.doesNotMatch(restoreQuestion({ ...plan, method: 'stage' }), /back:/);
});

test('that rows can be read is said, and of how many tables', () => {
  const read = { ...users, probe: { state: 'read' as const } };
  const skipped = { ...users, table: 'orders', probe: { state: 'skipped' as const, reason: 'no cqlsh' } };
  const done = { ...result, method: 'import' as const, commands: '' };
  assert.match(restoreText({ ...done, tables: [read] }), /^1 table of backup s1 restored and checked, and read by CQL$/m);
  assert.match(
    restoreText({ ...done, tables: [read, skipped] }),
    /^2 tables of backup s1 restored and checked; 1 of 2 read by CQL$/m,
  );
});

test('a table that cannot be read is named with its replicas, their logs and what to do, and nothing is called checked', () => {
  const replicas = [
    { address: '10.0.0.2', host: 'n2', log: ['CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db'] },
    { address: '10.0.0.9', log: [] },
  ];
  const failed = { ...users, probe: { state: 'failed' as const, reason: 'ReadFailure: failed', replicas } };
  const done = { ...result, commands: '', tables: [failed, { ...users, table: 'orders', probe: { state: 'read' as const } }] };
  const text = restoreText({ ...done, method: 'import' });
  assert.match(text, /^NOT readable: the files of backup s1 are in place, and rows of 1 of 2 tables cannot be read: see below$/m);
  assert.match(
    text,
    /^ {2}shop\.users: ReadFailure: failed\n {4}n2: Corrupt.*\n {4}10\.0\.0\.9: see its system\.log\n {2}Mend .*--truncate/m,
  );
  assert.doesNotMatch(text, /restored and checked/);
  assert.match(restoreText({ ...done, method: 'node-restart' }), /The way back is below/);
  const partly = restoreText({ ...done, method: 'import', nodes: [{ ...node, error: 'disk is full' }] });
  assert.match(partly, /^NOT restored: 1 of 1 node/m);
  assert.match(partly, /shop\.users: ReadFailure/);
  const unrepaired = {
    ...done,
    method: 'import',
    repair: 'failed',
    nodes: [{ ...node, error: 'its rows are in place, but …' }],
  } as const;
  assert.match(restoreText(unrepaired), /^NOT readable: .* cannot be read, and the repair failed: see below$/m);
  assert.doesNotMatch(restoreText(unrepaired), /restored and checked/);
});

test('a plan has one place for what does not come back, and a result has none', () => {
  const notBroughtBack = ['rows of shop.users that were deleted since', 'counters of shop.hits'];
  const text = restoreQuestion({ ...result, method: 'import', dryRun: true, notBroughtBack });
  assert.match(text, /\nNot brought back:\n {2}rows of shop\.users that were deleted since\n {2}counters of shop\.hits\n/);
  assert.doesNotMatch(restoreText({ ...result, dryRun: true, notBroughtBack: [] }), /Not brought back/);
  assert.doesNotMatch(restoreText({ ...result, notBroughtBack }), /Not brought back/);
});

test('a plan names what the store has no more, ten of many, and what to do', () => {
  const lostAt = (number: number) => ({ key: `s1/n1/shop/users/${number}`, path: `users/${number}`, detail: 'is missing' });
  const one = restoreText({ ...result, dryRun: true, lost: [lostAt(1)] });
  assert.match(
    one,
    /^The backup is DAMAGED: an object that is needed is not in the store as stored:\n {2}s1\/n1\/shop\/users\/1 is missing$/m,
  );
  assert.match(one, /^ {2}`sstash verify` names all damage/m);
  const staged = restoreText({ ...result, nodes: [{ ...node, error: 'it does not exist' }], lost: [lostAt(1)] });
  assert.match(staged, /^NOT restored: 1 of 1 node failed; the backup is damaged: see below$/m);
  const many = restoreText({ ...result, dryRun: true, lost: Array.from({ length: 12 }, (_, index) => lostAt(index)) });
  assert.match(many, /DAMAGED: 12 objects that are needed are not/);
  assert.match(many, /users\/9 is missing\n {2}and 2 more$/m);
  assert.doesNotMatch(restoreText({ ...result, lost: [] }), /DAMAGED/);
});

const range = (number: number) => ({ after: `${number}`, upTo: `${number + 1}` });
const known = { keyspace: 'shop', missing: [], missingShare: 0, thinShare: 0 };

test('that every range comes back is said in one line, and not when a node failed', () => {
  const coverage = [known, { ...known, keyspace: 'other' }];
  assert.match(restoreText({ ...result, coverage }), /^coverage: every range, all replicas$/m);
  const failed = restoreText({ ...result, coverage, nodes: [{ ...node, error: 'disk is full' }], commands: '' });
  assert.doesNotMatch(failed, /coverage/);
  assert.doesNotMatch(restoreText(result), /coverage/);
});

test('what does not come back is said by keyspace, some of its ranges by name', () => {
  const missing = [-9, 3, 5, 7, 11].map(range);
  const gone = { missing, missingShare: 200 / 3, thinShare: 0.01 };
  const coverage = [
    { keyspace: 'shop', ...gone },
    { keyspace: 'twin', ...gone },
    { ...known, keyspace: 'thin', thinShare: 100 },
    { ...known, keyspace: 'whole' },
    { ...known, keyspace: 'last', missing: [range(1)], missingShare: 99.99 },
    { keyspace: 'odd', unknown: 'nobody knows' },
  ];
  assert.ok(
    restoreText({ ...result, dryRun: true, coverage }).endsWith(
      `
coverage of shop, twin: 66.7 % of the ring MISSING, 5 ranges: (-9, -8] (3, 4] (5, 6] and 2 more; < 0.1 % of the ring without some of its replicas
coverage of thin: every range; 100 % of the ring without some of its replicas
coverage of whole: every range, all replicas
coverage of last: > 99.9 % of the ring MISSING, 1 range: (1, 2]
coverage of odd: not known: nobody knows
  rows of missing ranges do not come back
  rows that only the nodes left out had do not come back: repair afterwards
`,
    ),
  );
});

test('a copy is said to be one, before and after', () => {
  const copies = [{ from: users, to: { ...users, keyspace: 'old', table: 'people' } }];
  assert.match(restoreText({ ...result, method: 'import', copies }), /not touched:\n {2}shop\.users as old\.people$/m);
  assert.match(restoreQuestion({ ...result, method: 'import', copies, dryRun: true }), /shop\.users as old\.people$/m);
});

test('the plan of a load says how much is streamed', () => {
  const load = [
    { keyspace: 'shop', bytes: 2048, copies: 3 },
    { keyspace: 'odd', bytes: 1024 },
  ];
  const text = restoreQuestion({ ...result, method: 'load', load, dryRun: true });
  assert.match(text, /^shop +2\.0 KiB +× 3 +6\.0 KiB\nodd +1\.0 KiB +\? +\?$/m);
});

const restarted: RestoreResult = {
  ...result,
  method: 'node-restart',
  stops: ['n1', 'n2'],
  service: { stop: 'halt it', start: 'run it' },
  commands: '',
};

test('the plan of a node restart says what is replaced, what is stopped and how, and how to go back', () => {
  const text = restoreQuestion({ ...restarted, dryRun: true, tables: [{ ...users, liveId: 'f'.repeat(32) }] });
  assert.match(text, new RegExp(`^ {2}shop\\.users \\(its id is f{32} now, ${users.id} in the backup\\)$`, 'm'));
  assert.match(text, /STOPPED on n1, n2;/);
  assert.match(text, /^ {2}stop: {2}halt it\n {2}start: run it\n {2}back: {2}sstash restore --undo --hosts n1,n2$/m);
});

test('a node that did not come up is no reason to restore again, and the way back is given', () => {
  const nodes = [node, { ...node, host: 'n2', error: 'n2 is not up' }];
  const text = restoreText({ ...restarted, undo: 'u1', nodes });
  assert.match(text, /^the files of backup s1 are in place, but 1 of 2 nodes did not come up/m);
  assert.match(text, /sstash restore --undo u1 --hosts n1,n2$/m);
  assert.doesNotMatch(text, /NOT restored/);
});

test('the document is the result', () => assert.deepEqual(restoreJson(result), result));

test('columns are as wide as their widest cell, numbers stand right, and no line ends in blanks', () =>
  assert.equal(
    table(
      ['name', '>size', 'why'],
      [
        ['a', '1', ''],
        ['longer', '1000', 'x'],
      ],
    ),
    'name    size  why\na          1\nlonger  1000  x\n',
  ));

test('whoever takes a restore back is told first what becomes of the rows written since', () => {
  const plan = { id: 'r1', dryRun: true, nodes: [{ host: 'n1', phase: 'placed' }], tables: ['t'] };
  const text = undoQuestion({ ...plan, service: { stop: 'halt', start: 'go' } });
  assert.match(text, /^what these tables hold now, with all that was written since, becomes the snapshot restored-r1 of each$/m);
});
