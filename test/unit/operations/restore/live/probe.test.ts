/** After a restore the tables are read; what comes of it is said of each, and never undoes what was done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findLogScript, recentComplaintsScript } from '../../../../../src/cluster/tools/server-log.ts';
import type { RestoreResult } from '../../../../../src/model/restore/restore-result.ts';
import type { ScriptedNode } from '../../../../support/scripted-node.ts';
import { afterwards, type Call, cql, fails, hangs, inputOf, program, says, script } from '../../../../support/scripted-remote.ts';
import { restoreStory } from '../../../../support/scripted-restore.ts';
import { extractScript } from '../../../../../src/transfer/relay/download.ts';

const reading = cql('PER PARTITION LIMIT');
const ended = 'Consistency level set to LOCAL_ONE.\n';

function probesOf(result: RestoreResult | undefined) {
  return Object.fromEntries((result?.tables ?? []).map(({ table, probe }) => [table, probe]));
}

/** cqlsh complains of every statement about the table, as that of 5.0.9 does. */
function complains(table: string, complaint: string) {
  return says(async (call: Call) => {
    const lines = (await inputOf(call)).split('\n');
    const stderr = lines
      .map((line, index) => (line.includes(`."${table}"`) ? `<stdin>:${index + 2}:${complaint}\n` : ''))
      .join('');
    return { stdout: ended, stderr, status: stderr === '' ? 0 : 2 };
  });
}

function readFailure(...addresses: readonly string[]): string {
  const map = addresses.map((address) => `'${address}': '0x0000'`).join(', ');
  return `ReadFailure: Error from server: code=1300 [Replica(s) failed to execute read] message="Operation failed" info={'failures': 1, 'error_code_map': {${map}}}`;
}

function hasLog({ remote }: ScriptedNode, text: string): void {
  remote.on(script(findLogScript), says('/var/log/cassandra/system.log\n'));
  remote.on(script(recentComplaintsScript), says(text));
}

for (const method of ['import', 'load', 'node-restart'] as const) {
  test(`after a restore by ${method} every table is read, by few starts of cqlsh`, async (t) => {
    const { cluster, restore } = await restoreStory(t, 3);
    const result = await restore({ method });
    assert.deepEqual(probesOf(result), { orders: { state: 'read' }, users: { state: 'read' } });
    assert.deepEqual(
      result?.warnings.filter((text) => text.includes('read')),
      [],
    );
    assert.equal(cluster.nodes.flatMap(({ remote }) => remote.ran(reading)).length, 2);
  });
}

test('it is the last thing that is done', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  const { remote } = cluster.node('node1');
  await restore();
  const last = (match: (call: Call) => boolean) => remote.calls.findLastIndex(match);
  assert.ok(last(program('nodetool', 'import')) < remote.calls.findIndex(reading));
});

test('nothing is read in a dry run, for --no-probe, or when nothing was loaded', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  await restore({ dryRun: true });
  assert.deepEqual(probesOf(await restore({ probe: false })), { orders: undefined, users: undefined });
  cluster.node('node2').remote.on(script(extractScript), fails('tar: write error', 2));
  await restore();
  assert.deepEqual(
    cluster.nodes.flatMap(({ remote }) => remote.ran(reading)),
    [],
  );
});

test('a table that a replica cannot read has failed, with the replica and what its log says; the others are read', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster.node('node1').remote.on(reading, complains('users', readFailure('10.0.0.2')));
  hasLog(cluster.node('node2'), 'org.example.CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db\n');
  const result = await restore();
  assert.deepEqual(probesOf(result), {
    orders: { state: 'read' },
    users: {
      state: 'failed',
      reason: 'ReadFailure: Operation failed',
      replicas: [
        { address: '10.0.0.2', host: 'node2', log: ['org.example.CorruptSSTableException: Corrupted: /data/nb-1-big-Data.db'] },
      ],
    },
  });
  assert.deepEqual(
    result?.nodes.map(({ error }) => error),
    [undefined, undefined],
  );
  assert.equal(cluster.node('node1').remote.ran(script(recentComplaintsScript)).length, 0);
});

test('a table that has failed is not read on, so that its replicas do not write it to their logs again and again', async (t) => {
  const { cluster, restore } = await restoreStory(t, 3);
  const { remote } = cluster.node('node1');
  remote.on(reading, complains('users', readFailure('10.0.0.9')));
  const result = await restore();
  assert.equal(probesOf(result)['users']?.state, 'failed');
  const inputs = await Promise.all(remote.calls.filter(reading).map(inputOf));
  assert.deepEqual(
    inputs.map((input) => input.split('"users"').length - 1),
    [1, 0],
  );
});

test('a replica that is not among the hosts is named by its address, and one whose log cannot be read all the same', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster.node('node1').remote.on(reading, complains('users', readFailure('10.0.0.9', '10.0.0.2')));
  cluster.node('node2').remote.on(script(findLogScript), fails('no'));
  const users = probesOf(await restore())['users'];
  assert.deepEqual(users?.replicas, [
    { address: '10.0.0.9', log: [] },
    { address: '10.0.0.2', host: 'node2', log: [] },
  ]);
});

test('where the server names no replica, it is whoever complains in its log', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster
    .node('node1')
    .remote.on(reading, complains('users', 'ServerError: <Error from server: code=0000 [Server error] message="what">'));
  hasLog(cluster.node('node1'), '');
  hasLog(cluster.node('node2'), 'java.io.IOException: no\n');
  assert.deepEqual(probesOf(await restore())['users'], {
    state: 'failed',
    reason: 'ServerError: what',
    replicas: [{ address: 'node2', host: 'node2', log: ['java.io.IOException: no'] }],
  });
});

test('a replica of an old Cassandra that gave up because of tombstones is no damage', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  const { remote } = cluster.node('node1');
  remote.on(reading, complains('users', 'ReadFailure: Error from server: code=1300 [Replica(s) failed] message="failed"'));
  hasLog(cluster.node('node1'), 'TombstoneOverwhelmingException: Scanned over 100001 tombstones during query\n');
  assert.equal(probesOf(await restore())['users']?.state, 'skipped');
});

for (const complaint of [
  'ReadTimeout: Error from server: code=1200 [Coordinator node timed out] message="timed out"',
  'Unavailable: Error from server: code=1000 [Unavailable exception] message="Cannot achieve consistency level ALL"',
  'Unauthorized: Error from server: code=2100 [Unauthorized] message="User bob has no SELECT permission"',
]) {
  const [kind = ''] = complaint.split(':');
  test(`${kind} is a table that was not read, with a warning and no failure`, async (t) => {
    const { cluster, restore } = await restoreStory(t);
    cluster.node('node1').remote.on(reading, complains('users', complaint));
    const result = await restore();
    assert.deepEqual(probesOf(result)['orders'], { state: 'read' });
    assert.equal(probesOf(result)['users']?.state, 'skipped');
    const warning = `whether rows can be read was not found out: shop.users: ${kind}: `;
    assert.ok(
      result?.warnings.some((text) => text.startsWith(warning)),
      result?.warnings.join('\n'),
    );
  });
}

test('without cqlsh on any node nothing is read, and that is said once', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  for (const { remote } of cluster.nodes) {
    remote.on(cql('system_schema.columns WHERE'), fails('sh: 1: cqlsh: not found', 127));
  }
  const result = await restore();
  assert.deepEqual(
    Object.values(probesOf(result)).map((probe) => probe?.state),
    ['skipped', 'skipped'],
  );
  const said = result?.warnings.filter((text) => text.includes('was not found out')) ?? [];
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /shop\.orders, shop\.users: cqlsh not found on node2 \(give its place with --cqlsh-path\)$/);
});

test('another node is asked where the first has no cqlsh', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster.node('node1').remote.on(cql('system_schema.columns WHERE'), fails('sh: 1: cqlsh: not found', 127));
  assert.deepEqual(probesOf(await restore()), { orders: { state: 'read' }, users: { state: 'read' } });
  assert.notDeepEqual(cluster.node('node2').remote.ran(reading), []);
});

test('a cqlsh that breaks off in the middle leaves tables unread that it had not come to', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster.node('node1').remote.on(reading, fails('Connection error', 1));
  assert.deepEqual(
    Object.values(probesOf(await restore())).map((probe) => probe?.state),
    ['skipped', 'skipped'],
  );
});

test('an interrupt while tables are read leaves the result of what was done, with the way back', async (t) => {
  const abort = new AbortController();
  const { cluster, restore } = await restoreStory(t);
  const { remote } = cluster.node('node1');
  remote.on(reading, hangs());
  remote.on(
    cql('system_schema.columns WHERE'),
    afterwards(() => void setTimeout(() => abort.abort(new Error('interrupted')), 50)),
  );
  const result = await restore({ method: 'node-restart' }, {}, abort.signal);
  assert.notEqual(result?.undo, undefined);
  assert.deepEqual(probesOf(result)['users'], { state: 'skipped', reason: 'interrupted' });
});
