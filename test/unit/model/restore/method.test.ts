import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { type MethodNode, type MethodQuestion, chooseMethod } from '../../../../src/model/restore/method.ts';

const node: MethodNode = { host: 'n1', flavour: 'cassandra', version: '5.0.9', up: true };
const question: MethodQuestion = { asked: 'auto', named: true, directory: false, renames: false, nodes: [node] };

test('named tables are restored online where every node can', () => {
  assert.equal(chooseMethod(question).method, 'import');
  assert.equal(chooseMethod({ ...question, nodes: [node, { ...node, version: '4.0.19' }] }).method, 'import');
});

test('nothing live is changed where no table is named, a directory is, or a node is down', () => {
  assert.equal(chooseMethod({ ...question, named: false }).method, 'stage');
  assert.equal(chooseMethod({ ...question, directory: true }).method, 'stage');
  const down = chooseMethod({ ...question, nodes: [node, { ...node, host: 'n2', up: false }] });
  assert.equal(down.method, 'stage');
  assert.match(down.reason, /does not run on n2/);
});

test('before Cassandra 4.0 and in Scylla it is refresh, and why is said', () => {
  for (const old of [
    { ...node, host: 'n2', version: '3.11.19' },
    { ...node, host: 'n2', flavour: 'scylla' as const },
  ]) {
    const choice = chooseMethod({ ...question, nodes: [node, old] });
    assert.equal(choice.method, 'refresh');
    assert.match(choice.reason, /n2 runs (Cassandra 3\.11\.19|Scylla)/);
    assert.throws(() => chooseMethod({ ...question, asked: 'import', nodes: [node, old] }), UsageError);
  }
});

test('node-restart is refused for Scylla, which takes no files that are put into its data directories', () => {
  assert.equal(chooseMethod({ ...question, asked: 'node-restart', nodes: [{ ...node, up: false }] }).method, 'node-restart');
  const scylla = { ...node, host: 'n2', flavour: 'scylla' as const };
  assert.throws(
    () => chooseMethod({ ...question, asked: 'node-restart', nodes: [node, scylla] }),
    /n2 runs Scylla.* by nodetool refresh alone/,
  );
});

test('a method that was asked for is taken, or refused when a node is down', () => {
  assert.equal(chooseMethod({ ...question, asked: 'refresh' }).method, 'refresh');
  assert.equal(chooseMethod({ ...question, asked: 'stage', nodes: [{ ...node, up: false }] }).method, 'stage');
  for (const asked of ['import', 'refresh'] as const) {
    assert.throws(() => chooseMethod({ ...question, asked, nodes: [{ ...node, up: false }] }), /does not run on n1/);
  }
});

test('a copy beside a living table is filled online, wherever the files are put, and never by files in place', () => {
  assert.equal(chooseMethod({ ...question, renames: true, directory: true }).method, 'import');
  assert.equal(chooseMethod({ ...question, renames: true, nodes: [{ ...node, version: '3.11.19' }] }).method, 'refresh');
  assert.equal(chooseMethod({ ...question, renames: true, asked: 'load' }).method, 'load');
  for (const asked of ['stage', 'node-restart'] as const) {
    assert.throws(() => chooseMethod({ ...question, renames: true, asked }), /--rename goes with an online restore/);
  }
  const down = [node, { ...node, host: 'n2', up: false }];
  assert.throws(() => chooseMethod({ ...question, renames: true, nodes: down }), /does not run on n2/);
});

test('load is never chosen by itself; Scylla has one of its own', () => {
  assert.equal(chooseMethod({ ...question, asked: 'load', nodes: [{ ...node, version: '3.11.19' }] }).method, 'load');
  assert.equal(chooseMethod({ ...question, asked: 'load', nodes: [{ ...node, flavour: 'scylla' }] }).method, 'load');
  assert.throws(() => chooseMethod({ ...question, asked: 'load', nodes: [{ ...node, up: false }] }), /does not run on n1/);
});
