import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { openLzoPool } from '../../src/codec/lzo/pool.ts';
import type { Remote } from '../../src/cluster/remote.ts';
import type { RateLimit } from '../../src/flow/rate-limit.ts';
import { RemoteError } from '../../src/model/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import { chooseTransfer } from '../../src/transfer/choice.ts';
import { direct } from '../../src/transfer/direct/direct.ts';
import { relay } from '../../src/transfer/relay/relay.ts';
import type { Transfer } from '../../src/transfer/transfer.ts';
import { listed } from '../support/bodies.ts';
import { localRemote } from '../support/local-remote.ts';
import { mixture, noise } from '../support/lzop.ts';
import { nodePrograms } from '../support/node-programs.ts';
import { type S3Server, missing, startVersityGateway, versityGateway } from '../support/s3-servers.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type TransferUnderTest, comesBack, failsWhole, large, place, signal, transferContract, uploaded } from './transfer.ts';
import { never } from '../support/never.ts';

/** Nodes have older ones than this machine: `scripts/fetch-python`. */
const python = process.env['SSTASH_TEST_PYTHON'] ?? 'python3';

const absent = missing(versityGateway, 'scripts/fetch-versitygw');
let server: S3Server | undefined;
before(async () => {
  if (absent === undefined) {
    server = await startVersityGateway();
  }
});
after(() => server?.stop());

async function openStore(t: TestContext, endpoint?: string): Promise<{ readonly store: ObjectStore; readonly bucket: string }> {
  if (server === undefined) {
    throw new Error(absent);
  }
  const base = randomBytes(6).toString('hex');
  const { bucket, credentials, objects } = server;
  const store = await openS3Store(
    { bucket, base, endpoint: endpoint ?? server.endpoint, region: 'us-east-1', credentials },
    never,
  );
  t.after(() => store.close());
  return { store, bucket: join(objects, base) };
}

function open(t: TestContext, store: ObjectStore, limit?: RateLimit, sha256 = false): Transfer {
  const { signer } = store;
  if (signer === undefined) {
    throw new Error('the store signs nothing');
  }
  const patience = { attempts: 3, firstDelayMs: 10 };
  return direct({ store, signer, programs: nodePrograms(t, { pythonOf: () => python, limitOf: () => limit }), patience, sha256 });
}

function directOn(remote: Remote): TransferUnderTest {
  return { title: 'direct', remote, skip: absent, seesLargeFiles: () => true, open, openStore };
}

const host = 'node7';
transferContract(directOn(localRemote({ host })));

for (const shell of ['bash', 'busybox']) {
  test(`direct: ${shell} as sh does as well as dash`, { skip: absent ?? noProgram(shell), timeout: 300_000 }, async (t) => {
    const bin = await temporaryDirectory(t);
    await symlink(await programPath(shell), join(bin, 'sh'));
    const remote = localRemote({ host, path: [bin] });
    const at = await place(t, directOn(remote));
    for (const compression of ['lzo', 'none'] as const) {
      await comesBack(at, remote, [await at.source(`nb-1-big-${compression}-Data.db`, large, compression)]);
      await at.store.delete(
        (await listed(at.store, '')).map(({ key }) => key),
        never,
      );
      await comesBack(at, remote, [
        await at.source('nb-2-big-Data.db', mixture(200_000), compression),
        await at.source("it's.db", noise(10), compression),
      ]);
      await at.store.delete(
        (await listed(at.store, '')).map(({ key }) => key),
        never,
      );
    }
  });
}

test('no link on the way to where a file lands is followed', { skip: absent ?? false, timeout: 300_000 }, async (t) => {
  const remote = localRemote({ host });
  const at = await place(t, directOn(remote));
  const elsewhere = await temporaryDirectory(t);
  for (const bytes of [large, mixture(100_000)]) {
    const [file] = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes)]);
    assert.ok(file !== undefined);
    for (const [name, link] of [
      ['own name', 'shop'],
      ['where it comes in', '.incoming'],
    ] as const) {
      await rm(at.landed(link), { recursive: true, force: true });
      await symlink(elsewhere, at.landed(link));
      const target = { file, path: `shop/users-1/${file.path}` };
      await assert.rejects(at.transfer.download([target], at.landing(), remote, signal), RemoteError, name);
      assert.deepEqual(await readdir(elsewhere), [], name);
      await rm(at.landed(link));
    }
    const strange = { file, path: `shop/../../${file.path}` };
    await assert.rejects(at.transfer.download([strange], at.landing(), remote, signal), /is no name of a directory/);
  }
});

for (const [what, replace] of [
  ['a link', (path: string) => rm(path).then(() => symlink('/etc/hostname', path))],
  ['a link to as many bytes', (path: string) => rename(path, `${path}.away`).then(() => symlink(`${path}.away`, path))],
  ['a pipe', (path: string) => rm(path).then(() => execFileSync('mkfifo', [path]))],
] as const) {
  test(`a listed file in whose place there is ${what} is not read`, { skip: absent ?? false, timeout: 60_000 }, async (t) => {
    const remote = localRemote({ host });
    const at = await place(t, directOn(remote));
    for (const bytes of [large, mixture(100_000)]) {
      for (const compression of ['lzo', 'none'] as const) {
        const source = await at.source('nb-1-big-Data.db', bytes, compression);
        await replace(source.path);
        await failsWhole(at, remote, [source], /nb-1-big-Data\.db/);
        await rm(source.path);
      }
    }
  });
}

const brokenLzops: readonly (readonly [what: string, script: string])[] = [
  ['passes on what it gets', 'cat'],
  ['says nothing', ''],
  ['gives nothing of what it gets', 'cat >/dev/null'],
  ['fails', 'cat >/dev/null; exit 1'],
];
for (const [what, script] of brokenLzops) {
  test(`a node’s lzop that ${what} is not taken for a damaged object`, { skip: absent ?? false, timeout: 60_000 }, async (t) => {
    const bin = await temporaryDirectory(t);
    await writeFile(join(bin, 'lzop'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const broken = localRemote({ host, path: [bin] });
    const at = await place(t, directOn(localRemote({ host })));
    for (const bytes of [large, mixture(100_000)]) {
      const [file] = await uploaded(at, localRemote({ host }), [await at.source('nb-1-big-Data.db', bytes)]);
      const unit = [{ file: file ?? assert.fail('nothing stored'), path: 'x' }];
      await assert.rejects(at.transfer.download(unit, at.landing(), broken, signal), (error) => {
        assert.ok(error instanceof RemoteError && error.command === 'lzop', String(error));
        assert.match(error.message, /^node7 cannot unpack .*nb-1-big-Data\.db\.lzo, which is whole: /);
        return true;
      });
    }
  });
}

test('names that are none fail their own unit, and no other', { skip: absent ?? false, timeout: 60_000 }, async (t) => {
  const remote = localRemote({ host });
  const at = await place(t, directOn(remote));
  const source = await at.source('nb-1-big-Data.db', mixture(1000));
  const [file] = await uploaded(at, remote, [source]);
  assert.ok(file !== undefined);
  for (const name of ['a\0b', 'a\ud800b']) {
    await assert.rejects(at.transfer.upload(remote, [{ ...source, path: name }], signal), RemoteError);
    await assert.rejects(at.transfer.download([{ file, path: name }], at.landing(), remote, signal), /cannot write/);
  }
});

test('a python3 that never begins is an error of the node, for which relay is tried', { skip: absent ?? false }, async (t) => {
  const bin = await temporaryDirectory(t);
  await writeFile(join(bin, 'python3'), '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
  const remote = localRemote({ host, path: [bin] });
  const { store } = await openStore(t);
  const programs = nodePrograms(t, { greetWithinMs: 300 });
  const { signer } = store;
  assert.ok(signer !== undefined);
  const parts = { store, signer, programs, patience: { attempts: 3, firstDelayMs: 10 } };
  const candidate = { remote, python: '3.11.2', hasLzop: true };
  const choice = await chooseTransfer(candidate, { mode: 'auto', direct: parts, needsLzop: true, writes: true }, signal);
  assert.deepEqual([choice.name, choice.reason], ['relay', 'python3 on node7 said nothing within 0.3 s']);
});

test('what one transfer stored the other brings back', { skip: absent ?? false, timeout: 300_000 }, async (t) => {
  const remote = localRemote({ host });
  const at = await place(t, directOn(remote));
  const pool = openLzoPool({ threads: 1 });
  t.after(() => pool.close());
  const relayed = relay({ store: at.store, pool, hasLzop: () => true });
  for (const compression of ['lzo', 'none'] as const) {
    for (const [name, bytes] of [
      ['large', large],
      ['small', mixture(100_000)],
    ] as const) {
      for (const path of [`${name}-${compression}-Data.db`, `${name}-${compression}-Index.db`]) {
        const source = await at.source(path, bytes, compression);
        for (const [up, down] of [
          [at.transfer, relayed],
          [relayed, at.transfer],
        ] as const) {
          const [file] = await uploaded({ ...at, transfer: up }, remote, [source]);
          await down.download([{ file: file ?? assert.fail('nothing stored'), path }], at.landing(), remote, signal);
          assert.ok((await readFile(at.landed(path))).equals(bytes), path);
        }
      }
    }
  }
});

function noProgram(name: string): string | false {
  return spawnSync('which', [name]).status === 0 ? false : `no ${name}`;
}

async function programPath(name: string): Promise<string> {
  return (await localRemote().run(['which', name], {}, never)).trim();
}
