import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SignedRequest } from '../../../../src/storage/object-store.ts';
import { isStored } from '../../../../src/transfer/direct/answer.ts';
import { type UnderWay, deliver } from '../../../../src/transfer/direct/deliver.ts';
import { never } from '../../../support/never.ts';

/** A store that refuses what was signed with the first so many credentials, and a signer that has others so often. */
async function delivered(refuses: number, code: string, others: number) {
  let signedWith = 0;
  let left = others;
  const sent: string[] = [];
  const asked: string[] = [];
  const answerTo = ({ url }: SignedRequest) =>
    Number(url) < refuses
      ? { status: 403, etag: '', said: `<Error><Code>${code}</Code><Message>no</Message></Error>`, trusted: true }
      : { status: 200, etag: 'e', said: '', trusted: true };
  const under = {
    parts: {
      patience: { attempts: 3, firstDelayMs: 1 },
      signer: {
        renew: async ({ url }: SignedRequest, said: string) => {
          asked.push(`${url} ${said}`);
          signedWith += left > 0 ? 1 : 0;
          return left-- > 0;
        },
      },
    },
    node: { host: 'node7' },
    exchange: {
      send: async (_: number, request: SignedRequest) => {
        sent.push(request.url);
        return { answer: answerTo(request) };
      },
    },
  } as unknown as UnderWay;
  const item = { number: 1, key: 'b/key', sign: async () => ({ url: String(signedWith), headers: {} }), isDone: isStored };
  const ended = await deliver(under, item, never).then(
    ({ answer }) => answer.etag,
    (error: Error) => error.message,
  );
  return { ended, sent, asked };
}

test('a request whose credentials have ended is signed with others and sent again, though a refusal is no passing reason', async () =>
  assert.deepEqual(await delivered(1, 'InvalidAccessKeyId', 1), {
    ended: 'e',
    sent: ['0', '1'],
    asked: ['0 InvalidAccessKeyId'],
  }));

test('without others the refusal stands', async () =>
  assert.deepEqual(await delivered(1, 'InvalidAccessKeyId', 0), {
    ended: 'node7 cannot exchange b/key with the store: InvalidAccessKeyId: no, HTTP 403',
    sent: ['0'],
    asked: ['0 InvalidAccessKeyId'],
  }));

test('credentials that are refused whatever comes are given up', async () => {
  const { ended, sent } = await delivered(Infinity, 'InvalidToken', Infinity);
  assert.match(ended, /InvalidToken/);
  assert.equal(sent.length, 3);
});
