import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Remote } from '../../../../src/cluster/remote.ts';
import { IntegrityError, RemoteError } from '../../../../src/model/errors.ts';
import type { ObjectStore, Signer } from '../../../../src/storage/object-store.ts';
import { direct } from '../../../../src/transfer/direct/direct.ts';
import { NodePrograms } from '../../../../src/transfer/direct/node-programs.ts';
import { nodeProgram } from '../../../../src/transfer/direct/program.ts';
import { users } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';

/** What the control host makes of a program that does not say what it should: nothing is signed, and the unit fails. */

type Said = Readonly<Record<string, unknown>>;

const bytes = 2_000_000;
const source = {
  path: '/data/nb-1-big-Data.db',
  upload: {
    component: { table: users, path: 'nb-1-big-Data.db', bytes, modified: '2025-11-21T03:15:00.0000000000Z', disk: 0 },
    key: 'b/nb-1-big-Data.db',
    compression: 'none' as const,
    digest: '0000002a',
  },
};
const greeting = { version: 1, python: '3.11.2' };
const whole = { unit: 1, ready: 1, bytes, crc: 42, last: true };

/** A node whose program says these lines once it has heard the order, and the answers when it is told to send something. */
async function uploadedFrom(lines: readonly (Said | string)[], answers: readonly Said[] = []) {
  const heard: Said[] = [];
  const remote: Remote = {
    host: 'node7',
    run: () => assert.fail('nothing else is run'),
    async *read(_, { input }) {
      assert.ok(typeof input === 'object' && Symbol.asyncIterator in input);
      let text = '';
      let told = false;
      let program = nodeProgram().byteLength;
      for await (const chunk of input) {
        text += Buffer.from(chunk.subarray(program)).toString();
        program = Math.max(0, program - chunk.byteLength);
        const complete = text.split('\n');
        text = complete.pop() ?? '';
        heard.push(...complete.map((line) => JSON.parse(line) as Said));
        if (!told && heard.some((message) => 'upload' in message)) {
          told = true;
          yield Buffer.from(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
        }
        if (heard.some((message) => 'send' in message)) {
          yield Buffer.from(answers.map((line) => `${JSON.stringify(line)}\n`).join(''));
        } else if (heard.some((message) => 'give_up' in message)) {
          yield Buffer.from(`${JSON.stringify({ unit: 1, done: true })}\n`);
        }
      }
    },
    close: async () => {},
  };
  const signed: string[] = [];
  let completed = 0;
  const signer: Signer = {
    authorities: undefined,
    partBytes: () => 8 * 1024 ** 2,
    get: () => assert.fail('nothing is fetched'),
    put: async (key) => {
      signed.push(key);
      return { url: 'http://127.0.0.1/', headers: {} };
    },
    renew: async () => false,
    inParts: async () => ({
      sign: async () => ({ url: 'http://127.0.0.1/', headers: {} }),
      complete: async () => {
        completed += 1;
        return { etag: 'e' };
      },
      abort: async () => {},
    }),
  };
  const store = {} as ObjectStore;
  const programs = new NodePrograms({ pythonOf: () => 'python3' });
  const transfer = direct({ store, signer, programs, patience: { attempts: 1, firstDelayMs: 1 } });
  try {
    const stored = await transfer.upload(remote, [source], never);
    return { stored, signed, completed };
  } catch (error) {
    return { error, signed, completed };
  } finally {
    await programs.close();
  }
}

test('what it says in order is stored with the CRC-32 that it said', async () => {
  const sent = { unit: 1, sent: 1, status: 200, etag: 'e', said: '', trusted: true };
  const { stored, signed } = await uploadedFrom([greeting, whole], [sent, { unit: 1, done: true }]);
  assert.deepEqual(stored, [{ storedBytes: bytes, storedCrc32: '0000002a', etag: 'e' }]);
  assert.deepEqual(signed, ['b/nb-1-big-Data.db']);
});

const wrong: readonly (readonly [
  what: string,
  lines: readonly (Said | string)[],
  kind: typeof RemoteError | typeof IntegrityError,
  says: RegExp,
])[] = [
  [
    'has read fewer bytes than the listing promised',
    [greeting, { ...whole, bytes: bytes - 1 }],
    IntegrityError,
    /gave 1999999 bytes/,
  ],
  ['has read other bytes than Cassandra wrote', [greeting, { ...whole, crc: 43 }], IntegrityError, /CRC-32 0000002b/],
  ['found another size', [greeting, { unit: 1, failed: 'size', item: 0, said: '7' }], IntegrityError, /gave 7 bytes/],
  [
    'could not read',
    [greeting, { unit: 1, failed: 'read', item: null, said: 'Permission denied' }],
    RemoteError,
    /node7: Permission denied/,
  ],
  ['skips a part', [greeting, { ...whole, ready: 2 }], RemoteError, /parts of b\/nb-1-big-Data\.db that it cannot have/],
  [
    'speaks of what it was not asked',
    [greeting, { unit: 1, written: 0, plain: 1, plain_crc: 1 }],
    RemoteError,
    /does not belong/,
  ],
  ['is of another version', [{ ...greeting, version: 2 }, whole], RemoteError, /not expected/],
  ['says no JSON', [greeting, 'Traceback (most recent call last):'], RemoteError, /Traceback/],
  ['says numbers that are none', [greeting, { ...whole, bytes: '2000000' }], RemoteError, /not expected/],
  ['says more bytes than there can be', [greeting, { ...whole, bytes: 1e300 }], RemoteError, /not expected/],
  [
    'says it is done without having sent anything',
    [greeting, { unit: 1, done: true }],
    IntegrityError,
    /sent nothing of b\/nb-1/,
  ],
];
for (const [what, lines, kind, says] of wrong) {
  test(`a program that ${what} is an error, and nothing was signed for it`, async () => {
    const { error, signed } = await uploadedFrom(lines);
    assert.ok(error instanceof kind, String(error));
    assert.match(error.message, says);
    assert.deepEqual(signed, []);
  });
}

const sent = { unit: 1, sent: 1, status: 200, etag: 'e', said: '', trusted: true };
const misled: readonly (readonly [what: string, lines: readonly Said[], answers: readonly Said[], says: RegExp])[] = [
  [
    'never says which part is the last',
    [greeting, { ...whole, last: false }],
    [sent, { unit: 1, done: true }],
    /sent nothing of/,
  ],
  ['has more behind the last part', [greeting, whole, { ...whole, ready: 2 }], [], /that it cannot have/],
  ['has more bytes than the file', [greeting, { ...whole, bytes: 2 * bytes, last: false }], [], /that it cannot have/],
  [
    'says of what is stored as it is that it was something else',
    [greeting, { ...whole, crc: 7, plain: bytes, plain_crc: 42 }],
    [],
    /CRC-32 00000007/,
  ],
  ['has a checksum of more than 32 bits', [greeting, { ...whole, crc: 2 ** 32 }], [], /not expected/],
  ['wants the same part again', [greeting, { ...whole, last: false }, { ...whole, last: false }], [], /that it cannot have/],
];
for (const [what, lines, answers, says] of misled) {
  test(`a program that ${what} makes no object`, async () => {
    const { error, completed } = await uploadedFrom(lines, answers);
    assert.ok(error instanceof Error);
    assert.match(error.message, says);
    assert.equal(completed, 0);
  });
}

test('a program that is done without an answer is an error', async () => {
  const { error } = await uploadedFrom([greeting, whole], [{ unit: 1, done: true }]);
  assert.ok(error instanceof RemoteError);
  assert.match(error.message, /without an answer/);
});
