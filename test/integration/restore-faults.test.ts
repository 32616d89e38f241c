/** What goes wrong while data is brought back: nothing gets its final name before it has passed every check. */
import assert from 'node:assert/strict';
import { copyFile, open, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BlobsStory, blobs, openBlobsStory } from '../support/blobs-story.ts';
import { objectsBelow } from '../support/bucket.ts';
import { holdOn, release, untilHeld, withWrapper } from '../support/host-faults.ts';
import { type BackupDocument, type RestoreDocument, resultOf, runProgram, startProgram } from '../support/program.ts';
import { dumpRows, loadBlobs, onHost } from '../support/sandbox.ts';

const target = '/tmp/sstash-restore-faults';
let story: BlobsStory;
let backup: BackupDocument;
let hosts: BlobsStory['sandbox']['hosts'];

before(async () => {
  story = await openBlobsStory();
  hosts = story.sandbox.hosts;
  backup = resultOf<BackupDocument>(await runProgram(['backup', ...blobs], story.at('good')));
});

after(async () => {
  await clearTargets();
  await story.clear();
});

const restore = ['restore', 'latest', '--to', target, '--yes', '--json'];

async function clearTargets(): Promise<void> {
  await Promise.all(hosts.map((host) => onHost(host, `rm -rf ${target}`)));
}

/** The file behind the object of a node's component: the first whose name matches. */
async function objectOf(host: string, name: RegExp): Promise<string> {
  const directory = join(story.objects('good'), backup.id);
  const key = [...(await objectsBelow(directory)).keys()].find((each) => each.startsWith(`${host}/`) && name.test(each));
  assert.ok(key !== undefined, `no object of ${host} matches ${name}`);
  return join(directory, key);
}

async function withDamage<T>(path: string, damage: (path: string) => Promise<void>, work: () => Promise<T>): Promise<T> {
  await rename(path, `${path}.whole`);
  try {
    await copyFile(`${path}.whole`, path);
    await damage(path);
    return await work();
  } finally {
    await rename(`${path}.whole`, path);
  }
}

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.from([buffer.readUInt8(0) ^ 0x10]), 0, 1, at);
  } finally {
    await file.close();
  }
}

/** These nodes failed because of that component, which is not there, and the others have all their files. */
async function assertFailed(restored: RestoreDocument, failed: Readonly<Record<string, RegExp>>): Promise<void> {
  assert.equal(restored.nodes.length, 3);
  assert.equal(restored.commands, '', 'commands that place half of a backup');
  for (const { host, error, files } of restored.nodes) {
    const found = (await onHost(host, `find ${target} -type f ! -name .sstash-restore`)).trim().split('\n');
    const component = failed[host];
    if (component === undefined) {
      assert.equal(error, undefined);
      assert.equal(found.length, files);
    } else {
      assert.match(error ?? '', component);
      assert.deepEqual(
        found.filter((path) => component.test(path)),
        [],
      );
    }
    assert.ok(!found.some((path) => path.includes('.sstash-incoming')), found.join('\n'));
  }
}

test('an object that is cut short fails its node, and the others are restored', async () => {
  await clearTargets();
  const path = await objectOf(hosts[1], /-Data\.db\.lzo$/);
  const ran = await withDamage(
    path,
    (file) => truncate(file, 5_000_000),
    () => runProgram(restore, story.at('good')),
  );
  await assertFailed(resultOf<RestoreDocument>(ran, 3), { [hosts[1]]: /-Data\.db/ });
});

test('one wrong bit in a large or in a small object fails its node', async () => {
  await clearTargets();
  const large = await objectOf(hosts[0], /-Data\.db\.lzo$/);
  const small = await objectOf(hosts[1], /-Filter\.db\.lzo$/);
  const ran = await withDamage(
    large,
    (file) => flipByte(file, 3_000_000),
    () =>
      withDamage(
        small,
        (file) => flipByte(file, 60),
        () => runProgram(restore, story.at('good')),
      ),
  );
  await assertFailed(resultOf<RestoreDocument>(ran, 3), { [hosts[0]]: /-Data\.db/, [hosts[1]]: /-Filter\.db/ });
});

test('an object that is missing is named by the plan and fails its node; once it is back, the next run brings the rest', async () => {
  await clearTargets();
  const path = await objectOf(hosts[1], /-Index\.db\.lzo$/);
  const ran = await withDamage(
    path,
    async (file) => {
      await rm(file);
      const { lost } = resultOf<RestoreDocument>(await runProgram([...restore, '--dry-run'], story.at('good')), 4);
      assert.deepEqual(
        lost?.map(({ key, detail }) => `${key} ${detail}`),
        [`${backup.id}${file.slice(join(story.objects('good'), backup.id).length)} is missing`],
      );
    },
    () => runProgram(restore, story.at('good')),
  );
  await assertFailed(resultOf<RestoreDocument>(ran, 3), { [hosts[1]]: /-Index\.db/ });

  const again = resultOf<RestoreDocument>(await runProgram(restore, story.at('good')));
  for (const { host, files, presentFiles, error } of again.nodes) {
    assert.equal(error, undefined);
    assert.ok(host === hosts[1] ? presentFiles < files : presentFiles === files);
  }
});

test('of two restores at once the second is refused before it touches anything; a holder that is killed has left the nodes free', async () => {
  const location = story.at('two');
  const two = blobs.filter((word) => word !== '--json');
  const first = resultOf<BackupDocument>(await runProgram(['backup', ...blobs, '--new-snapshot'], location));
  const rows = (await dumpRows({ keyspaces: ['faults'] }))['faults.blobs'];
  await loadBlobs(5, 256 * 1024);
  resultOf<BackupDocument>(await runProgram(['backup', ...blobs, '--new-snapshot'], location));
  const stagings = () =>
    Promise.all(hosts.map((host) => onHost(host, 'find /var/lib/cassandra/sstash_restore -name "*.db" | sort')));
  const held = ['restore', first.id, ...two, '--method', 'import', '--truncate', '--yes'];

  await withWrapper(
    hosts[0],
    'nodetool',
    `case " $* " in *" import "*) ;; *) exec /usr/bin/nodetool "$@" ;; esac\n${holdOn}\nexec /usr/bin/nodetool "$@"`,
    async () => {
      const running = startProgram(held, location);
      try {
        await untilHeld(hosts[0]);
        const staged = await stagings();
        for (const others of [
          ['restore', 'latest', ...two, '--truncate', '--yes'],
          ['restore', 'latest', ...two, '--method', 'node-restart', '--yes'],
          ['restore', 'latest', '--to', target],
          ['restore', '--undo', '--hosts', hosts.join(','), '--yes'],
        ]) {
          const ran = await runProgram(others, location);
          assert.equal(ran.code, 11, `${others.join(' ')}: ${ran.stderr}`);
          assert.match(
            ran.stderr,
            new RegExp(`is locked: restore of backup ${first.id}, by .* \\(pid ${running.child.pid}\\) since`),
          );
        }
        // The other nodes go on with what they load themselves.
        const now = await stagings();
        assert.deepEqual([now[0], now.join('').length <= staged.join('').length], [staged[0], true]);
        assert.notEqual(now[0], '');
      } finally {
        // In the moment between TRUNCATE and load, as by the kernel that is short of memory.
        running.child.kill('SIGKILL');
        await running.done;
        await release(hosts[0]);
      }
    },
  );
  // Its connections are closed by the kernel, and the locks with them; how soon no clock here says.
  for (;;) {
    const plan = await runProgram(['restore', 'latest', '--to', target, '--yes', '--json'], location);
    if (plan.code !== 11) {
      assert.equal(plan.code, 0, plan.stderr);
      break;
    }
  }
  const { warnings } = resultOf<RestoreDocument>(await runProgram([...held, '--dry-run', '--json'], location));
  assert.ok(
    warnings.some((text) => text.startsWith('faults.blobs is empty or in part since a restore of ')),
    warnings.join('\n'),
  );
  resultOf<RestoreDocument>(await runProgram([...held, '--json'], location));
  assert.deepEqual((await dumpRows({ keyspaces: ['faults'] }))['faults.blobs'], rows);
  for (const host of hosts) {
    assert.equal(await onHost(host, 'ls -A /var/lib/cassandra | grep -c sstash_restore || true'), '0\n');
  }
});

test('a directory inside the live data is refused', async () => {
  const ran = await runProgram(['restore', '--to', '/var/lib/cassandra/data/faults'], story.at('good'));
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /live data directory/);
});

test('a directory that holds the live data is refused', async () => {
  const ran = await runProgram(['restore', '--to', '/var/lib'], story.at('good'));
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /live data directory/);
});

test('a symbolic link is refused', async () => {
  await clearTargets();
  await onHost(hosts[1], `ln -s /var/lib/cassandra/data ${target}`);
  const ran = await runProgram(restore, story.at('good'));
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, new RegExp(`${hosts[1].replaceAll('.', '\\.')}: ${target} is a symbolic link`));
});

test('a disk that is too small is noticed before anything is written', async () => {
  await clearTargets();
  await onHost(
    hosts[1],
    `mkdir ${target} && mount -t tmpfs -o size=8m,mode=700,uid=$(id -u cassandra),gid=$(id -g cassandra) tmpfs ${target}`,
  );
  try {
    const ran = await runProgram(restore, story.at('good'));
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /bytes free, the restore needs \d+/);
    // Whether it got so far there as to make the directory, and its mark, is up to which node answered first.
    assert.equal(await onHost(hosts[0], `[ ! -e ${target} ] || find ${target} -type f ! -name '.sstash-restore*'`), '');
  } finally {
    await onHost(hosts[1], `umount ${target}`);
  }
});

test('a restore that was killed in the middle is completed by the next one', async () => {
  await clearTargets();
  await withWrapper(hosts[1], 'lzop', `case "$*" in *-d*) ${holdOn} ;; esac; exec /usr/bin/lzop "$@"`, async () => {
    const { child, done } = startProgram(restore, story.at('good'));
    try {
      await untilHeld(hosts[1]);
    } finally {
      child.kill('SIGKILL');
      await done;
      await release(hosts[1]);
    }
  });
  assert.equal(await onHost(hosts[1], `find ${target} -name '*-Data.db' -not -path '*/.sstash-incoming/*'`), '');

  const again = resultOf<RestoreDocument>(await runProgram(restore, story.at('good')));
  for (const { host, files, error } of again.nodes) {
    assert.equal(error, undefined);
    assert.equal((await onHost(host, `find ${target} -type f ! -name .sstash-restore`)).trim().split('\n').length, files);
    // What was restored is what lives: the sstables have not been compacted meanwhile, or the name is not there.
    const differing = await onHost(
      host,
      `cd ${target}/faults/blobs-* && for f in *-Data.db; do
        for live in /var/lib/cassandra/data*/faults/blobs-*/"$f"; do [ ! -e "$live" ] || cmp "$f" "$live" || echo differs; done; done`,
    );
    assert.equal(differing, '');
  }
});
