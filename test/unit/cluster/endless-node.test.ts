import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MarkerFilter } from '../../../src/cluster/ssh/command-frame.ts';
import { findLinks } from '../../../src/cluster/files/find-links.ts';
import { readSmallFiles } from '../../../src/cluster/files/small-files.ts';
import { type Remote, outputOf } from '../../../src/cluster/remote.ts';
import { RemoteError } from '../../../src/model/errors.ts';
import { answerError } from '../../../src/transfer/direct/answer.ts';
import { never } from '../../support/never.ts';

/** A node may print without an end, and say of itself what it likes: nothing of ours grows with it. */

let printed = 0;

async function* endless(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (printed = 0; ; printed += bytes.length) {
    yield bytes;
  }
}

const remoteOf = (bytes: Uint8Array): Remote => ({
  host: 'node1',
  run: (command) => outputOf('node1', command, endless(bytes)),
  read: () => endless(bytes),
  close: () => Promise.resolve(),
});

test('a command that prints without an end is left, and named', async () => {
  const run = remoteOf(Buffer.alloc(1024 ** 2, 'x')).run(['nodetool', 'ring'], {}, never);
  await assert.rejects(run, (error) => error instanceof RemoteError && /nodetool printed more than/.test(error.message));
  assert.ok(printed <= 130 * 1024 ** 2);
});

test('what a command prints is text as Buffer makes it, wherever it is cut', async () => {
  const text = Buffer.from('\ufeffé€😀\n');
  const cut = async function* (): AsyncGenerator<Uint8Array> {
    for (const byte of text) {
      yield Uint8Array.of(byte);
    }
  };
  assert.equal(await outputOf('node1', ['true'], cut()), text.toString());
});

test('a listing with an entry that does not end is left', async () => {
  const listed = (async () => {
    for await (const _ of findLinks(remoteOf(Buffer.alloc(1000, 'x')), '/data', 'backups', never)) {
      // There is none.
    }
  })();
  await assert.rejects(listed, /longer than any path/);
  assert.ok(printed < 20_000);
});

test('small files that are said to be large are not read', async () => {
  for (const bytes of [[2 ** 40], Array.from({ length: 40 }, () => 16 * 1024 ** 2)]) {
    const files = bytes.map((size, number) => ({ path: `f${number}`, bytes: size }));
    const read = (async () => {
      for await (const _ of readSmallFiles(remoteOf(Buffer.alloc(10)), '/data', files, never)) {
        assert.fail('it was read');
      }
    })();
    await assert.rejects(read, /too large/);
  }
});

test('a marker whose line does not end is none, and takes no memory', () => {
  const filter = new MarkerFilter('0badcafe');
  assert.equal(filter.pass(Buffer.from('\u001e0badcafe 1 ')), undefined);
  for (let number = 0; number < 1000; number += 1) {
    assert.equal(filter.pass(Buffer.alloc(1000, 'x')), undefined);
  }
  assert.ok(filter.noise.length <= 4096);
  assert.equal(filter.pass(Buffer.from('\n\u001e0badcafe 1 S 0 1\nrest'))?.toString(), 'rest');
  assert.ok(filter.found);
});

test('a page of elements that nobody closes is read in no time', async () => {
  const answer = { status: 403, etag: '', said: '<script '.repeat(130_000), trusted: true };
  const began = process.cpuUsage();
  const { message } = answerError('node1', 'k', answer);
  const { user } = process.cpuUsage(began);
  assert.match(message, /HTTP 403/);
  // It was 15 minutes; a busy machine takes nobody's CPU time.
  assert.ok(user < 10_000_000, `${user} µs`);
});
