import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTableStates } from '../../../../src/cluster/cql/table-states.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const id = '496f8e80e57811f1b3e761cacd2a03b6';
const uuid = '496f8e80-e578-11f1-b3e7-61cacd2a03b6';
const viewUuid = '596f8e80-e578-11f1-b3e7-61cacd2a03b6';
const remote = localRemote({ host: 'h2' });
const config = { cqlAddress: '10.0.0.5', cqlPort: 9042, cqlEncrypted: false, flavour: 'cassandra', dataDirectories: [] } as const;

/** As cqlsh of Cassandra 5.0.9 prints it. */
function printed(now: Date, truncatedAt: number): string {
  const record = `0x000001a1fce1114c0001f113${truncatedAt.toString(16).padStart(16, '0')}`;
  const local = { truncated_at: { [uuid]: record }, now: now.toISOString().replace('T', ' ') };
  const table = { keyspace_name: 'shop', table_name: 'cache', id: uuid, incremental_backups: false };
  const view = { keyspace_name: 'shop', view_name: 'cache_by_age', id: viewUuid };
  const made = { keyspace_name: 'shop', table_name: 'cache', made_at: truncatedAt * 1000 };
  return [local, table, view, made].map((row) => `\n [json]\n----\n ${JSON.stringify(row)}\n\n(1 rows)\n`).join('');
}

test('a truncation is dated by the clock of the reader, however far behind the clock of the node is', async (t) => {
  const hour = 3_600_000;
  const truncatedAt = Date.now() - hour - 90_000;
  const stdout = printed(new Date(Date.now() - hour), truncatedAt);
  const program = await fakeProgram(await temporaryDirectory(t), 'cqlsh', { '': { stdout } });
  const began = Date.now();
  const states = await readTableStates(
    { remote, files: remote, programs: { ...defaultPrograms, cqlsh: [program.path] }, config },
    async () => new Date(),
    never,
  );
  const age = Date.now() - (states.truncatedAt.get(id)?.getTime() ?? 0);
  assert.ok(Math.abs(age - 90_000) <= Date.now() - began + 1100, `it was 90 s ago, not ${age} ms`);
  assert.deepEqual(states.madeAt, states.truncatedAt);
  assert.deepEqual(states.withoutIncrementals, [{ keyspace: 'shop', table: 'cache', id }]);
  const view = { keyspace: 'shop', table: 'cache_by_age', id: viewUuid.replaceAll('-', '') };
  assert.deepEqual(states.tables, [{ keyspace: 'shop', table: 'cache', id }, view]);
});

for (const [what, stdout] of [
  ['nothing of itself', '\n(0 rows)\n\n(0 rows)\n\n(0 rows)\n\n(0 rows)\n'],
  ['rows of another shape', printed(new Date(), 0).replace('"table_name":"cache"', '"table_name":7')],
] as const) {
  test(`a node that says ${what} is an error`, async (t) => {
    const program = await fakeProgram(await temporaryDirectory(t), 'cqlsh', { '': { stdout } });
    const tools = { ...defaultPrograms, cqlsh: [program.path] };
    await assert.rejects(
      readTableStates({ remote, files: remote, programs: tools, config }, async () => new Date(), never),
      /^RemoteError: cqlsh failed on h2/,
    );
  });
}
