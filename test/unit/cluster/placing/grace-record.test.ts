import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readHolds, writeHolds } from '../../../../src/cluster/placing/grace-record.ts';
import type { PurgingHold } from '../../../../src/model/restore/purging.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

async function nodeWith(t: TestContext) {
  const data = await temporaryDirectory(t);
  return { data, node: { files: localRemote({ host: 'n1' }), config: { dataDirectories: [data, '/nowhere'] } } };
}

const holds: readonly PurgingHold[] = [
  { keyspace: 'shop', table: 'Orders', ownSeconds: 45, heldSeconds: 2_592_167 },
  { keyspace: 'shop', table: 'users', ownSeconds: 0, heldSeconds: 99 },
];

test('what is noted is read again, is replaced as a whole, and leaves nothing behind', async (t) => {
  const { data, node } = await nodeWith(t);
  assert.deepEqual(await readHolds(node, never), []);
  await writeHolds(node, holds, never);
  assert.deepEqual(await readHolds(node, never), holds);
  await writeHolds(node, holds.slice(1), never);
  assert.deepEqual(await readHolds(node, never), holds.slice(1));
  assert.deepEqual(await readdir(data), ['.sstash-grace']);
  await writeHolds(node, [], never);
  assert.deepEqual(await readdir(data), []);
});

test('lines that are none of ours are no tables', async (t) => {
  const { data, node } = await nodeWith(t);
  await writeFile(join(data, '.sstash-grace'), 'shop\tt"; DROP\t1\t2\nshop\tt\t1\t-2\nshop\tt\t1\n\nshop\tt\t1\t2\n');
  assert.deepEqual(await readHolds(node, never), [{ keyspace: 'shop', table: 't', ownSeconds: 1, heldSeconds: 2 }]);
});
