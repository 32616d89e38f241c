import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  IntegrityError,
  NotFoundError,
  RemoteError,
  StorageError,
  UnreachedError,
  messageOf,
} from '../../../src/model/errors.ts';
import { type WayListener, directElseRelay } from '../../../src/transfer/else-relay.ts';
import type { Transfer } from '../../../src/transfer/transfer.ts';
import { localRemote } from '../../support/local-remote.ts';
import { never } from '../../support/never.ts';

const refused = new StorageError('node1 cannot exchange k with the store: InvalidRequest: Content-MD5 is required', { key: 'k' });
const [node1, node2] = [localRemote({ host: 'node1' }), localRemote({ host: 'node2' })];

/** What was told, as `changed node1: …`; `without node1` for its lzop. */
function notes(): { readonly told: string[]; readonly listener: WayListener } {
  const told: string[] = [];
  const noting = (what: string) => (host: string, reason: unknown) => void told.push(`${what} ${host}: ${messageOf(reason)}`);
  const lzopFails: WayListener['lzopFails'] = ({ host }) => void told.push(`without ${host}`);
  return { told, listener: { changed: noting('changed'), inVain: noting('in vain'), lzopFails } };
}

const landing = { directory: '/restore', incoming: '.incoming/1', identity: '1:2' };

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
  const { told, listener } = notes();
  const way = directElseRelay(straight.transfer, relayed.transfer, listener);
  await way.upload(node1, [], never);
  await way.download([], landing, node1, never);
  await way.upload(node2, [], never);
  assert.deepEqual(straight.asked, ['node1', 'node2']);
  assert.deepEqual(relayed.asked, ['node1', 'node1']);
  assert.deepEqual(told, [`changed node1: ${refused.message}`]);
});

test('where relay cannot do it either, its error counts, the other is said, and the node stays direct', async () => {
  const straight = noted(new Map([['node1', refused]]));
  const full = new StorageError('the bucket is full', { key: 'k' });
  const relayed = noted(new Map([['node1', full]]));
  const { told, listener } = notes();
  const way = directElseRelay(straight.transfer, relayed.transfer, listener);
  for (let times = 0; times < 2; times += 1) {
    await assert.rejects(way.upload(node1, [], never), full);
  }
  assert.deepEqual(straight.asked, ['node1', 'node1']);
  assert.deepEqual(told, [`in vain node1: ${refused.message}`]);
});

const ofTheWay: readonly (readonly [what: string, error: Error])[] = [
  ['a program that broke', new RemoteError('sh on node1 ended with status 70', { host: 'node1', command: 'sh', status: 70 })],
  ['a way that stays cut', new UnreachedError('node1 cannot exchange k: timed out', { key: 'k', transient: true })],
  ['an object that the node alone does not find', new NotFoundError('s3://b/k does not exist')],
];
for (const [what, error] of ofTheWay) {
  test(`${what} is of the way`, async () => {
    const relayed = noted();
    const { told, listener } = notes();
    const way = directElseRelay(noted(new Map([['node1', error]])).transfer, relayed.transfer, listener);
    await way.download([], landing, node1, never);
    assert.deepEqual(relayed.asked, ['node1']);
    assert.deepEqual(told, [`changed node1: ${error.message}`]);
  });
}

test('a node whose lzop fails goes by relay without it', async () => {
  const broken = new RemoteError('node1: lzop ended with status 1', { host: 'node1', command: 'lzop' });
  const { told, listener } = notes();
  await directElseRelay(noted(new Map([['node1', broken]])).transfer, noted().transfer, listener).upload(node1, [], never);
  assert.deepEqual(told, ['without node1', `changed node1: ${broken.message}`]);
});

test('what goes away in the middle of a unit for the third time is of the way, and not before', async () => {
  const lost = new RemoteError('the program on node1 ended', { host: 'node1', transient: true });
  const relayed = noted();
  const { told, listener } = notes();
  const way = directElseRelay(noted(new Map([['node1', lost]])).transfer, relayed.transfer, listener);
  const [unit, other] = [[], []];
  await assert.rejects(way.upload(node1, unit, never), lost);
  await assert.rejects(way.upload(node1, other, never), lost);
  await assert.rejects(way.upload(node1, unit, never), lost);
  assert.deepEqual(relayed.asked, []);
  await way.upload(node1, unit, never);
  assert.deepEqual(told, [`changed node1: ${lost.message}`]);
});

const reasons: readonly (readonly [what: string, error: Error])[] = [
  ['a damaged file', new IntegrityError('damaged')],
  ['a file that cannot be read', new RemoteError('node1: /data/x: Permission denied', { host: 'node1' })],
  ['a store that is busy', new StorageError('SlowDown', { key: 'k', transient: true })],
  ['a connection that was lost', new RemoteError('lost', { host: 'node1', command: 'sh', transient: true })],
];
for (const [what, error] of reasons) {
  test(`${what} is no reason to change the way`, async () => {
    const relayed = noted();
    const { told, listener } = notes();
    const way = directElseRelay(noted(new Map([['node1', error]])).transfer, relayed.transfer, listener);
    await assert.rejects(way.upload(node1, [], never), error);
    assert.deepEqual([relayed.asked, told], [[], []]);
  });
}

test('an abort is none', async () => {
  const abort = new AbortController();
  abort.abort(new Error('enough'));
  const relayed = noted();
  const { told, listener } = notes();
  const way = directElseRelay(noted(new Map([['node1', refused]])).transfer, relayed.transfer, listener);
  await assert.rejects(way.upload(node1, [], abort.signal));
  assert.deepEqual([relayed.asked, told], [[], []]);
});
