import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { endsWith, quote } from '../../../../../src/model/node/shell-text.ts';
import type { TablePart } from '../../../../../src/model/restore/plan.ts';
import { restartScript } from '../../../../../src/model/restore/by-hand/restart.ts';
import { storedOf, tableOf } from '../../../../support/manifests.ts';
import { temporaryDirectory } from '../../../../support/temporary.ts';

const endOf = endsWith('0123456789abcdef');

const users = { ...tableOf('shop', 'users', 1), liveId: tableOf('shop', 'users', 9).id };
const orders = { ...tableOf('shop', 'orders', 2), liveId: tableOf('shop', 'orders', 2).id };
const gone = tableOf('shop', 'gone', 3);

const nodeAt = (host: string, root: string, shell: string) => ({
  host,
  shell,
  stagingDirectory: `${root}/staging`,
  dataDirectories: [`${root}/it's data`, `${root}/data2`],
  parts: [] as readonly TablePart[],
  commitlogDirectory: `${root}/commitlog`,
  hintsDirectory: `${root}/hints`,
  savedCachesDirectory: `${root}/saved_caches`,
  dataUser: process.getuid?.() ?? 0,
  nodetool: ['nodetool'],
});

async function plant(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** Every file below, with its text; the time in the name of what is moved aside is left out. */
async function held(root: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(root.length + 1).replace(/before-restore-\d{8}T\d{6}Z/, 'OLD'), await readFile(path, 'utf8')] as const;
      }),
  );
  return Object.fromEntries(files.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Programs that only write down that they were called, and by which node. */
async function fakeNode(root: string, host: string, log: string): Promise<string> {
  const bin = join(root, 'bin');
  for (const name of ['nodetool', 'service', 'systemctl']) {
    await plant(bin, { [name]: `#!/bin/sh\nprintf '%s %s %s\\n' ${host} ${name} "$*" >>${quote(log)}\n` });
    await chmod(join(bin, name), 0o755);
  }
  return `env ${quote(`PATH=${bin}:${process.env['PATH'] ?? ''}`)} sh`;
}

test('the script, run: old files aside on the same disk and none deleted, restored ones in, index directories too', async (t) => {
  const root = await temporaryDirectory(t);
  const log = join(root, 'log');
  await plant(root, {
    [`n1/it's data/shop/users-${users.liveId}/nb-1-big-Data.db`]: 'old users',
    [`n1/it's data/shop/users-${users.liveId}/.users_email/nb-1-big-Data.db`]: 'old index',
    [`n1/it's data/shop/users-${users.liveId}/backups/nb-1-big-Data.db`]: 'backup link',
    [`n1/it's data/shop/users-${users.liveId}/snapshots/mine/nb-1-big-Data.db`]: 'snapshot link',
    [`n1/it's data/other/x-${users.liveId}/nb-1-big-Data.db`]: 'not chosen',
    [`n1/data2/shop/orders-${orders.id}/nb-5-big-Data.db`]: 'old orders on the second disk',
    [`n1/staging/shop/users-${users.id}/nb-1-big-Data.db`]: 'restored users',
    [`n1/staging/shop/users-${users.id}/.users_email/nb-1-big-Data.db`]: 'restored index',
    [`n1/staging/shop/users-${users.id}/nb-1-big-SAI+aa+x+TermsData.db`]: 'restored terms',
    [`n1/staging/shop/orders-${orders.id}/nb-1-big-Data.db`]: 'restored orders',
    'n1/commitlog/CommitLog-7-1.log': 'log',
    'n1/hints/h.hints': 'hint',
    'n1/saved_caches/KeyCache.db': 'cache',
    'n2/commitlog/CommitLog-7-2.log': 'log 2',
  });
  for (const directory of ["n1/it's data", 'n1/data2', "n2/it's data", 'n2/data2']) {
    await mkdir(join(root, directory), { recursive: true });
  }
  const nodes = await Promise.all(
    ['n1', 'n2'].map(async (host) => nodeAt(host, join(root, host), await fakeNode(join(root, `bin-${host}`), host, log))),
  );
  const script = restartScript(nodes, [users, orders, gone], endOf);
  await promisify(execFile)('sh', ['-c', script]);

  const live = `it's data/shop/users-${users.liveId}`;
  assert.deepEqual(await held(join(root, 'n1')), {
    'commitlog/OLD/CommitLog-7-1.log': 'log',
    [`data2/shop/orders-${orders.id}/snapshots/OLD/nb-5-big-Data.db`]: 'old orders on the second disk',
    'hints/OLD/h.hints': 'hint',
    [`it's data/.sstash-placed`]: '',
    [`it's data/other/x-${users.liveId}/nb-1-big-Data.db`]: 'not chosen',
    [`it's data/shop/orders-${orders.id}/nb-1-big-Data.db`]: 'restored orders',
    [`${live}/.users_email/nb-1-big-Data.db`]: 'restored index',
    [`${live}/backups/nb-1-big-Data.db`]: 'backup link',
    [`${live}/nb-1-big-Data.db`]: 'restored users',
    [`${live}/nb-1-big-SAI+aa+x+TermsData.db`]: 'restored terms',
    [`${live}/snapshots/OLD/.users_email/nb-1-big-Data.db`]: 'old index',
    [`${live}/snapshots/OLD/nb-1-big-Data.db`]: 'old users',
    [`${live}/snapshots/mine/nb-1-big-Data.db`]: 'snapshot link',
    'saved_caches/OLD/KeyCache.db': 'cache',
  });
  // A node without data of the tables has its log put aside all the same.
  assert.deepEqual(await held(join(root, 'n2')), {
    'commitlog/OLD/CommitLog-7-2.log': 'log 2',
    "it's data/.sstash-placed": '',
  });

  const calls = (await readFile(log, 'utf8')).trim().split('\n');
  const stops = calls.flatMap((call, index) => (/ stop/.test(call) ? [index] : []));
  const starts = calls.flatMap((call, index) => (/ start/.test(call) ? [index] : []));
  assert.equal(stops.length, 2);
  assert.equal(starts.length, 2);
  assert.ok(Math.max(...stops) < Math.min(...starts));
  assert.deepEqual(calls.filter((call) => call.includes('nodetool')).toSorted(), ['n1 nodetool drain', 'n2 nodetool drain']);
});

test('what came from another disk goes back to it, with all of its components and those alone', async (t) => {
  const root = await temporaryDirectory(t);
  const staging = `staging/shop/orders-${orders.id}`;
  const names = ['nb-1-big-Data.db', 'nb-1-big-SAI+aa+x+Meta.db', 'nb-10-big-Data.db', '.orders_item/nb-7-big-Data.db'];
  await plant(root, Object.fromEntries(names.map((name) => [`${staging}/${name}`, name])));
  await mkdir(join(root, "it's data"));
  const files = ['nb-1-big-Data.db', 'nb-1-big-SAI+aa+x+Meta.db', '.orders_item/nb-7-big-Data.db'].map((path) => storedOf(path));
  const parts = [{ disk: `${root}/data2`, directory: 'unused', table: { ...orders, files } }];
  const shell = await fakeNode(join(root, 'bin'), 'n1', join(root, 'log'));
  await promisify(execFile)('sh', ['-c', restartScript([{ ...nodeAt('n1', root, shell), parts }], [orders], endOf)]);
  const live = `shop/orders-${orders.id}`;
  const placed = Object.entries(await held(root)).filter(([path]) => path.includes(live));
  assert.deepEqual(Object.fromEntries(placed), {
    [`data2/${live}/.orders_item/nb-7-big-Data.db`]: '.orders_item/nb-7-big-Data.db',
    [`data2/${live}/nb-1-big-Data.db`]: 'nb-1-big-Data.db',
    [`data2/${live}/nb-1-big-SAI+aa+x+Meta.db`]: 'nb-1-big-SAI+aa+x+Meta.db',
    [`it's data/${live}/nb-10-big-Data.db`]: 'nb-10-big-Data.db',
  });
});

for (const [failing, other] of [
  ['n1', 'n2'],
  ['n2', 'n1'],
]) {
  test(`${failing} cannot be drained: the script ends when the other has stopped, before anything is placed`, async (t) => {
    const root = await temporaryDirectory(t);
    const log = join(root, 'log');
    await plant(root, { [`n1/staging/shop/orders-${orders.id}/nb-1-big-Data.db`]: 'restored' });
    const shells = await Promise.all(['n1', 'n2'].map((host) => fakeNode(join(root, `bin-${host}`), host, log)));
    await writeFile(join(root, `bin-${failing}/bin/nodetool`), '#!/bin/sh\nexit 1\n');
    const nodes = ['n1', 'n2'].map((host, index) => nodeAt(host, join(root, host), shells[index] ?? ''));
    await assert.rejects(promisify(execFile)('sh', ['-c', restartScript(nodes, [orders], endOf)]));
    assert.deepEqual(Object.keys(await held(join(root, 'n1'))), [`staging/shop/orders-${orders.id}/nb-1-big-Data.db`]);
    assert.match(await readFile(log, 'utf8'), new RegExp(`^${other} (service|systemctl) (cassandra )?stop`, 'm'));
  });
}

test('every node is stopped before the first file is placed anywhere', () => {
  const script = restartScript([nodeAt('n1', '/r1', 'ssh n1 sh'), nodeAt('n2', '/r2', 'ssh n2 sh')], [orders], endOf);
  const lines = script.split('\n');
  const lastDrain = lines.findLastIndex((line) => line.includes('drain'));
  const firstPlace = lines.findIndex((line) => line.startsWith('[ ! -d'));
  assert.ok(lastDrain > 0 && firstPlace > lastDrain);
});

test('a table whose id is another now, and one that lives no more, are said', () => {
  const script = restartScript([nodeAt('n1', '/r', 'sh')], [users, orders, gone], endOf);
  assert.match(script, new RegExp(`^# shop\\.users: its id is ${users.liveId} now, ${users.id} in the backup`, 'm'));
  assert.match(script, /^# shop\.gone: NOT placed/m);
  assert.doesNotMatch(script, /^# shop\.orders: /m);
  assert.ok(!script.includes(`gone-${gone.id}`));
});

test('repair is advised per keyspace, on every node', () => {
  const script = restartScript(
    [nodeAt('n1', '/r', 'sh'), nodeAt('n2', '/r', 'sh')],
    [users, orders, { ...tableOf('b', 't'), liveId: tableOf('b', 't').id }],
    endOf,
  );
  const advised = script.split('\n').filter((line) => line.includes(' repair '));
  assert.equal(advised.length, 2);
  for (const keyspace of ['shop', 'b']) {
    assert.match(advised[0] ?? '', new RegExp(`nodetool repair ${keyspace}\\b`));
  }
});

test('where nodetool needs a password, the script says where it is read from and how to put it there, once', async () => {
  const at = (host: string) => ({
    ...nodeAt(host, `/${host}`, `ssh ${host} sh`),
    nodetool: ['nodetool', '-u', 'backup', '-pwf', '/dev/shm/login'],
    passwordFile: '/dev/shm/login',
  });
  const script = restartScript([at('n1'), at('n2')], [orders], endOf);
  assert.equal(script.match(/^# nodetool reads its password from a file that is not there yet\./gm)?.length, 1);
  assert.match(script, /^# {4}\(umask 077; set -C; cat >\/dev\/shm\/login\)$/m);
  assert.equal(script.match(/^nodetool -u backup -pwf \/dev\/shm\/login drain \|\| /gm)?.length, 2);
  await promisify(execFile)('sh', ['-n', '-c', script]);
  assert.doesNotMatch(restartScript([nodeAt('n1', '/n1', 'ssh n1 sh')], [orders], endOf), /password/);
});
