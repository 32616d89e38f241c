/** What a world can do to a host in memory, with the product's own scripts at work there. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { findLinks } from '../../src/cluster/files/find-links.ts';
import { beginPlacing, placeFiles, readJournals, takeBack } from '../../src/cluster/placing/placing.ts';
import { makeStaging, readyStaging } from '../../src/cluster/placing/staging.ts';
import { findConfig } from '../../src/cluster/tools/find-config.ts';
import { defaultPrograms } from '../../src/cluster/tools/run-tool.ts';
import { isRunning } from '../../src/cluster/tools/service.ts';
import { jmxListener } from '../../src/cluster/tools/whose/listener.ts';
import { openFiles } from '../../src/cluster/files/as-owner.ts';
import { RemoteError } from '../../src/model/errors.ts';
import { Host, type HostOptions } from '../simulate/host/host.ts';
import { simulatedRemote } from '../simulate/host/remote.ts';
import { never } from '../support/never.ts';
import { TestClock } from '../support/test-clock.ts';

const users = [
  { name: 'cassandra', uid: 999, gid: 999 },
  { name: 'ops', uid: 1000, gid: 1000, home: '/home/ops', sudo: 'anybody' as const },
];
const id = '20261121T071500Z';
const data = '/var/lib/cassandra/data';
const second = '/data2';

interface World {
  readonly host: Host;
  readonly clock: TestClock;
}

function worldOf(t: TestContext, options: Partial<HostOptions> = {}): World {
  const clock = new TestClock();
  const host = new Host({ name: 'n1', clock, users, ...options });
  t.after(() => assert.deepEqual(host.defects, []));
  return { host, clock };
}

function put(host: Host, path: string, content: string): void {
  const above = path.slice(0, path.lastIndexOf('/'));
  host.files.mkdirs(above);
  host.files.write(path, content);
}

/** By the directories that they are staged in. */
const stagedFiles = {
  '/var/lib/cassandra/stage/shop/users-9': { 'nb-1-big-Data.db': 'restored', 'nb-2-big-Data.db': 'restored too' },
  '/var/lib/cassandra/stage/.disk-1/shop/users-9': { 'nb-3-big-Data.db': 'restored, from disk to disk' },
} as const;

/** Everything of a node that is about to restore, owned by Cassandra's user; two disks. */
function nodeOf(host: Host): Parameters<typeof beginPlacing>[0]['config'] {
  host.files.mkdirs(second);
  host.files.mount(second, 1024 ** 3);
  put(host, `${data}/shop/users-1/nb-1-big-Data.db`, 'old');
  put(host, `${data}/shop/users-1/.users_email/nb-1-big-Data.db`, 'old index');
  put(host, `${second}/shop/users-1/nb-2-big-Data.db`, 'old on the second disk');
  put(host, '/var/lib/cassandra/commitlog/CommitLog-7-1.log', 'log');
  for (const [staged, files] of Object.entries(stagedFiles)) {
    for (const [name, content] of Object.entries(files)) {
      put(host, `${staged}/${name}`, content);
    }
  }
  for (const place of ['/var/lib/cassandra', second]) {
    for (const path of allPaths(host, place)) {
      host.files.chown(host.files.stat(path, false), 999, 999);
    }
  }
  return { dataDirectories: [data, second] };
}

function allPaths(host: Host, path: string): readonly string[] {
  const isDirectory = host.files.stat(path, false).kind === 'directory';
  return [
    path,
    ...(isDirectory
      ? host.files
          .list(path)
          .toSorted()
          .flatMap((name) => allPaths(host, `${path}/${name}`))
      : []),
  ];
}

/** Names and contents below some directories, but for what is by chance. */
function treeOf(host: Host): readonly string[] {
  return ['/var/lib/cassandra', second]
    .flatMap((place) => allPaths(host, place))
    .map((path) => {
      const inode = host.files.stat(path, false);
      return `${path} ${inode.kind} ${inode.kind === 'file' ? host.files.text(path) : ''}`;
    });
}

function stagedIn(staged: keyof typeof stagedFiles): {
  readonly staged: string;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
} {
  return { staged, files: Object.entries(stagedFiles[staged]).map(([path, content]) => ({ path, bytes: content.length })) };
}

const plan = {
  id,
  hosts: ['n1'],
  stateDirectories: ['/var/lib/cassandra/commitlog'],
  tables: [
    {
      live: 'shop/users-1',
      places: [
        { disk: data, ...stagedIn('/var/lib/cassandra/stage/shop/users-9') },
        { disk: second, ...stagedIn('/var/lib/cassandra/stage/.disk-1/shop/users-9') },
      ],
    },
  ],
};

/** Lets no time pass; a run that waits for it waits for ever. */
async function placed(host: Host, stopAt = Infinity): Promise<number> {
  let steps = 0;
  const config = { ...nodeOf(host), dataUser: 999 };
  const files = await openFiles(simulatedRemote(host), config, never);
  const node = { files, config };
  await beginPlacing(node, plan, never);
  host.atStep = () => {
    steps += 1;
    if (steps === stopAt) {
      host.powerOff();
    }
  };
  try {
    await placeFiles(node, id, never);
  } catch (error) {
    assert.ok(error instanceof RemoteError && error.transient && !host.up, String(error));
    host.powerOn();
    host.atStep = undefined;
    await placeFiles(node, id, never);
  }
  host.atStep = undefined;
  return steps;
}

test('whatever step of placing files the power fails at, going on comes to the same, and so does going back', async (t) => {
  const whole = worldOf(t).host;
  const before = worldOf(t).host;
  nodeOf(before);
  const steps = await placed(whole);
  const expected = treeOf(whole).filter((line) => !/phase\.new|\.sstash-placed\./.test(line));
  assert.ok(steps > 100, `${steps} steps`);
  // Every step is a quarter of a minute; these are others each time that the script changes.
  for (let stopAt = 1; stopAt <= steps; stopAt += 11) {
    const { host } = worldOf(t);
    await placed(host, stopAt);
    assert.deepEqual(
      treeOf(host).filter((line) => !/\.new |\.sstash-placed\./.test(line)),
      expected,
      `power fails at step ${stopAt}`,
    );
    const config = { ...nodeOfConfig, dataUser: 999 };
    const node = { files: await openFiles(simulatedRemote(host), config, never), config };
    assert.deepEqual(
      (await readJournals(node, never)).map(({ phase }) => phase),
      ['placed'],
    );
    await takeBack(node, id, never);
    for (const path of [`${data}/shop/users-1/nb-1-big-Data.db`, `${second}/shop/users-1/nb-2-big-Data.db`]) {
      assert.equal(host.files.text(path), before.files.text(path));
    }
  }
});

const nodeOfConfig = { dataDirectories: [data, second] };

test('a command that is killed in its middle leaves what it had done', async (t) => {
  const { host } = worldOf(t);
  put(host, '/from/a', 'a');
  put(host, '/from/b', 'b');
  host.files.mkdirs('/to');
  host.atStep = (step) => {
    if (step.kind === 'change' && step.path === '/from/b') {
      step.process.signal('KILL');
    }
  };
  await assert.rejects(simulatedRemote(host).run(['mv', '-t', '/to', '--', '/from/a', '/from/b'], {}, never), /SIGKILL/);
  assert.deepEqual([host.files.list('/to'), host.files.list('/from')], [['a'], ['b']]);
});

test('a full disk takes the beginning of a file, and says so', async (t) => {
  const { host } = worldOf(t);
  host.files.mkdirs('/small');
  const disk = host.files.mount('/small', 16_384);
  const write = simulatedRemote(host).run(['tee', '/small/file'], { input: Buffer.alloc(100_000, 'x') }, never);
  await assert.rejects(write, /No space left on device/);
  assert.ok(disk.usedBytes <= 16_384);
  assert.match(await simulatedRemote(host).run(['df', '-Pk', '/small'], {}, never), / 16 .* \/small\n$/);
});

test('a connection that is cut ends the input of what runs there, and the next command has a new one', async (t) => {
  const { host } = worldOf(t);
  const remote = simulatedRemote(host);
  let stop = (): void => {};
  const input = (async function* torn() {
    yield Buffer.from('half');
    await new Promise<void>((resolve) => {
      stop = resolve;
    });
  })();
  const writing = remote.run(['tee', '/tmp/file'], { input }, never);
  while (host.files.look('/tmp/file')?.size !== 4) {
    await turn();
  }
  remote.cut();
  await assert.rejects(writing, (error) => error instanceof RemoteError && error.transient);
  stop();
  assert.equal(await remote.run(['cat', '/tmp/file'], {}, never), 'half');
  assert.deepEqual(host.processes.all(), []);
});

test('a command that reads nothing ends with its connection, and what one that has ended left in the background stays', async (t) => {
  const { host, clock } = worldOf(t);
  const remote = simulatedRemote(host);
  await remote.run(['sh', '-c', '{ sleep 100; touch /tmp/left; } >/dev/null 2>&1 &'], {}, never);
  const silent = remote.run(['sh', '-c', 'sleep 50; touch /tmp/never'], {}, never);
  await turn();
  remote.cut();
  await assert.rejects(silent, (error) => error instanceof RemoteError && error.transient);
  await turn();
  await clock.advance(50_000);
  await clock.advance(50_000);
  await turn();
  assert.deepEqual(host.files.list('/tmp'), ['left']);
});

test('a host that is down takes no connection, and forgets what was in memory', async (t) => {
  const { host } = worldOf(t);
  const remote = simulatedRemote(host);
  host.files.write('/tmp/file', 'x');
  const sleeping = remote.run(['sleep', '1000'], {}, never);
  await turn();
  host.powerOff();
  await assert.rejects(sleeping, /was lost/);
  await assert.rejects(remote.run(['true'], {}, never), (error) => error instanceof RemoteError && error.transient);
  host.powerOn();
  assert.equal(await remote.run(['ls', '/tmp'], {}, never), '');
});

test('who waits for a lock has it when the other has ended, or gives up in time', async (t) => {
  const { host, clock } = worldOf(t);
  const remote = simulatedRemote(host);
  const held = 'exec 9>>/tmp/lock; flock -w 120 9 || { echo late; exit 1; }; sleep "$1"; echo done';
  const run = (seconds: string): Promise<string> => remote.run(['sh', '-c', held, 'sh', seconds], {}, never);
  const [first, next, late] = [run('60'), run('90'), run('1').catch((error: unknown) => error)];
  await turn();
  await clock.advance(60_000);
  assert.equal(await first, 'done\n');
  await turn();
  await clock.advance(60_000);
  assert.match(String(await late), /status 1/);
  await clock.advance(30_000);
  assert.equal(await next, 'done\n');
});

test('a server in the process table is found, with its configuration, its age and its sockets', async (t) => {
  const { host, clock } = worldOf(t);
  const remote = simulatedRemote(host, { user: 'ops', sudo: {} });
  const config = nodeOf(host);
  put(host, '/etc/cassandra/cassandra.yaml', 'cluster_name: shop\n');
  assert.equal(await isRunning({ remote, config }, never), false);
  await clock.advance(10_000);
  const server = host.daemon({
    argv: ['java', '-cp', '/etc/cassandra:/lib', 'org.apache.cassandra.service.CassandraDaemon'],
    user: 'cassandra',
  });
  host.listening.push({ port: 7199, address: '127.0.0.1', uid: 999 });
  await clock.advance(10_000);
  assert.equal(await isRunning({ remote, config }, never), true);
  const found = await findConfig(remote, defaultPrograms, [999], never);
  assert.deepEqual(
    [found.path, found.edited, found.serverUsers, found.text],
    ['/etc/cassandra/cassandra.yaml', false, [999], 'cluster_name: shop\n'],
  );
  await clock.advance(10_000);
  put(host, '/etc/cassandra/cassandra.yaml', 'cluster_name: other\n');
  assert.equal((await findConfig(remote, defaultPrograms, [999], never)).edited, true);
  const asked = { remote, programs: { ...defaultPrograms, nodetool: ['nodetool', '-p', '7199'] }, config: { dataUser: 999 } };
  assert.equal(await jmxListener(asked, never), 'trusted');
  host.listening[0] = { port: 7199, address: '127.0.0.1', uid: 1000 };
  assert.equal(await jmxListener(asked, never), 'stranger');
  server.finish({ signal: 'KILL' });
  assert.equal(await isRunning({ remote, config }, never), false);
});

test('a program that a world puts there has its words, its user, its streams and its files', async (t) => {
  const { host } = worldOf(t);
  host.programs.set('nodetool', async (process) => {
    await process.print(`${process.argv.join(' ')} by ${process.who.uid}: ${await process.input()}`);
    process.files.write('/tmp/seen', process.env.get('SUDO_USER') ?? '');
    await process.complain('nodetool: why');
    return 3;
  });
  const remote = simulatedRemote(host, { user: 'ops', sudo: { user: 'cassandra' } });
  const said: string[] = [];
  await assert.rejects(async () => {
    for await (const chunk of remote.read(['nodetool', 'status'], { input: 'in' }, never)) {
      said.push(String(chunk));
    }
  }, /exited with status 3: nodetool: why/);
  assert.deepEqual(said, ['nodetool status by 999: in']);
  assert.equal(host.files.text('/tmp/seen'), 'ops');
  await assert.rejects(simulatedRemote(host, { user: 'cassandra', sudo: {} }).run(['true'], {}, never), /sudo refused/);
});

test('what the model does not know is an error that names it', async () => {
  for (const [text, named] of [
    ['find / -newermt yesterday', /-newermt/],
    ['stat -c %w /', /%w/],
    ['echo `id`', /backquotes/],
    ['tar -c -f - /', /tar/],
    ["awk 'BEGIN { getline }'", /getline/],
  ] as const) {
    const host = new Host({ name: 'n1', clock: new TestClock(), users });
    await assert.rejects(simulatedRemote(host).run(['sh', '-c', text], {}, never), named);
    assert.match(String(host.defects[0]), named);
  }
});

test('a copy of the files is another one, hard links and all', (t) => {
  const { host } = worldOf(t);
  nodeOf(host);
  host.files.link(`${data}/shop/users-1/nb-1-big-Data.db`, `${data}/linked`);
  const copy = new Host({ name: 'copy', clock: new TestClock(), users });
  const tree = host.tree.clone();
  host.files.writeAt(host.files.stat(`${data}/linked`), 0, Buffer.from('NEW'));
  const at = (path: string): string => {
    const place = tree.walk(tree.root, path, { uid: 0, gid: 0, groups: [] }, true);
    assert.ok(typeof place !== 'string' && place.inode !== undefined);
    return `${place.inode.disk.device}:${place.inode.number} ${Buffer.from(place.inode.bytes).toString()}`;
  };
  assert.equal(at(`${data}/linked`), at(`${data}/shop/users-1/nb-1-big-Data.db`));
  assert.match(at(`${data}/linked`), / old$/);
  assert.match(at(`${second}/shop/users-1/nb-2-big-Data.db`), / old on the second disk$/);
  assert.equal(copy.files.look(data), undefined);
});

test('the same commands at the same times come to the same, names drawn by chance among them', async (t) => {
  const run = async (): Promise<string> => {
    const { host } = worldOf(t);
    const config = nodeOf(host);
    const remote = simulatedRemote(host);
    const { dataDirectories } = config;
    const request = { directory: '/stage', dataDirectories, label: 'x' };
    await makeStaging(remote, request, never);
    await readyStaging(remote, request, { agreed: false }, never);
    const names: string[] = [];
    for await (const { path, modified } of findLinks(remote, data, 'backups', never)) {
      names.push(`${path} ${modified}`);
    }
    return names.join() + (await remote.run(['sh', '-c', 'mktemp; stat -c "%i %Y %Z" /stage; echo $$; id'], {}, never));
  };
  assert.equal(await run(), await run());
});

test('a start empties /tmp, or keeps it, and never keeps what is in memory alone', (t) => {
  for (const tmp of ['emptied', 'kept'] as const) {
    const { host } = worldOf(t);
    put(host, '/tmp/cassandra_restore/a', 'a');
    put(host, '/dev/shm/login', 'b');
    host.powerOff();
    host.powerOn(tmp);
    assert.deepEqual(
      ['/tmp/cassandra_restore/a', '/dev/shm/login'].map((path) => host.files.look(path) !== undefined),
      [tmp === 'kept', false],
    );
  }
});
