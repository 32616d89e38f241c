import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gathered, wholeOf } from '../../../src/flow/gather.ts';

async function* of(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    yield Buffer.from(chunk);
  }
}

async function textsOf(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of source) {
    texts.push(Buffer.from(chunk).toString());
  }
  return texts;
}

test('the whole of a source is its chunks joined, and nothing of none', async () => {
  assert.equal((await wholeOf(of('a', '', 'bc'))).toString(), 'abc');
  assert.equal((await wholeOf(of())).byteLength, 0);
});

test('small chunks come as fewer large ones, large ones as they are, and the rest at the end', async () => {
  assert.deepEqual(await textsOf(gathered(of('a', 'bc', 'd', 'efghij', '', 'k'), 4)), ['abcd', 'efghij', 'k']);
  assert.deepEqual(await textsOf(gathered(of('abcd'), 4)), ['abcd']);
  assert.deepEqual(await textsOf(gathered(of(), 4)), []);
});

test('an error of the source comes through, after what was whole', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('abcd');
    yield Buffer.from('e');
    throw new Error('lost');
  }
  const seen: string[] = [];
  await assert.rejects(async () => {
    for await (const chunk of gathered(failing(), 4)) {
      seen.push(Buffer.from(chunk).toString());
    }
  }, /lost/);
  assert.deepEqual(seen, ['abcd']);
});
