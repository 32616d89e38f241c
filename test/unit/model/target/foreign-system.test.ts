import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeMatch } from '../../../../src/model/target/node-match.ts';
import { refuseForeignSystem, refuseSystemLoad } from '../../../../src/model/target/foreign-system.ts';
import { tableOf } from '../../../support/manifests.ts';

const rows = [tableOf('shop', 'users'), tableOf('system_auth', 'roles')];
const identity = [...rows, tableOf('system', 'peers_v2')];
const schema = [...rows, tableOf('system_schema', 'tables')];
const backup = { names: ['prod'], hostIds: ['a', 'b'] };
const nobody = { names: [], hostIds: [] };

function match(hostId?: string): NodeMatch {
  const source = { host: 'n1', hostId: 'a', tokens: ['1'] };
  return { source, target: { host: 'x', ...(hostId === undefined ? {} : { hostId }) }, by: 'tokens' };
}

test('the system keyspace goes back to the node that it is of, and to no other', () => {
  refuseForeignSystem(identity, [match('a')], backup, backup);
  // Down: it cannot say who it is.
  refuseForeignSystem(identity, [match()], backup, { ...nobody, names: ['prod'] });
  assert.throws(() => refuseForeignSystem(identity, [match('b')], backup, backup), /x is not the node that n1 was \(host id a\)/);
  refuseForeignSystem(rows, [match('b')], backup, backup);
});

test('schema tables go back to the cluster that they are of, one replaced node or not', () => {
  refuseForeignSystem(schema, [match('c')], backup, { names: ['prod', 'prod'], hostIds: ['c', 'b'] });
  refuseForeignSystem(schema, [match()], backup, nobody);
  // Of the same name, as a fresh cluster has that took over the tokens.
  assert.throws(
    () => refuseForeignSystem(schema, [match('c')], backup, { names: ['prod'], hostIds: ['c', 'd'] }),
    /no node of this cluster is in the backup: keyspace system_schema does not go/,
  );
});

test('a cluster of another name gets neither, even when all of its nodes are down', () => {
  for (const chosen of [identity, schema]) {
    assert.throws(
      () => refuseForeignSystem(chosen, [match()], backup, { names: ['prod', 'staging'], hostIds: [] }),
      /is of cluster 'prod' and does not go to 'staging'/,
    );
  }
  // An unfinished backup does not say what it is of.
  refuseForeignSystem(schema, [match()], { ...backup, names: [] }, { names: ['staging'], hostIds: ['a'] });
  refuseForeignSystem(rows, [match('c')], backup, { names: ['staging'], hostIds: ['c'] });
});

test('neither is loaded: sstableloader would spread it over all nodes', () => {
  refuseSystemLoad(rows);
  for (const chosen of [identity, schema]) {
    assert.throws(() => refuseSystemLoad(chosen), /belongs to single nodes and cannot be loaded/);
  }
});
