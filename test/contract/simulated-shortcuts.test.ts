/** What stands for scripts in simulated histories is held to the scripts themselves, on hosts in memory that are alike. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOwnerScript } from '../../src/cluster/files/as-owner.ts';
import { listDataLinksScript } from '../../src/cluster/files/data-links.ts';
import { findInScript, findLinks } from '../../src/cluster/files/find-links.ts';
import { removeFilesScript } from '../../src/cluster/files/incremental-files.ts';
import { readFromScript, readPlainScript } from '../../src/cluster/files/plain-files.ts';
import { readInScript } from '../../src/cluster/files/small-files.ts';
import type { Command, Remote, RunOptions } from '../../src/cluster/remote.ts';
import { findConfigScript } from '../../src/cluster/tools/find-config.ts';
import { probeToolsScript } from '../../src/cluster/tools/node-probe.ts';
import { lookAtWaysScript } from '../../src/cluster/tools/node-ways.ts';
import { RemoteError } from '../../src/model/errors.ts';
import { Cluster } from '../simulate/cassandra/cluster.ts';
import { CassandraNode, serverUser } from '../simulate/cassandra/node.ts';
import { dataDirectory } from '../simulate/cassandra/server.ts';
import type { Files } from '../simulate/host/files/files.ts';
import { simulatedRemote } from '../simulate/host/remote.ts';
import { openingShortcuts } from '../simulate/shortcuts/opening.ts';
import { readingShortcuts } from '../simulate/shortcuts/reading.ts';
import { shortcutRemote } from '../simulate/shortcuts/remote.ts';
import { never } from '../support/never.ts';
import { TestClock } from '../support/test-clock.ts';

const table = { keyspace: 'shop', table: 't1', id: '1'.padStart(32, '0') };
const live = `${dataDirectory}/shop/t1-${table.id}`;
const config = '/etc/cassandra/cassandra.yaml';

interface Wish {
  readonly isUp?: boolean;
  readonly lzop?: boolean;
}

/** A node with a table, its snapshot and its incremental files; the same one each time. */
function nodeOf({ isUp = true, lzop = true }: Wish): CassandraNode {
  const node = new CassandraNode('n1', new TestClock(), 1024 ** 3);
  const plain = { tokens: 1, copies: 1, incremental: true, autoSnapshot: false, ballast: 10, nowMs: () => 1_000_000 };
  const cluster = new Cluster({ ...plain, hosts: [{ host: 'n1', files: node.files, aheadMs: 0 }] });
  const [member = assert.fail()] = cluster.members;
  node.join();
  node.configure(member, '10.0.0.1', true);
  if (!lzop) {
    node.host.programs.remove('lzop');
  }
  if (isUp) {
    node.appear('10.0.0.1');
  }
  cluster.create(table, { nowMs: 1_000_000 });
  for (const [index, key] of ['a', 'b', 'c'].entries()) {
    cluster.write(table, key, index, () => false);
    member.server.flush([table]);
    if (index === 1) {
      member.server.snapshot('sstash-1', [table]);
    }
  }
  return node;
}

/** The scripts that run, and the shortcuts that stand for them, each with a node of its own. */
function both(wish: Wish): readonly { readonly node: CassandraNode; readonly remote: Remote }[] {
  const [real, known] = [nodeOf(wish), nodeOf(wish)];
  const { isUp = true, lzop = true } = wish;
  const parts = {
    name: 'n1',
    files: known.files,
    nowMs: () => known.host.clock.now().getTime(),
    isUp: () => isUp,
    isOwners: true,
    lzop,
    mayBreak: false,
    program: () => undefined,
  };
  return [
    { node: real, remote: simulatedRemote(real.host, { user: serverUser }) },
    { node: known, remote: shortcutRemote(parts, undefined) },
  ];
}

async function answerOf(remote: Remote, command: Command, options: RunOptions): Promise<string> {
  try {
    return await remote.run(command, options, never);
  } catch (error) {
    if (!(error instanceof RemoteError)) {
      throw error;
    }
    return `status ${error.status}: ${error.stderr.trim().split(': ').at(-1)}`;
  }
}

function treeOf(files: Files, path = dataDirectory): readonly string[] {
  const below = files.stat(path).kind === 'directory' ? files.list(path) : [];
  return [path, ...below.flatMap((name) => treeOf(files, `${path}/${name}`))];
}

function commandOf([program = '', ...args]: readonly string[]): Command {
  return [program, ...args];
}

const held = new Set<string>();

/** Both must say the same, and leave the same. Gives what they say. */
async function same(
  script: string,
  args: readonly string[],
  { input, through = [], ...wish }: Wish & Pick<RunOptions, 'input'> & { readonly through?: readonly string[] } = {},
): Promise<string> {
  held.add(script);
  const [real, known] = both(wish);
  assert.ok(real !== undefined && known !== undefined);
  const answers = [real, known].map(({ remote }) =>
    answerOf(remote, commandOf([...through, 'sh', '-c', script, 'sh', ...args]), input === undefined ? {} : { input }),
  );
  const [said, knows] = await Promise.all(answers);
  assert.deepEqual(real.node.host.defects, []);
  assert.equal(knows, said);
  assert.deepEqual(treeOf(known.node.files), treeOf(real.node.files));
  return said ?? '';
}

test('files below a place of links are found alike', async () => {
  held.add(findInScript);
  for (const place of ['backups', { snapshot: 'sstash-1' }, { snapshot: 'none' }] as const) {
    const found = both({}).map(async ({ remote }) => {
      const entries = [];
      for await (const entry of findLinks(remote, dataDirectory, place, never)) {
        entries.push(entry);
      }
      return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    });
    const [real, known] = await Promise.all(found);
    assert.deepEqual(known, real);
    assert.equal((real?.length ?? 0) > 0, typeof place === 'string' || place.snapshot !== 'none');
  }
  for (const { remote } of both({})) {
    await assert.rejects(findLinks(remote, '/none', 'backups', never).next(), RemoteError);
  }
});

test('files are read alike, and those that are gone are missed', async () => {
  const names = ['nb-1-big-TOC.txt', 'nb-2-big-Data.db'];
  const input = (...paths: readonly string[]): { readonly input: string } => ({
    input: paths.map((path) => `${path}\0`).join(''),
  });
  assert.match(await same(readInScript, [live], input(...names)), /TOC\.txt\n.*#$/s);
  assert.match(await same(readInScript, [live], input('none')), /^status .*No such file/);
  const through = ['xargs', '-0'];
  const paths = names.map((name) => `${live}/${name}`);
  assert.match(await same(readPlainScript, [], { ...input(...paths), through }), /TOC\.txt\n.*#$/s);
  await same(readPlainScript, [], { ...input(...paths, '/none'), through });
  for (const path of [`${live}/nb-2-big-Data.db`, `${live}/none`, live]) {
    await same(readFromScript, [path, 'cat']);
  }
});

test('incremental files go alike, those that are gone already among them', async () => {
  const input = ['./nb-1-big-Data.db', './nb-9-big-Data.db'].map((name) => `shop/t1-${table.id}/backups/${name}\0`).join('');
  assert.equal(await same(removeFilesScript, [dataDirectory], { input }), '');
});

test('no links are found alike', async () => {
  assert.equal(await same(listDataLinksScript, [dataDirectory]), '');
});

test('a node is opened alike, whether its server runs and whatever it has', async () => {
  for (const isUp of [true, false]) {
    assert.match(await same(findConfigScript, ['', '7100'], { isUp }), /cluster_name: Simulated/);
  }
  const directories = [dataDirectory, '/var/lib/cassandra/commitlog'];
  assert.match(await same(lookAtWaysScript, [config, ...directories]), /cassandra\/cassandra\/var\/lib\/cassandra\0/);
  assert.equal(await same(findOwnerScript, ['7100']), `${serverUser}\0`);
  for (const lzop of [true, false]) {
    assert.equal((await same(probeToolsScript, directories, { lzop })).includes('lzop'), lzop);
  }
});

test('every shortcut is held to its script', () => {
  const shortcuts = [...readingShortcuts.keys(), ...openingShortcuts.keys()];
  assert.deepEqual(
    shortcuts.filter((script) => !held.has(script)),
    [],
  );
});
