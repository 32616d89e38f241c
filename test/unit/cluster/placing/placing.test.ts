import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type PlacingPlan,
  beginPlacing,
  noteDown,
  proveStaged,
  checkTakeBack,
  placeFiles,
  readJournals,
  readPlacingDisks,
  takeBack,
} from '../../../../src/cluster/placing/placing.ts';
import type { Remote } from '../../../../src/cluster/remote.ts';
import type { DataNode } from '../../../../src/cluster/node.ts';
import { filesBelow } from '../../../support/staged-files.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const signal = new AbortController().signal;
const id = '20261121T071500Z';

const old = {
  "it's data/shop/users-1/nb-1-big-Data.db": 'old users',
  "it's data/shop/users-1/nb-1-big-SAI+aa+x+Meta.db": 'old SAI',
  "it's data/shop/users-1/.users_email/nb-1-big-Data.db": 'old index',
  "it's data/shop/users-1/backups/nb-1-big-Data.db": 'a link of backups',
  "it's data/shop/users-1/snapshots/mine/nb-1-big-Data.db": 'a snapshot of somebody',
  "it's data/shop/other-3/nb-1-big-Data.db": 'not chosen',
  'data2/shop/users-1/nb-2-big-Data.db': 'old users on the second disk',
  'commitlog/CommitLog-7-1.log': 'log',
  'hints/h.hints': 'hint',
};

const staged = {
  'staging/.disk-1/shop/users-9/nb-4-big-Data.db': 'restored to the second disk',
  'staging/.disk-1/shop/users-9/.users_email/nb-3-big-Data.db': 'restored index of the second disk',
  'staging/shop/users-9/nb-1-big-Data.db': 'restored users',
  'staging/shop/users-9/.users_email/nb-1-big-Data.db': 'restored index',
  'staging/shop/orders-8/nb-1-big-Data.db': 'restored orders',
};

/** What Cassandra would find: everything but what lies in snapshots, backups, or was put aside. */
const afterwards = {
  "it's data/shop/users-1/nb-1-big-Data.db": 'restored users',
  "it's data/shop/users-1/.users_email/nb-1-big-Data.db": 'restored index',
  "it's data/shop/orders-2/nb-1-big-Data.db": 'restored orders',
  "it's data/shop/other-3/nb-1-big-Data.db": 'not chosen',
  'data2/shop/users-1/nb-4-big-Data.db': 'restored to the second disk',
  'data2/shop/users-1/.users_email/nb-3-big-Data.db': 'restored index of the second disk',
};

interface Host {
  readonly root: string;
  readonly plan: PlacingPlan;
  readonly config: DataNode['config'];
}

async function host(root: string): Promise<Host> {
  for (const [path, text] of Object.entries({ ...old, ...staged })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await mkdir(join(root, 'saved_caches'));
  const [first, second] = [join(root, "it's data"), join(root, 'data2')];
  const onFirst = (path: string) => placeOn(first, join(root, 'staging', path));
  const placeOn = (disk: string, from: string) => ({ disk, staged: from, files: filesBelow(from) });
  const plan = {
    id,
    hosts: ['n1', 'n2'],
    stateDirectories: ['commitlog', 'hints', 'saved_caches'].map((name) => join(root, name)),
    tables: [
      {
        live: 'shop/users-1',
        places: [onFirst('shop/users-9'), placeOn(second, join(root, 'staging/.disk-1/shop/users-9'))],
      },
      { live: 'shop/orders-2', places: [onFirst('shop/orders-8')] },
      { live: 'shop/empty-4', places: [onFirst('shop/empty-4')] },
    ],
  };
  return { root, plan, config: { dataDirectories: [first, second] } };
}

async function contents(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path.slice(root.length + 1), await readFile(path, 'utf8')])),
  );
}

async function live(root: string): Promise<Record<string, string>> {
  const aside = /^bin\/|^held\/|^staging\/|\/snapshots\/|\/backups\/|(before-restore|restored)-2026|\.sstash-/;
  return Object.fromEntries(Object.entries(await contents(root)).filter(([path]) => !aside.test(path)));
}

const oldLive = Object.fromEntries(Object.entries(old).filter(([path]) => !/\/snapshots\/|\/backups\//.test(path)));

/** A host whose `mv` and `mkdir` fail from the nth call on, as if it had lost its power there. */
async function failingFrom(root: string, call: number): Promise<Remote> {
  const bin = join(root, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'calls'), '');
  for (const name of ['mv', 'mkdir', 'sync']) {
    // Nothing here loses its power in earnest, and other people's writes are not to be waited for.
    const counted = `echo >>'${bin}/calls'\n[ "$(wc -l <'${bin}/calls')" -lt ${call} ] || exit 1\nexec /usr/bin/${name} "$@"`;
    const script = `#!/bin/sh\n${name === 'sync' ? 'exit 0' : counted}\n`;
    await writeFile(join(bin, name), script);
    await chmod(join(bin, name), 0o755);
  }
  return localRemote({ path: [bin] });
}

const never = Number.MAX_SAFE_INTEGER;

test('old files go aside, restored ones in; the way back leaves everything as it was, and nothing is deleted', async (t) => {
  const { root, plan, config } = await host(await temporaryDirectory(t));
  const whole = await failingFrom(root, never);
  await beginPlacing({ files: whole, config }, plan, signal);
  assert.deepEqual(await live(root), oldLive);
  await placeFiles({ files: whole, config }, id, signal);
  assert.deepEqual(await live(root), afterwards);
  const [journal] = await readJournals({ files: whole, config }, signal);
  assert.deepEqual(
    [journal?.id, journal?.phase, journal?.hosts, journal?.tables],
    [id, 'placed', plan.hosts, plan.tables.flatMap(({ live: table, places }) => places.map(({ disk }) => join(disk, table)))],
  );
  await checkTakeBack({ files: whole, config }, id, signal);
  // What Cassandra wrote meanwhile is moved out too.
  await writeFile(join(root, 'data2/shop/users-1/nb-7-big-Data.db'), 'flushed after the restore');
  await takeBack({ files: whole, config }, id, signal);
  assert.deepEqual(await live(root), oldLive);
  const texts = new Set(Object.values(await contents(root)));
  for (const text of [...Object.values(old), ...Object.values(staged), 'flushed after the restore']) {
    assert.ok(texts.has(text), `${text} is gone`);
  }
  assert.equal((await readJournals({ files: whole, config }, signal))[0]?.phase, 'undone');
  await assert.rejects(placeFiles({ files: whole, config }, id, signal), /is undone and cannot go on/);
});

test('where nothing lies yet, as on a node that has lost its disks, the same goes there and back', async (t) => {
  const { root, plan, config } = await host(await temporaryDirectory(t));
  for (const path of Object.keys(old)) {
    await rm(join(root, path));
  }
  const whole = await failingFrom(root, never);
  await beginPlacing({ files: whole, config }, plan, signal);
  await placeFiles({ files: whole, config }, id, signal);
  const { "it's data/shop/other-3/nb-1-big-Data.db": _, ...restored } = afterwards;
  assert.deepEqual(await live(root), restored);
  await checkTakeBack({ files: whole, config }, id, signal);
  await takeBack({ files: whole, config }, id, signal);
  assert.deepEqual(await live(root), {});
});

test('the disks of all data directories are looked at, of one too that is not there yet', async (t) => {
  const { root, config } = await host(await temporaryDirectory(t));
  const remote = localRemote();
  const dataDirectories = [...config.dataDirectories, join(root, 'not/there')];
  const { identity, metadataLog, disks } = await readPlacingDisks(
    { files: remote, config: { dataDirectories } },
    join(root, 'to/come'),
    signal,
  );
  assert.deepEqual([identity, metadataLog], [false, false]);
  assert.deepEqual(
    disks.map((disk) => [disk.directory, disk.staged]),
    dataDirectories.map((directory) => [directory, true]),
  );
  assert.ok(disks.every(({ freeBytes, totalBytes, device }) => freeBytes > 0 && totalBytes >= freeBytes && /^\d+$/.test(device)));
  await mkdir(join(root, 'data2/system/local-7'), { recursive: true });
  await writeFile(join(root, 'data2/system/local-7/nb-1-big-Data.db'), '');
  const look = () => readPlacingDisks({ files: remote, config }, '/dev/shm/to-come', signal);
  assert.deepEqual([(await look()).identity, (await look()).metadataLog], [true, false]);
  await mkdir(join(root, "it's data/system/local_metadata_log-8"), { recursive: true });
  await writeFile(join(root, "it's data/system/local_metadata_log-8/pa-1-big-Data.db"), '');
  assert.equal((await look()).metadataLog, true);
});

test('after a crash at any step it can be gone on with, and taken back, also after a crash on the way back', async (t) => {
  const parent = await temporaryDirectory(t);
  const whole = await failingFrom(parent, never);
  let crashes = 0;
  for (let call = 1; ; call += 1) {
    const forward = await host(join(parent, `forward-${call}`));
    const back = await host(join(parent, `back-${call}`));
    let crashed = false;
    for (const { root, plan, config } of [forward, back]) {
      await beginPlacing({ files: whole, config }, plan, signal);
      const failing = await failingFrom(root, call);
      crashed = await placeFiles({ files: failing, config }, id, signal).then(
        () => false,
        () => true,
      );
    }
    await placeFiles({ ...forward, files: whole }, id, signal);
    assert.deepEqual(await live(forward.root), afterwards, `gone on after a crash at call ${call}`);
    await takeBack({ ...back, files: await failingFrom(back.root, (call % 13) + 1) }, id, signal).catch(() => {});
    await takeBack({ ...back, files: whole }, id, signal);
    assert.deepEqual(await live(back.root), oldLive, `taken back after a crash at call ${call}`);
    if (!crashed) {
      break;
    }
    crashes += 1;
  }
  assert.ok(crashes > 15, `only ${crashes} steps could fail`);
});

test('what another run put there meanwhile is not overwritten, nor anything moved over the remains of another restore', async (t) => {
  const { root, plan, config } = await host(await temporaryDirectory(t));
  const whole = await failingFrom(root, never);
  await beginPlacing({ files: whole, config }, plan, signal);
  // A node that was started in the middle, and wrote: two sstables of one name.
  await mkdir(join(root, `data2/shop/users-1/snapshots/before-restore-${id}`), { recursive: true });
  await writeFile(join(root, `data2/shop/users-1/snapshots/before-restore-${id}/nb-2-big-Data.db`), 'moved before');
  await assert.rejects(placeFiles({ files: whole, config }, id, signal), /cannot move \S+\/nb-2-big-Data\.db to/);
  const after = await contents(root);
  assert.equal(after[`data2/shop/users-1/snapshots/before-restore-${id}/nb-2-big-Data.db`], 'moved before');
  assert.equal(after['data2/shop/users-1/nb-2-big-Data.db'], 'old users on the second disk');

  const later = { ...plan, id: '20261122T071500Z' };
  await beginPlacing({ files: whole, config }, later, signal);
  await assert.rejects(placeFiles({ files: whole, config }, later.id, signal), new RegExp(`restore ${id} is half-done here`));
});

test('nothing is taken back when the old files were cleared: the tables would be left empty', async (t) => {
  const { root, plan, config } = await host(await temporaryDirectory(t));
  const whole = await failingFrom(root, never);
  await beginPlacing({ files: whole, config }, plan, signal);
  await placeFiles({ files: whole, config }, id, signal);
  await rm(join(root, "it's data/shop/users-1/snapshots", `before-restore-${id}`), { recursive: true });
  for (const back of [checkTakeBack, takeBack]) {
    await assert.rejects(back({ files: whole, config }, id, signal), /only 1 of the 4 files .* are left/);
  }
  assert.deepEqual(await live(root), afterwards);
});

test('two scripts never work on one node at once: the second waits for what a killed run left at work', async (t) => {
  const { root, plan, config } = await host(await temporaryDirectory(t));
  const whole = await failingFrom(root, never);
  await beginPlacing({ files: whole, config }, plan, signal);
  const bin = join(root, 'held');
  await mkdir(bin);
  // Holds the first move until the file `go` is there.
  const held = `#!/bin/sh\nif [ ! -e '${bin}/go' ]; then : >'${bin}/here'; while [ ! -e '${bin}/go' ]; do sleep 0.05; done; fi\nexec /usr/bin/mv "$@"\n`;
  await writeFile(join(bin, 'mv'), held);
  await chmod(join(bin, 'mv'), 0o755);
  const placing = placeFiles({ files: localRemote({ path: [bin, join(root, 'bin')] }), config }, id, signal);
  while (!(await readdir(bin)).includes('here')) {
    await delay(20);
  }
  const undoing = takeBack({ files: whole, config }, id, signal);
  assert.equal(await Promise.race([undoing.then(() => 'ran'), delay(500).then(() => 'waits')]), 'waits');
  await writeFile(join(bin, 'go'), '');
  await Promise.all([placing, undoing]);
  assert.deepEqual(await live(root), oldLive);
});

test('the journal keeps that the restore took the node down, until it was seen up again', async (t) => {
  const { plan, config } = await host(await temporaryDirectory(t));
  const node = { files: localRemote(), config };
  const isDown = async () => (await readJournals(node, signal)).map((journal) => journal.isDown);
  await beginPlacing(node, plan, signal);
  assert.deepEqual(await isDown(), [false]);
  await noteDown(node, id, true, signal);
  await placeFiles(node, id, signal);
  assert.deepEqual(await isDown(), [true]);
  await noteDown(node, id, false, signal);
  assert.deepEqual(await isDown(), [false]);
  await noteDown(node, id, false, signal);
});

const dataFile = 'staging/shop/users-9/nb-1-big-Data.db';
const lies: readonly (readonly [what: string, spoil: (root: string) => Promise<void>, says: RegExp])[] = [
  [
    'is gone',
    (root) => rm(join(root, dataFile)),
    /not staged any more, or not with their sizes: 1 of 5 files are \(.*users-9\/nb-1-big-Data\.db\)/,
  ],
  ['has another size', (root) => writeFile(join(root, dataFile), 'short'), /1 of 5 files are \(.*users-9\/nb-1-big-Data\.db\)/],
  [
    'is one too many',
    (root) => writeFile(join(root, dataFile.replace('nb-1', 'nb-7')), 'x'),
    /nb-7-big-Data\.db is no file of this restore/,
  ],
  ['of all is gone', (root) => rm(join(root, 'staging'), { recursive: true }), /5 of 5 files are/],
];
for (const [what, spoil, says] of lies) {
  test(`where a file that was staged ${what}, nothing is moved, whenever that is found out`, async (t) => {
    const { root, plan, config } = await host(await temporaryDirectory(t));
    const node = { files: localRemote(), config };
    await beginPlacing(node, plan, signal);
    await proveStaged(node, id, signal);
    await spoil(root);
    await assert.rejects(proveStaged(node, id, signal), says);
    await assert.rejects(placeFiles(node, id, signal), says);
    assert.deepEqual(await live(root), oldLive);
    await takeBack(node, id, signal);
    assert.deepEqual(await live(root), oldLive);
    await assert.rejects(beginPlacing(node, { ...plan, id: '20261121T071501Z' }, signal), says);
    assert.deepEqual(
      (await readJournals(node, signal)).map(({ phase }) => phase),
      ['undone'],
    );
  });
}

test('a restore whose id is known already does not begin over the journal of the other', async (t) => {
  const { plan, config } = await host(await temporaryDirectory(t));
  const node = { files: localRemote(), config };
  await beginPlacing(node, plan, signal);
  await placeFiles(node, id, signal);
  await assert.rejects(beginPlacing(node, plan, signal), /restore 20261121T071500Z is known here already/);
  assert.deepEqual(
    (await readJournals(node, signal)).map(({ phase }) => phase),
    ['placed'],
  );
});

test('files are placed in full or that is no success', async (t) => {
  const { root, plan, config } = await host(await temporaryDirectory(t));
  const bin = join(root, 'bin');
  await mkdir(bin);
  // Another one moves it out at once.
  await writeFile(
    join(bin, 'mv'),
    `#!/bin/sh\n/usr/bin/mv "$@"; s=$?\nrm -f "${join(root, "it's data/shop/orders-2/nb-1-big-Data.db")}"\nexit $s\n`,
  );
  await chmod(join(bin, 'mv'), 0o755);
  await beginPlacing({ files: localRemote(), config }, plan, signal);
  await assert.rejects(
    placeFiles({ files: localRemote({ path: [bin] }), config }, id, signal),
    /not in their places: 1 of 5 files are \(.*orders-2\/nb-1-big-Data\.db\)/,
  );
});
