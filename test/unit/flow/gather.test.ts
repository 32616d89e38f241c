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

const tooMuch = (): Error => new Error('too much');

test('the whole of a source is its chunks joined, and nothing of none', async () => {
  assert.equal((await wholeOf(of('a', '', 'bc'), 3, tooMuch)).toString(), 'abc');
  assert.equal((await wholeOf(of(), 0, tooMuch)).byteLength, 0);
});

test('a source that gives more than there can be is left at once', async () => {
  let given = 0;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      given += 1;
      yield Buffer.from('abc');
    }
  };
  await assert.rejects(wholeOf(source(), 8, tooMuch), /too much/);
  assert.equal(given, 3);
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
