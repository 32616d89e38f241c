import assert from 'node:assert/strict';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { type TestContext, after, test } from 'node:test';
import { openLzoPool } from '../../src/codec/lzo/pool.ts';
import type { Remote } from '../../src/cluster/remote.ts';
import { retry } from '../../src/flow/retry.ts';
import { IntegrityError, RemoteError, StorageError } from '../../src/model/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { direct } from '../../src/transfer/direct/direct.ts';
import { relay } from '../../src/transfer/relay/relay.ts';
import type { Transfer } from '../../src/transfer/transfer.ts';
import { listed } from '../support/bodies.ts';
import { type Fault, type FaultProxy, firstOf } from '../support/fault-proxy.ts';
import { faultyGateway } from '../support/faulty-gateway.ts';
import { localRemote } from '../support/local-remote.ts';
import { mixture, noise } from '../support/lzop.ts';
import { nodePrograms } from '../support/node-programs.ts';
import { type Place, place, signal, uploaded } from './transfer.ts';
import { never } from '../support/never.ts';

/** What both transfers do when the store, the line or the node fails: real S3 server, python3 and lzop. */

const pool = openLzoPool({ threads: 2 });
const gateway = faultyGateway();
const { skip } = gateway;
/** Long enough to see another second: signatures carry the time. */
const patience = { attempts: 5, firstDelayMs: 100 };
const partBytes = 5 * 1024 ** 2;
/** More than two parts; smaller than one. */
const inParts = noise(11_000_000, 3);
const inOne = mixture(1_300_000, 5);
after(() => pool.close());

const ways = {
  relay: (_: TestContext, store: ObjectStore): Transfer => relay({ store, pool, hasLzop: () => true }),
  direct: (t: TestContext, store: ObjectStore): Transfer => {
    const signer = store.signer ?? assert.fail('the store signs nothing');
    return direct({ store, signer: { ...signer, partBytes: () => partBytes }, programs: nodePrograms(t), patience });
  },
};
const host = 'node7';
const remote = localRemote({ host });

interface Faulty extends Place {
  readonly proxy: FaultProxy;
}

function onBoth(title: string, work: (at: Faulty, way: keyof typeof ways) => Promise<void>): void {
  for (const way of ['relay', 'direct'] as const) {
    onOne(way, title, (at) => work(at, way));
  }
}

function onOne(way: keyof typeof ways, title: string, work: (at: Faulty) => Promise<void>): void {
  test(`${way}: ${title}`, { skip, timeout: 300_000 }, async (t) => {
    const { proxy } = gateway;
    proxy.spoil(() => undefined);
    proxy.slowDown(Infinity);
    proxy.hold(async () => {});
    const openStore = (context: TestContext) => gateway.openLocation(context, partBytes);
    const at = await place(t, { title, remote, seesLargeFiles: () => false, open: ways[way], openStore });
    await work({ ...at, proxy });
  });
}

const unavailable: Fault = { status: 503, code: 'SlowDown' };
const passing: readonly (readonly [what: string, fault: Fault])[] = [
  ['answers 503 for a while', unavailable],
  ['breaks the connection in the middle of a body for a while', { cutUploadAfter: 100_000 }],
];
for (const [what, fault] of passing) {
  onBoth(`a store that ${what} gets everything all the same`, async (at) => {
    const small = [await at.source('nb-2-big-Data.db', noise(200_000)), await at.source('nb-2-big-Index.db', noise(150_000))];
    for (const unit of [[await at.source('nb-1-big-Data.db', inParts)], [await at.source('nb-3-big-Data.db', inOne)], small]) {
      at.proxy.spoil(firstOf(2, 'PUT', fault));
      const files = await uploaded(at, remote, unit);
      const targets = files.map((file) => ({ file, path: file.path }));
      await at.transfer.download(targets, at.landing(), remote, signal);
      for (const [index, { path }] of targets.entries()) {
        assert.ok((await readFile(at.landed(path))).equals(await readFile(unit[index]?.path ?? '')), path);
      }
    }
  });
}

const lasting: readonly (readonly [what: string, fault: Fault, transient: boolean])[] = [
  ['stays busy', unavailable, true],
  ['refuses', { status: 403, code: 'AccessDenied', message: 'Access Denied' }, false],
];
for (const [what, fault, transient] of lasting) {
  onBoth(`a store that ${what} is an error that names the object, and leaves nothing`, async (at) => {
    for (const [name, bytes] of [
      ['nb-1-big-Data.db', inParts],
      ['nb-3-big-Data.db', inOne],
      ['nb-2-big-Data.db', noise(1000)],
    ] as const) {
      const source = await at.source(name, bytes);
      at.proxy.spoil((method) => (method === 'PUT' ? fault : undefined));
      await assert.rejects(at.transfer.upload(remote, [source], signal), (error) => {
        assert.ok(error instanceof StorageError, String(error));
        assert.equal(error.transient, transient, error.message);
        assert.ok(error.message.includes(source.upload.key), error.message);
        return true;
      });
      at.proxy.spoil(() => undefined);
      assert.deepEqual(await listed(at.store, ''), []);
      assert.equal(await at.store.clearUnfinished(new Date(Date.now() + 60_000), never), 0);
    }
  });
}

onOne('direct', 'a signature that has expired is made anew', async (at) => {
  const expired = { status: 403, code: 'AccessDenied', message: 'Request has expired' };
  for (const [name, bytes] of [
    ['nb-1-big-Data.db', inParts],
    ['nb-2-big-Data.db', noise(1000)],
  ] as const) {
    const seen = new Set<string>();
    at.proxy.spoil((method, path) => {
      if (method !== 'PUT') {
        return undefined;
      }
      seen.add(path);
      return seen.size === 1 ? expired : undefined;
    });
    await uploaded(at, remote, [await at.source(name, bytes)]);
  }
});

onBoth('a download that is cut off is whole after another attempt', async (at) => {
  for (const bytes of [inOne, noise(200_000)]) {
    const files = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes)]);
    at.proxy.spoil(firstOf(1, 'GET', { cutDownloadAfter: 100_000 }));
    const path = 'nb-1-big-Data.db';
    await retry(
      () =>
        at.transfer.download(
          files.map((file) => ({ file, path })),
          at.landing(),
          remote,
          signal,
        ),
      { patience },
      signal,
    );
    assert.ok((await readFile(at.landed(path))).equals(bytes));
  }
});

onOne('direct', 'a large object whose download breaks off goes on where it was, as often as it gets further', async (at) => {
  for (const compression of ['lzo', 'none'] as const) {
    const [file] = await uploaded(at, remote, [await at.source(`nb-${compression}-big-Data.db`, inParts, compression)]);
    assert.ok(file !== undefined);
    // More often than a single request may fail, and each time far from the end: from the beginning it would never come whole.
    const cuts = 8;
    at.proxy.spoil(firstOf(cuts, 'GET', { cutDownloadAfter: Math.floor(file.storedBytes / (cuts + 1)) }));
    await at.transfer.download([{ file, path: compression }], at.landing(), remote, signal);
    assert.ok((await readFile(at.landed(compression))).equals(inParts));
  }
});

onBoth('a slow line takes time and nothing else', async (at) => {
  at.proxy.slowDown(2_000_000);
  const files = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', inOne)]);
  const path = 'nb-1-big-Data.db';
  await at.transfer.download(
    files.map((file) => ({ file, path })),
    at.landing(),
    remote,
    signal,
  );
  assert.ok((await readFile(at.landed(path))).equals(inOne));
});

onBoth('a node whose processes are killed is an error, and leaves nothing in the store', async (at) => {
  const source = await at.source('nb-1-big-Data.db', inParts);
  at.proxy.slowDown(3_000_000);
  const killing: Remote = {
    ...remote,
    async *read(command, options) {
      let killed = false;
      for await (const chunk of remote.read(command, options, never)) {
        yield chunk;
        if (!killed) {
          killed = await killWorkers(source.path);
        }
      }
    },
  };
  await assert.rejects(at.transfer.upload(killing, [source], signal), RemoteError);
  assert.deepEqual(await listed(at.store, ''), []);
  assert.equal(await at.store.clearUnfinished(new Date(Date.now() + 60_000), never), 0);
});

onBoth('a disk that is full on restore is an error of the node, not of the data', async (at) => {
  for (const bytes of [inOne, noise(400_000)]) {
    const files = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes)]);
    const full: Remote = {
      ...remote,
      run: (command, options) => remote.run(limited(command), options, never),
      read: (command, options) => remote.read(limited(command), options, never),
    };
    const path = 'nb-1-big-Data.db';
    await assert.rejects(
      at.transfer.download(
        files.map((file) => ({ file, path })),
        at.landing(),
        full,
        signal,
      ),
      (error) => {
        assert.ok(error instanceof Error && !(error instanceof IntegrityError), String(error));
        assert.match(error.message, /too large|writ|full|tar: Exiting/i);
        return true;
      },
    );
  }
});

onOne('direct', 'no signature is to be seen on the node: no argument, environment or file has one', async (at) => {
  const units = [
    [await at.source('nb-1-big-Data.db', inParts)],
    await Promise.all([1, 2, 3, 4].map((n) => at.source(`nb-${n}-big-Index.db`, noise(300_000, n)))),
  ];
  const found = new Set<string>();
  const senders: number[] = [];
  at.proxy.hold(async (method) => {
    const running = await look(found);
    // What begins and ends a multipart upload comes from the control host.
    if (method !== 'POST') {
      senders.push(running);
    }
  });
  for (const unit of units) {
    const files = await uploaded(at, remote, unit);
    await at.transfer.download(
      files.map((file) => ({ file, path: file.path })),
      at.landing(),
      remote,
      signal,
    );
  }
  assert.ok(senders.length >= 12, `only ${senders.length} requests`);
  assert.ok(
    senders.every((running) => running > 0),
    'a request that no program of a node was seen to send',
  );
  assert.deepEqual([...found], []);
});

/** A file size limit stands for a full disk: a write beyond it fails. */
function limited(command: readonly [string, ...string[]]): [string, ...string[]] {
  return ['bash', '-c', 'trap "" XFSZ; ulimit -f 200; exec "$@"', 'bash', ...command];
}

/** Kills, by number, what this test process has begun for a file: commands that name it, the program of a node and its lzop. */
async function killWorkers(path: string): Promise<boolean> {
  const own = await childrenOf(process.pid);
  const lines = await Promise.all(own.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')));
  // What reads a single file has it as its standard input.
  const inputs = await Promise.all(own.map((pid) => readlink(`/proc/${pid}/fd/0`).catch(() => '')));
  const programs = own.filter((_, index) => isProgram(lines[index]) || inputs[index] === path);
  const children = (await Promise.all(programs.map(childrenOf))).flat();
  for (const pid of [...children, ...programs]) {
    process.kill(pid, 'SIGKILL');
  }
  return programs.length > 0;
}

async function ownPrograms(): Promise<readonly number[]> {
  const own = await childrenOf(process.pid);
  const lines = await Promise.all(own.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')));
  return own.filter((_, index) => isProgram(lines[index]));
}

function isProgram(line = ''): boolean {
  return /^[^\0]*python3[^\0]*\0-I\0/.test(line);
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')));
  return lists
    .join(' ')
    .split(' ')
    .filter((each) => each !== '')
    .map(Number);
}

/** Adds every place where a signature is to be seen, and tells how many programs of nodes run. */
async function look(found: Set<string>): Promise<number> {
  const secret = 'X-Amz-Signature=';
  for (const pid of await pids()) {
    if ((await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')).includes(secret)) {
      found.add('an argument');
    }
    if ((await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')).includes(secret)) {
      found.add('an environment');
    }
  }
  const programs = await ownPrograms();
  for (const pid of programs) {
    for (const name of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const path = await readlink(`/proc/${pid}/fd/${name}`).catch(() => '');
      if (path.startsWith('/') && (await readFile(path, 'latin1').catch(() => '')).includes(secret)) {
        found.add(`the file ${path}`);
      }
    }
  }
  return programs.length;
}

async function pids(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}
