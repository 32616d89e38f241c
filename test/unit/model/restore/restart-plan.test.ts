import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import type { NodeMatch } from '../../../../src/model/target/node-match.ts';
import {
  type PlacingNode,
  placingWarnings,
  refusePlacing,
  restartScope,
  successionWarnings,
} from '../../../../src/model/restore/restart-plan.ts';
import { tableOf } from '../../../support/manifests.ts';

const shop = tableOf('shop', 'users');
const other = tableOf('shop', 'orders');
const local = [tableOf('system', 'local'), tableOf('system', 'peers_v2')];
const schema = [tableOf('system_schema', 'tables'), tableOf('system_schema', 'columns')];
const held = [shop, other, ...local, ...schema];

const node: PlacingNode = { host: 'n1', up: true, identity: true };
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

test('a host that is mapped to and down is a new one, or it is refused: nobody can say whose tokens it has', () => {
  const mapped: NodeMatch = { source: { host: 'old', hostId: 'a', tokens: ['1'] }, target: { host: 'n1' }, by: 'map' };
  const down = { ...node, up: false };
  assert.throws(() => refusePlacing([down], [mapped], image), /n1 is down and has been a node before/);
  refusePlacing([{ ...down, identity: false }], [mapped], image);
  refusePlacing([node], [mapped], rows);
  // Matched by the name that it has in the backup, or mapped to that.
  refusePlacing([down], [match()], image);
  refusePlacing([down], [{ ...mapped, source: { ...mapped.source, host: 'n1' } }], image);
});

test('whoever lets a host become a node of another name is told what must not be up any more', () => {
  const mapped: NodeMatch = { source: { host: 'old', hostId: 'a', tokens: ['1'] }, target: { host: 'n1' }, by: 'map' };
  const ring = [{ host: 'old', dc: 'dc1', rack: 'r1' }];
  const [said = '', ...more] = successionWarnings([mapped], ring, image);
  assert.match(said, /^n1 becomes old \(and starts in dc1\/r1 only\), host id and all: the old nodes must be gone/);
  assert.deepEqual(more, []);
  assert.deepEqual(successionWarnings([mapped], ring, rows), []);
  assert.deepEqual(successionWarnings([match()], ring, image), []);
});

test('on a node that has lost its disk only a whole node is placed', () => {
  const wiped = { ...node, up: false, identity: false };
  assert.throws(() => refusePlacing([node, { ...wiped, host: 'n2' }], [], rows), /n2: .* would start as a new node/);
  assert.throws(() => refusePlacing([wiped], [], { schema: true, image: false }), /new node/);
  refusePlacing([wiped], [match()], image);
});

test('a disk without room for what goes to it is refused, with its name', () => {
  refusePlacing([node], [], rows);
  const full = { directory: '/data2', freeBytes: 99, bytes: 100 };
  assert.throws(
    () => refusePlacing([node, { ...node, host: 'n2', full }], [], rows),
    /n2: the disk of \/data2 has 99 B free, the files that go there need 100 B/,
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
