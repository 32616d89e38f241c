import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { tryReads } from '../../../../src/cluster/cql/read-trial.ts';
import { readTableKeys } from '../../../../src/cluster/cql/table-keys.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { never } from '../../../support/never.ts';
import type { Recorded } from '../../../support/recorded.ts';
import { program, says, scriptedRemote } from '../../../support/scripted-remote.ts';

const ended = "Now capturing query output to '/dev/null'.\nConsistency level set to LOCAL_ONE.\n";

function nodeThatSays(t: TestContext, said: Partial<Recorded>) {
  const remote = scriptedRemote(t, 'node1');
  remote.on(program('cqlsh'), says(said));
  const config = { cqlAddress: '10.0.0.1', cqlPort: 9042, cqlEncrypted: false };
  return { remote, programs: defaultPrograms, config };
}

const reads = ['a', 'b', 'c'].map((name, index) => ({
  statement: `SELECT * FROM ${name}`,
  consistency: index < 2 ? 'ALL' : 'TWO',
}));

test('all reads go in one start, rows stay on the node, and a level is set where it changes', async (t) => {
  const node = nodeThatSays(t, { stdout: ended });
  assert.deepEqual(await tryReads(node, reads, never), []);
  assert.equal(
    node.remote.calls[0]?.options.input,
    "CAPTURE '/dev/null';\nCONSISTENCY ALL;\n\nSELECT * FROM a;\n\nSELECT * FROM b;\nCONSISTENCY TWO;\n\nSELECT * FROM c;\nCONSISTENCY LOCAL_ONE;\n",
  );
  assert.equal(node.remote.calls.length, 1);
});

// The first statement ends on line 4, the second on line 6, the third on line 9.
for (const [what, shift] of [
  ['the line that a statement ends on', 0],
  ['the line after it', 1],
] as const) {
  test(`a complaint is of its statement where cqlsh names ${what}`, async (t) => {
    const stderr = [
      `<stdin>:${4 + shift}:ReadFailure: Error from server: code=1300 […] message="failed" info={'failures': 1}`,
      `<stdin>:${9 + shift}:something without a name`,
      '',
    ].join('\n');
    const complaints = await tryReads(nodeThatSays(t, { stdout: ended, stderr, status: 2 }), reads, never);
    assert.deepEqual(
      complaints.map(({ statement, kind }) => [statement, kind]),
      [
        [0, 'ReadFailure'],
        [2, ''],
      ],
    );
  });
}

test('a cqlsh that breaks off has read nothing for certain', async (t) => {
  const stderr = "Connection error: ('Unable to connect to any servers', {'10.0.0.1:9042': ConnectionRefusedError(111)})";
  await assert.rejects(tryReads(nodeThatSays(t, { stderr, status: 1 }), reads, never), RemoteError);
  await assert.rejects(
    tryReads(nodeThatSays(t, { stdout: "Now capturing query output to '/dev/null'.\n" }), reads, never),
    RemoteError,
  );
});

test('a failure that is of no statement is not taken for success', async (t) => {
  await assert.rejects(tryReads(nodeThatSays(t, { stdout: ended, stderr: 'what?', status: 2 }), reads, never), RemoteError);
});

test('partition keys come in their order, with names as they are, and replication without packages', async (t) => {
  const row = (changes: object) => ` ${JSON.stringify({ keyspace_name: 'shop', table_name: 'T', ...changes })}`;
  const stdout = [
    ' [json]',
    ' {"keyspace_name": "shop", "replication": {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "2"}}',
    '',
    '(1 rows)',
    ' [json]',
    row({ column_name: 'second', kind: 'partition_key', position: 1 }),
    row({ column_name: 'First', kind: 'partition_key', position: 0 }),
    row({ column_name: 'c', kind: 'clustering', position: 0 }),
    row({ column_name: 'v', kind: 'regular', position: -1 }),
    '',
    '(4 rows)',
  ].join('\n');
  const keys = await readTableKeys(nodeThatSays(t, { stdout }), ['shop'], never);
  assert.deepEqual([...keys.partitionKeys], [['shop.T', ['First', 'second']]]);
  assert.deepEqual(
    [...(keys.replications.get('shop') ?? [])],
    [
      ['class', 'SimpleStrategy'],
      ['replication_factor', '2'],
    ],
  );
  await assert.rejects(readTableKeys(nodeThatSays(t, { stdout: '(1 rows)' }), ['shop'], never), RemoteError);
});
