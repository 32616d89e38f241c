import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readDictionaries } from '../../../../src/cluster/cql/dictionaries.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { BackupError } from '../../../../src/model/errors.ts';
import { dictionaryColumns } from '../../../../src/model/schema/dictionaries.ts';
import { never } from '../../../support/never.ts';
import { program, says, scriptedRemote } from '../../../support/scripted-remote.ts';

/** As cqlsh 6.2 prints it of Cassandra 6.0-alpha2, the dictionary cut short. */
const answer = `WARNING: cqlsh was built against 5.0.0, but this server is 6.0.  All features may not work!

 [json]
--------------------------------------------------------------------------------------------------
 {"keyspace_name": "shop", "table_name": "users", "dict_id": "150562236200169639", "table_id": "1b255f4d-ef25-40a6-0000-000000000008", "kind": "ZSTD", "dict": "0x37a430ec", "dict_length": 4, "dict_checksum": -26378027, "created_at": "2026-11-29 09:38:22.595Z"}

(1 rows)
`;

function nodeThatSays(t: TestContext, text: string) {
  const remote = scriptedRemote(t, 'node1');
  remote.on(program('cqlsh'), says(text));
  return { remote, programs: defaultPrograms, config: { cqlAddress: '10.0.0.1', cqlPort: 9042, cqlEncrypted: false } };
}

test('a dictionary has the number that it has, of 64 bits, and its row', async (t) => {
  const [dictionary, ...more] = await readDictionaries(nodeThatSays(t, answer), dictionaryColumns, never);
  assert.deepEqual(more, []);
  assert.deepEqual([dictionary?.keyspace, dictionary?.table, dictionary?.id], ['shop', 'users', '150562236200169639']);
  assert.match(dictionary?.json ?? '', /"dict":"0x37a430ec","dict_length":4,"dict_checksum":-26378027,"created_at":"2026/);
});

test('an answer that is cut, or has other rows, gives none', async (t) => {
  for (const text of ['', answer.replace('(1 rows)', '(2 rows)'), answer.replace('dict_id', 'id')]) {
    await assert.rejects(readDictionaries(nodeThatSays(t, text), dictionaryColumns, never), BackupError);
  }
});
