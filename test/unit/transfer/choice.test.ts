import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntegrityError, NotFoundError, RemoteError, StorageError, messageOf } from '../../../src/model/errors.ts';
import { directElseRelay } from '../../../src/transfer/choice.ts';
import type { Transfer } from '../../../src/transfer/transfer.ts';
import { localRemote } from '../../support/local-remote.ts';
import { never } from '../../support/never.ts';

const refused = new StorageError('node1 cannot exchange k with the store: InvalidRequest: Content-MD5 is required', { key: 'k' });
const [node1, node2] = [localRemote({ host: 'node1' }), localRemote({ host: 'node2' })];

const landing = { directory: '/restore', incoming: '.incoming/1', owner: 'cassandra:cassandra' };

/** A transfer that notes for which nodes it was asked, and fails there as it is told. */
function noted(failures: ReadonlyMap<string, Error> = new Map()) {
  const asked: string[] = [];
  const go = (host: string): void => {
    asked.push(host);
    const failure = failures.get(host);
    if (failure !== undefined) {
      throw failure;
    }
  };
  const transfer: Transfer = {
    upload: async ({ host }) => {
      go(host);
      return [];
    },
    download: async (_, __, { host }) => go(host),
  };
  return { transfer, asked };
}

test('what the store refuses a node goes by relay, as all that follows there; the others stay direct', async () => {
  const straight = noted(new Map([['node1', refused]]));
  const relayed = noted();
  const told: string[] = [];
  const way = directElseRelay(straight.transfer, relayed.transfer, (host, reason) => told.push(`${host}: ${messageOf(reason)}`));
  await way.upload(node1, [], never);
  await way.download([], landing, node1, never);
  await way.upload(node2, [], never);
  assert.deepEqual(straight.asked, ['node1', 'node2']);
  assert.deepEqual(relayed.asked, ['node1', 'node1']);
  assert.deepEqual(told, [`node1: ${refused.message}`]);
});

test('where relay cannot do it either, its error counts and the node stays direct', async () => {
  const straight = noted(new Map([['node1', refused]]));
  const full = new StorageError('the bucket is full', { key: 'k' });
  const relayed = noted(new Map([['node1', full]]));
  const way = directElseRelay(straight.transfer, relayed.transfer, () => assert.fail('nothing changed'));
  for (let times = 0; times < 2; times += 1) {
    await assert.rejects(way.upload(node1, [], never), full);
  }
  assert.deepEqual(straight.asked, ['node1', 'node1']);
});

test('a program that broke is of the way', async () => {
  const broken = new RemoteError('sh on node1 ended with status 70', { host: 'node1', command: 'sh', status: 70 });
  const relayed = noted();
  const way = directElseRelay(noted(new Map([['node1', broken]])).transfer, relayed.transfer, () => {});
  await way.download([], landing, node1, never);
  assert.deepEqual(relayed.asked, ['node1']);
});

const reasons: readonly (readonly [what: string, error: Error])[] = [
  ['a damaged file', new IntegrityError('damaged')],
  ['an object that is not there', new NotFoundError('s3://b/k does not exist')],
  ['a file that cannot be read', new RemoteError('node1: /data/x: Permission denied', { host: 'node1' })],
  ['a store that is busy', new StorageError('SlowDown', { key: 'k', transient: true })],
  ['a connection that was lost', new RemoteError('lost', { host: 'node1', command: 'sh', transient: true })],
];
for (const [what, error] of reasons) {
  test(`${what} is no reason to change the way`, async () => {
    const relayed = noted();
    const way = directElseRelay(noted(new Map([['node1', error]])).transfer, relayed.transfer, () => assert.fail('changed'));
    await assert.rejects(way.upload(node1, [], never), error);
    assert.deepEqual(relayed.asked, []);
  });
}

test('an abort is none', async () => {
  const abort = new AbortController();
  abort.abort(new Error('enough'));
  const relayed = noted();
  const way = directElseRelay(noted(new Map([['node1', refused]])).transfer, relayed.transfer, () => assert.fail('changed'));
  await assert.rejects(way.upload(node1, [], abort.signal));
  assert.deepEqual(relayed.asked, []);
});
