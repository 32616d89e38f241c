import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../src/model/errors.ts';
import type { NodeMatch } from '../../../src/model/node-match.ts';
import type { PlacingNode } from '../../../src/model/restart-plan.ts';
import { placingWarnings, refusePlacing, restartScope } from '../../../src/model/restart-plan.ts';
import { tableOf } from '../../support/manifests.ts';

const shop = tableOf('shop', 'users');
const other = tableOf('shop', 'orders');
const local = [tableOf('system', 'local'), tableOf('system', 'peers_v2')];
const schema = [tableOf('system_schema', 'tables'), tableOf('system_schema', 'columns')];
const held = [shop, other, ...local, ...schema];

const node: PlacingNode = { host: 'n1', up: true, identity: true, sameDisk: true, freeBytes: 0, bytes: 100 };
const rows = { schema: false, image: false };
const image = { schema: true, image: true };

function match(targetHostId?: string): NodeMatch {
  const source = { host: 'n1', hostId: 'a', tokens: ['1'] };
  return { source, target: { host: 'n1', ...(targetHostId === undefined ? {} : { hostId: targetHostId }) }, by: 'tokens' };
}

test('a restore brings back rows, or the schema, or whole nodes', () => {
  assert.deepEqual(restartScope([shop], held), rows);
  assert.deepEqual(restartScope([shop, ...schema], held), { schema: true, image: false });
  assert.deepEqual(restartScope([shop, ...schema, ...local.slice(1)], held), { schema: true, image: false });
  assert.deepEqual(restartScope([...local, ...schema], held), image);
  // A backup without system keyspaces brings neither, whatever is chosen of it.
  assert.deepEqual(restartScope([shop], [shop]), rows);
});

test('a part of the schema tables is refused: it would be no schema', () => {
  assert.throws(() => restartScope([shop, ...schema.slice(1)], held), UsageError);
});

test('the system keyspace goes back to the node that it is of, and to no other', () => {
  refusePlacing([node], [match('a')], held, image);
  // Down: it cannot say who it is, and was matched by the name that it has in the backup.
  refusePlacing([{ ...node, up: false }], [match()], held, image);
  refusePlacing([node], [match('b')], [shop], rows);
  assert.throws(() => refusePlacing([node], [match('b')], held, image), /n1 is not the node that n1 was/);
  assert.throws(() => refusePlacing([node], [match('b')], [tableOf('system', 'peers_v2')], rows), UsageError);
});

test('on a node that has lost its disk only a whole node is placed', () => {
  const wiped = { ...node, up: false, identity: false };
  assert.throws(() => refusePlacing([node, { ...wiped, host: 'n2' }], [], [shop], rows), /n2: .* would start as a new node/);
  assert.throws(() => refusePlacing([wiped], [], [shop, ...schema], { schema: true, image: false }), /new node/);
  refusePlacing([wiped], [match()], held, image);
});

test('files that come from another disk need room; those that are there already need none', () => {
  refusePlacing([node], [], [shop], rows);
  refusePlacing([{ ...node, sameDisk: false, freeBytes: 100 }], [], [shop], rows);
  assert.throws(
    () => refusePlacing([{ ...node, sameDisk: false, freeBytes: 99 }], [], [shop], rows),
    /n1: the data disk has 99 B/,
  );
});

test('whoever agrees is told of commit logs that are not read, and of a schema that goes back', () => {
  assert.deepEqual(placingWarnings([node], [shop], held, rows), []);
  const down = { ...node, host: 'n2', up: false };
  assert.match(placingWarnings([node, down], [shop], held, rows).join(), /^Cassandra is down on n2: what its commit log holds/);
  assert.deepEqual(placingWarnings([node, { ...down, identity: false }], [shop], held, rows), []);
  assert.equal(placingWarnings([node, down], held, held, image).length, 1);
  const [gone, partial, more] = placingWarnings([node], [shop, ...local, ...schema], held, image);
  assert.match(gone ?? '', /tables made since are gone/);
  assert.match(partial ?? '', /not every table of the backup is chosen/);
  assert.equal(more, undefined);
});
