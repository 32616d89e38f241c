import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, after, test } from 'node:test';
import { openLzoPool } from '../../src/codec/lzo/pool.ts';
import type { Remote } from '../../src/cluster/remote.ts';
import { IntegrityError, RemoteError } from '../../src/model/errors.ts';
import { relay } from '../../src/transfer/relay/relay.ts';
import { listed } from '../support/bodies.ts';
import { localRemote } from '../support/local-remote.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type TransferUnderTest, failsWhole, large, place, signal, transferContract } from './transfer.ts';
import { never } from '../support/never.ts';

const pool = openLzoPool({ threads: 2 });
after(() => pool.close());

function relayOn(remote: Remote, hasLzop: boolean): TransferUnderTest {
  const title = `relay, ${hasLzop ? 'lzop on the node' : 'no lzop on the node'}`;
  return {
    title,
    remote,
    seesLargeFiles: (compression) => compression === 'none' || !hasLzop,
    open: (_, store, limit, sha256 = false) => relay({ store, pool, hasLzop: () => hasLzop, limitOf: () => limit, sha256 }),
  };
}

const host = 'node7';
transferContract(relayOn(localRemote({ host }), true));
transferContract(relayOn(localRemote({ host }), false));

/** A node whose `lzop` is this script. */
async function nodeWithLzop(t: TestContext, script: string): Promise<TransferUnderTest> {
  const bin = await temporaryDirectory(t);
  const path = join(bin, 'lzop');
  await writeFile(path, `#!/bin/sh\nreal() { PATH='${process.env['PATH'] ?? ''}' lzop "$@"; }\n${script}\n`);
  await chmod(path, 0o755);
  return relayOn(localRemote({ host, path: [bin] }), true);
}

const liars: readonly (readonly [what: string, script: string])[] = [
  ['dies midway', 'real "$@" | head -c 300000; kill -9 $$'],
  ['ends midway and says that all is well', 'real "$@" | head -c 300000'],
  ['ends between two blocks without a last one and says that all is well', 'real "$@" | head -c -4'],
  ['writes nothing and says that all is well', 'exit 0'],
  ['writes everything and fails', 'real "$@"; exit 1'],
  ['appends something', 'real "$@"; echo more'],
  ['compresses another file', 'head -c 100000 /dev/zero | real -1 -c'],
  ['writes no container', 'cat -- "$4"'],
];
for (const [what, script] of liars) {
  test(`relay: a node's lzop that ${what} is an error and leaves nothing`, { timeout: 300_000 }, async (t) => {
    const under = await nodeWithLzop(t, script);
    const at = await place(t, under);
    await failsWhole(at, under.remote, [await at.source('nb-1-big-Data.db', large)], /nb-1-big-Data\.db|lzop/);
  });
}

test(
  "relay: a node's lzop that dies while it decompresses is an error that names the object",
  { timeout: 300_000 },
  async (t) => {
    const at = await place(t, relayOn(localRemote({ host }), true));
    const source = await at.source('nb-1-big-Data.db', large);
    const [stored] = await at.transfer.upload(localRemote({ host }), [source], signal);
    assert.ok(stored !== undefined);
    const { component, ...upload } = source.upload;
    const file = { ...component, ...upload, ...stored, since: 'x' };
    const dying = await nodeWithLzop(t, 'head -c 100000 >/dev/null; kill -9 $$');
    await assert.rejects(at.transfer.download([{ file, path: 'x' }], at.landing(), dying.remote, signal), (error) => {
      assert.ok(error instanceof RemoteError || error instanceof IntegrityError, String(error));
      assert.ok(error.message.includes(file.key), error.message);
      return true;
    });
  },
);

test(
  'relay: of a batch whose store fails at one object, nothing goes on once the failure is told',
  { timeout: 300_000 },
  async (t) => {
    const under = relayOn(localRemote({ host }), true);
    const at = await place(t, under);
    let open = 0;
    const store = {
      ...at.store,
      url: at.store.url,
      put: async (key: string) => {
        open += 1;
        await new Promise((resolve) => setTimeout(resolve, key.includes('nb-1-') ? 1 : 50));
        open -= 1;
        if (key.includes('nb-1-')) {
          throw new Error('no room');
        }
        return { key, bytes: 0, modified: '', etag: '' };
      },
    };
    const unit = await Promise.all([1, 2, 3].map((n) => at.source(`nb-${n}-big-Index.db`, Buffer.from('x'))));
    await assert.rejects(relay({ store, pool, hasLzop: () => true }).upload(under.remote, unit, signal), /no room/);
    assert.equal(open, 0);
  },
);

test('relay: a connection that is lost midway is transient, so that it is tried again, and leaves nothing', async (t) => {
  const under = relayOn(localRemote({ host }), true);
  const at = await place(t, under);
  const lost: Remote = {
    ...under.remote,
    async *read(command, options) {
      for await (const chunk of under.remote.read(command, options, never)) {
        yield chunk;
        throw new RemoteError(`the connection to ${host} was lost`, { host, transient: true });
      }
    },
  };
  for (const bytes of [large, large.subarray(0, 1000)]) {
    const source = await at.source('nb-1-big-Data.db', bytes);
    await assert.rejects(at.transfer.upload(lost, [source], signal), (error) => error instanceof RemoteError && error.transient);
    assert.deepEqual(await listed(at.store, ''), []);
  }
});
