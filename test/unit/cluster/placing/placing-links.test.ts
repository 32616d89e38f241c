import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type PlacingPlan, beginPlacing, checkTakeBack, placeFiles, takeBack } from '../../../../src/cluster/placing/placing.ts';
import type { DataNode } from '../../../../src/cluster/node.ts';
import { openFiles } from '../../../../src/cluster/files/as-owner.ts';
import type { Remote } from '../../../../src/cluster/remote.ts';
import { filesBelow } from '../../../support/staged-files.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { unprivilegedMissing } from '../../../support/unprivileged.ts';

const signal = new AbortController().signal;
const id = '20261121T071500Z';
const skip = unprivilegedMissing;

interface Host extends DataNode {
  readonly root: string;
  /** Of another disk. */
  readonly far: string;
  readonly plan: PlacingPlan;
}

/**
 * Data of nobody: `shop/users-1` is behind a link to a link on the same disk, the keyspace `far` and the table `shop/orders-2`
 * behind links to another disk. All files are staged on the first one.
 */
async function host(t: TestContext): Promise<Host> {
  const root = await temporaryDirectory(t);
  const far = mkdtempSync('/dev/shm/sstash-far-');
  t.after(() => rmSync(far, { recursive: true }));
  const put = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  put(join(root, 'elsewhere/users-1/nb-1-big-Data.db'), 'old users');
  put(join(root, 'elsewhere/users-1/.idx/nb-1-big-Data.db'), 'old index');
  put(join(far, 'orders-2/nb-1-big-Data.db'), 'old orders');
  put(join(far, 'ks/events-3/nb-1-big-Data.db'), 'old events');
  mkdirSync(join(root, 'data/shop'), { recursive: true });
  symlinkSync(join(root, 'elsewhere/users-1'), join(root, 'users-link'));
  symlinkSync(join(root, 'users-link'), join(root, 'data/shop/users-1'));
  symlinkSync(join(far, 'orders-2'), join(root, 'data/shop/orders-2'));
  symlinkSync(join(far, 'ks'), join(root, 'data/far'));
  for (const [table, name] of [
    ['shop/users-1', 'users'],
    ['shop/orders-2', 'orders'],
    ['far/events-3', 'events'],
  ]) {
    put(join(root, `staging/${table}/nb-1-big-Data.db`), `restored ${name}`);
    put(join(root, `staging/${table}/.idx/nb-1-big-Data.db`), `restored index of ${name}`);
  }
  mkdirSync(join(root, 'commitlog'));
  // Nothing here loses its power in earnest, and other people's writes are not to be waited for.
  const bin = binOf(join(root, 'fast'), { sync: 'exit 0' });
  execFileSync('chown', ['-R', '65534:65534', root, far]);
  for (const directory of [root, far]) {
    chmodSync(directory, 0o755);
  }
  const disk = join(root, 'data');
  const tables = ['shop/users-1', 'shop/orders-2', 'far/events-3'].map((name) => ({
    live: name,
    places: [{ disk, staged: join(root, 'staging', name), files: filesBelow(join(root, 'staging', name)) }],
  }));
  const plan = { id, hosts: ['n1'], stateDirectories: [join(root, 'commitlog')], tables };
  const files = await filesWith([bin], disk);
  return { root, far, plan, files, config: { dataDirectories: [disk] } };
}

/** What Cassandra would find, behind all links. */
function live({ root }: Host): Readonly<Record<string, string>> {
  const paths = execFileSync('find', ['-L', '.', '-type', 'f', '!', '-path', '*/snapshots/*', '!', '-path', './.sstash*'], {
    cwd: join(root, 'data'),
    encoding: 'utf8',
  });
  const lines = paths.split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.toSorted().map((path) => [path.slice(2), readFileSync(join(root, 'data', path), 'utf8')]));
}

const before = {
  'far/events-3/nb-1-big-Data.db': 'old events',
  'shop/orders-2/nb-1-big-Data.db': 'old orders',
  'shop/users-1/.idx/nb-1-big-Data.db': 'old index',
  'shop/users-1/nb-1-big-Data.db': 'old users',
};

const afterwards = {
  'far/events-3/.idx/nb-1-big-Data.db': 'restored index of events',
  'far/events-3/nb-1-big-Data.db': 'restored events',
  'shop/orders-2/.idx/nb-1-big-Data.db': 'restored index of orders',
  'shop/orders-2/nb-1-big-Data.db': 'restored orders',
  'shop/users-1/.idx/nb-1-big-Data.db': 'restored index of users',
  'shop/users-1/nb-1-big-Data.db': 'restored users',
};

test(
  'behind links old files go aside on the disk that they are on, restored ones in, and all of it back',
  { skip },
  async (t) => {
    const node = await host(t);
    await beginPlacing(node, node.plan, signal);
    await placeFiles(node, id, signal);
    assert.deepEqual(live(node), afterwards);
    for (const path of ['orders-2', 'ks/events-3'].map((table) => join(node.far, table, 'snapshots'))) {
      assert.match(readFileSync(join(path, `before-restore-${id}/nb-1-big-Data.db`), 'utf8'), /^old /);
    }
    const owners = execFileSync('find', ['-L', node.root, '!', '-user', '65534'], { encoding: 'utf8' });
    assert.equal(owners, '', 'all of it belongs to the owner of the data');
    await checkTakeBack(node, id, signal);
    await takeBack(node, id, signal);
    assert.deepEqual(live(node), before);
  },
);

test('after a crash at any step between two disks it can be gone on with, and taken back', { skip }, async (t) => {
  let crashes = 0;
  for (let call = 1; ; call += 4) {
    let crashed = false;
    const [forward, back] = [await host(t), await host(t)];
    for (const node of [forward, back]) {
      await beginPlacing(node, node.plan, signal);
      crashed = await placeFiles({ ...node, files: await failingFrom(node, call) }, id, signal).then(
        () => false,
        () => true,
      );
    }
    await placeFiles(forward, id, signal);
    assert.deepEqual(live(forward), afterwards, `gone on after a crash at call ${call}`);
    await takeBack({ ...back, files: await failingFrom(back, (call % 13) + 1) }, id, signal).catch(() => {});
    await takeBack(back, id, signal);
    assert.deepEqual(live(back), before, `taken back after a crash at call ${call}`);
    if (!crashed) {
      break;
    }
    crashes += 1;
  }
  assert.ok(crashes > 7, `only ${crashes} steps could fail`);
});

test('half a copy from another disk never has a live name, and what lies there under a name stays', { skip }, async (t) => {
  const node = await host(t);
  await beginPlacing(node, node.plan, signal);
  // A copy that ends in the middle, and exits as if nothing were.
  const bin = binOf(join(node.root, 'bin'), {
    sync: 'exit 0',
    cp: 'for last; do :; done; /usr/bin/cp "$@"; echo half >"$4/nb-1-big-Data.db"; exit 1',
  });
  await assert.rejects(
    placeFiles({ ...node, files: await filesWith([bin], join(node.root, 'data')) }, id, signal),
    /cannot copy from \S+orders-2/,
  );
  assert.equal(live(node)['shop/orders-2/nb-1-big-Data.db'], undefined);
  writeFileSync(join(node.far, 'orders-2/nb-1-big-Data.db'), 'of somebody else');
  await assert.rejects(placeFiles(node, id, signal), /cannot move \S+nb-1-big-Data.db to \S+orders-2: it is there already/);
  assert.equal(live(node)['shop/orders-2/nb-1-big-Data.db'], 'of somebody else');
});

test('what could not be moved is refused before anything is', { skip }, async (t) => {
  const broken: readonly (readonly [RegExp, (node: Host) => void])[] = [
    [/cannot work in \S+orders-2/, ({ far }) => execFileSync('chown', ['root:root', join(far, 'orders-2')])],
    [/orders-2 is a link to no directory/, ({ far }) => rmSync(join(far, 'orders-2'), { recursive: true })],
    [/cannot enter \S+staging/, ({ root }) => chmodSync(join(root, 'staging'), 0)],
    [
      /users-1 and \S+users-1\/snapshots are on two disks/,
      ({ root, far }) => symlinkSync(join(far, 'ks'), join(root, 'elsewhere/users-1/snapshots')),
    ],
  ];
  for (const [message, breaks] of broken) {
    const node = await host(t);
    breaks(node);
    await assert.rejects(beginPlacing(node, node.plan, signal), message);
  }
});

/** Programs by name, with what stands in their place. */
function binOf(bin: string, programs: Readonly<Record<string, string>>): string {
  mkdirSync(bin, { recursive: true });
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

/** A remote whose moves, copies and removals fail from the nth call on, as if it had lost its power there. */
function failingFrom(node: Host, call: number): Promise<Remote> {
  const calls = join(node.root, 'calls');
  writeFileSync(calls, '');
  chmodSync(calls, 0o666);
  const counted = (name: string) =>
    `echo >>'${calls}'; [ "$(wc -l <'${calls}')" -lt ${call} ] || exit 1; exec /usr/bin/${name} "$@"`;
  const programs = Object.fromEntries(['mv', 'mkdir', 'cp', 'rm'].map((name) => [name, counted(name)]));
  return filesWith([binOf(join(node.root, 'bin'), { ...programs, sync: 'exit 0' })], join(node.root, 'data'));
}

/** As the owner of the data, with programs of the test's own. */
function filesWith(path: readonly string[], data: string): Promise<Remote> {
  return openFiles(localRemote({ path }), { dataDirectories: [data], dataUser: statSync(data).uid }, signal);
}
