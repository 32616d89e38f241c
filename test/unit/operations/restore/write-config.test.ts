import { never } from '../../../support/never.ts';
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { UsageError } from '../../../../src/model/errors.ts';
import { type ConfigQuestion, type ConfigResult, writeConfig } from '../../../../src/operations/restore/write-config.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { LocationHistory } from '../../../support/location-history.ts';
import { nodeOf } from '../../../support/manifests.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

/** A backup of node1 and node2, and an empty directory. */
async function backedUp(t: TestContext) {
  const root = await temporaryDirectory(t);
  await mkdir(join(root, 'bucket'));
  const history = new LocationHistory(await openDirectoryStore(join(root, 'bucket')));
  await history.complete({ id: '20261121T031500Z', takenAt: new Date(), hosts: [1, 2] });
  const directory = join(root, 'yaml');
  const write = (question: Partial<ConfigQuestion> = {}): Promise<ConfigResult> =>
    writeConfig(
      { choice: { name: 'latest' }, only: [], map: new Map(), ...question },
      { repository: history.repository, listen: () => {} },
      never,
    );
  return { directory, history, write };
}

test('each new node gets the tokens of the one that it stands for, in a file of its own name', async (t) => {
  const { directory, write } = await backedUp(t);
  const map = new Map([
    ['node1', 'new7'],
    ['node2', 'node1'],
  ]);
  const { nodes } = await write({ map, directory });
  assert.deepEqual(
    nodes.map(({ host, source, file }) => [host, source, file]),
    [
      ['new7', 'node1', join(directory, 'new7.yaml')],
      ['node1', 'node2', join(directory, 'node1.yaml')],
    ],
  );
  const settings = parse(await readFile(join(directory, 'node1.yaml'), 'utf8'));
  assert.deepEqual(settings.initial_token.split(','), nodeOf(2).tokens);
  assert.equal(settings.cluster_name, 'Test Cluster');
  // Again is no harm.
  await write({ map, directory });
});

test('without a directory they are only told', async (t) => {
  const { write } = await backedUp(t);
  const { nodes } = await write({ only: ['node2'] });
  assert.deepEqual(
    nodes.map(({ host, file }) => [host, file]),
    [['node2', undefined]],
  );
  assert.match(nodes[0]?.settings ?? '', /^initial_token: '200,-200'$/m);
});

test('a file with other contents stays, and nothing is written beside it', async (t) => {
  const { directory, write } = await backedUp(t);
  await mkdir(directory);
  await writeFile(join(directory, 'node2.yaml'), 'mine\n');
  await assert.rejects(write({ directory }), /node2\.yaml is there with other contents/);
  assert.deepEqual(await readdir(directory), ['node2.yaml']);
});

test('names that the backup does not know, and two nodes in one place, are refused', async (t) => {
  const { write } = await backedUp(t);
  await assert.rejects(write({ only: ['node9'] }), UsageError);
  await assert.rejects(write({ map: new Map([['node9', 'x']]) }), /the backup holds nothing of node9/);
  await assert.rejects(write({ map: new Map([['node1', 'node2']]) }), /node2 would get the data of both node1 and node2/);
});

test('a node that a degraded backup lacks gets its tokens too, as the ring has them', async (t) => {
  const { history, write } = await backedUp(t);
  const { repository } = history;
  const id = '20261122T031500Z';
  const missing = [{ host: 'node3', hostId: nodeOf(3).hostId, reason: 'node3: connection refused' }];
  await history.complete({ id: '20261122T031500Z', takenAt: new Date(), hosts: [1, 2], missing });
  await repository.saveRing({ id }, { cluster: 'c', partitioner: 'p', nodes: [1, 2, 3].map(nodeOf) }, 'ring', never);
  const { nodes, warnings } = await write({ choice: { name: id } });
  assert.deepEqual(
    nodes.map(({ host, tokens }) => [host, tokens]),
    [1, 2, 3].map((number) => [`node${number}`, nodeOf(number).tokens]),
  );
  assert.deepEqual(warnings, []);
});
