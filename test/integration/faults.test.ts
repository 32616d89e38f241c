/**
 * What goes wrong on a node or on the way while a backup runs: that node is reported failed with the reason, the others
 * make a degraded backup, exit code 3, and nothing half-written looks whole.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type BlobsStory, assertOneFailed, blobs, keysOf, openBlobsStory } from '../support/blobs-story.ts';
import {
  afterSnapshot,
  allowConnections,
  cutConnections,
  cutForGood,
  holdOn,
  release,
  signalSshd,
  untilHeld,
  whenCompressing,
  withoutProgram,
  withWrapper,
} from '../support/host-faults.ts';
import { tagOfRun } from '../support/bucket.ts';
import { type BackupDocument, type RestoreDocument, resultOf, runProgram, startProgram } from '../support/program.ts';
import { cql, onHost, runSandbox } from '../support/sandbox.ts';

let story: BlobsStory;
/** The node that things happen to. */
let victim: string;

before(async () => {
  story = await openBlobsStory();
  victim = story.sandbox.hosts[1];
});

after(async () => {
  await story.clear();
});

// By relay: the wrappers of lzop know files by their paths, and direct transfer gives it a pipe.
const backup = ['backup', '--transfer', 'relay', '--clear-on-failure', ...blobs];

test('a file that cannot be read fails its node', async () => {
  // Nothing is unreadable to root, so this run is Cassandra's own user.
  const damage = afterSnapshot('cp "$f" x && chmod 000 x && mv -f x "$f"');
  const ran = await withWrapper(victim, 'nodetool', damage, () =>
    runProgram([...backup, '--sudo-user', 'cassandra'], story.at('unreadable')),
  );
  const { id } = await assertOneFailed(story, 'unreadable', ran, { host: victim, error: /permission denied/i });
  const keys = await keysOf(story, 'unreadable', id, victim);
  assert.ok(!keys.some((key) => key.includes('-Data.db')), keys.join('\n'));
});

test('a large file that shrinks while it is read fails its node', async () => {
  const shrink = whenCompressing(
    'cp "$f" "$f.x" && truncate -s -1000 "$f.x" && mv -f "$f.x" "$f"; exec /usr/bin/lzop "$@" <"$f"',
  );
  const ran = await withWrapper(victim, 'lzop', shrink, () => runProgram(backup, story.at('shrunk')));
  const { id } = await assertOneFailed(story, 'shrunk', ran, {
    host: victim,
    error: /Data\.db gave \d+ bytes instead of the \d+/,
  });
  const keys = await keysOf(story, 'shrunk', id, victim);
  assert.ok(!keys.some((key) => key.includes('-Data.db')), keys.join('\n'));
});

test('a small file that vanishes after the listing fails its node', async () => {
  // One stream at a time: the large file goes first, and takes a small one with it.
  const vanish = whenCompressing('rm -f "${f%-Data.db}-Filter.db"; exec /usr/bin/lzop "$@"');
  const ran = await withWrapper(victim, 'lzop', vanish, () => runProgram([...backup, '--transfers', '1'], story.at('vanished')));
  const { id } = await assertOneFailed(story, 'vanished', ran, {
    host: victim,
    error: /Filter\.db.*No such file|gave \d+ bytes/,
  });
  const keys = await keysOf(story, 'vanished', id, victim);
  assert.ok(!keys.some((key) => key.includes('-Filter.db')), keys.join('\n'));
});

test('a component that is missing from the snapshot fails its node', async () => {
  const ran = await withWrapper(victim, 'nodetool', afterSnapshot('rm -f "${f%-Data.db}-Statistics.db"'), () =>
    runProgram(backup, story.at('missing')),
  );
  await assertOneFailed(story, 'missing', ran, { host: victim, error: /Statistics\.db/ });
});

test('a Data.db whose bytes are not what Cassandra wrote is damaged on the node, and fails it', async () => {
  const flip = afterSnapshot(
    'cp -p "$f" x && printf "\\\\377\\\\000\\\\377" | dd of=x bs=1 seek=1000000 conv=notrunc status=none && touch -r "$f" x && mv -f x "$f"',
  );
  const ran = await withWrapper(victim, 'nodetool', flip, () => runProgram(backup, story.at('damaged')));
  const { id } = await assertOneFailed(story, 'damaged', ran, { host: victim, error: /Data\.db is damaged on the node/ });
  const keys = await keysOf(story, 'damaged', id, victim);
  assert.ok(!keys.some((key) => key.includes('-Data.db')), keys.join('\n'));
});

test('lzop that dies in the middle fails its node', async () => {
  const die = whenCompressing('/usr/bin/lzop "$@" | head -c 9000000; kill -9 $$');
  const ran = await withWrapper(victim, 'lzop', die, () => runProgram(backup, story.at('killed')));
  const { id } = await assertOneFailed(story, 'killed', ran, { host: victim, error: /lzop/ });
  const keys = await keysOf(story, 'killed', id, victim);
  assert.ok(!keys.some((key) => key.includes('-Data.db')), keys.join('\n'));
});

test('lzop that stops early and says that all is well fails its node', async () => {
  const ran = await withWrapper(victim, 'lzop', whenCompressing('/usr/bin/lzop "$@" | head -c 9000000; exit 0'), () =>
    runProgram(backup, story.at('short')),
  );
  await assertOneFailed(story, 'short', ran, { host: victim, error: /Data\.db/ });
});

test('a connection that is cut in the middle is made again, and the run says so', async () => {
  const once = whenCompressing(
    `if mkdir /tmp/sstash-once; then /usr/bin/lzop "$@" | head -c 9000000; ${holdOn}; exit 1; fi 2>/dev/null; exec /usr/bin/lzop "$@"`,
  );
  await withWrapper(victim, 'lzop', once, async () => {
    const { child, done } = startProgram(backup, story.at('cut'));
    try {
      await untilHeld(victim);
      await cutConnections(victim);
      const ran = await done;
      assert.equal(resultOf<BackupDocument>(ran).complete, true);
      assert.match(ran.stderr, new RegExp(`${victim.replaceAll('.', '\\.')}.*connection`));
    } finally {
      child.kill('SIGKILL');
      await release(victim);
      await onHost(victim, 'rm -rf /tmp/sstash-once');
    }
  });
});

test('a connection that is cut for good fails its node', async () => {
  const hold = whenCompressing(`/usr/bin/lzop "$@" | head -c 9000000; ${holdOn}`);
  await withWrapper(victim, 'lzop', hold, async () => {
    const { child, done } = startProgram(['backup', '--transfer', 'relay', ...blobs], story.at('gone'));
    let id = '';
    try {
      await untilHeld(victim);
      await cutForGood(victim);
      ({ id } = await assertOneFailed(story, 'gone', await done, { host: victim, error: /connection/ }));
    } finally {
      child.kill('SIGKILL');
      await release(victim);
      await allowConnections(victim);
    }
    // Its snapshot stays, so that the run can be finished; the others' are cleared.
    const snapshots = await Promise.all(
      story.sandbox.hosts.map((host) => onHost(host, `find /var/lib/cassandra/data/faults -name 'sstash-${id}*'`)),
    );
    assert.deepEqual(
      snapshots.map((found) => found !== ''),
      story.sandbox.hosts.map((host) => host === victim),
    );
    await runSandbox(['nodetool', victim, 'clearsnapshot', '-t', await tagOfRun(story.objects('gone'), id)]);
  });
});

test('a node whose data disk is nearly full fails before its snapshot, and --min-free says what that is', async () => {
  const full = 'printf "Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/sdx 1000000 970000 30000 97%% /data\\n"';
  await withWrapper(victim, 'df', full, async () => {
    const ran = await runProgram(backup, story.at('full'));
    const { id } = await assertOneFailed(story, 'full', ran, {
      host: victim,
      error: /no snapshot is taken: \/data.* 3\.0 % free/,
    });
    assert.equal(await onHost(victim, `find /var/lib/cassandra/data/faults -name 'sstash-${id}*'`), '');
    const plan = await runProgram(['backup', '--dry-run', '-K', 'faults'], story.at('full-plan'));
    assert.match(plan.stdout, /no snapshot would be taken: \/data/);
    const again = resultOf<BackupDocument>(await runProgram([...backup, '--min-free', '3', '--resume'], story.at('full')));
    assert.deepEqual([again.id, again.complete], [id, true]);
  });
});

test('a node without nodetool is reported and does not stop the others', async () => {
  const ran = await withoutProgram([victim], '/usr/bin/nodetool', () => runProgram(backup, story.at('no-nodetool')));
  await assertOneFailed(story, 'no-nodetool', ran, { host: victim, error: /nodetool not found/ });
});

test('a nodetool that never returns fails its node, and not the others', async () => {
  const hang = 'case " $* " in *" snapshot "*) exec sleep 600 ;; esac; exec /usr/bin/nodetool "$@"';
  await withWrapper(victim, 'nodetool', hang, async () => {
    const ran = await runProgram([...backup, '--command-timeout', 'snapshot=5s'], story.at('hung-nodetool'));
    await assertOneFailed(story, 'hung-nodetool', ran, {
      host: victim,
      error: /nodetool snapshot on \S+ did not end within 5 s \(.*--command-timeout snapshot=/,
    });
  });
});

test('an sshd that stands still fails its node, and not the others', async () => {
  const hold = whenCompressing(`/usr/bin/lzop "$@" | head -c 9000000; ${holdOn}`);
  await withWrapper(victim, 'lzop', hold, async () => {
    const command = ['backup', '--transfer', 'relay', '--command-timeout', 'connect=2s', ...blobs];
    const { child, done } = startProgram(command, story.at('stopped-sshd'));
    try {
      await untilHeld(victim);
      await signalSshd(victim, 'STOP');
      await assertOneFailed(story, 'stopped-sshd', await done, {
        host: victim,
        error: /takes connections and says nothing of ssh within 2 s/,
      });
    } finally {
      child.kill('SIGKILL');
      await signalSshd(victim, 'CONT');
      await release(victim);
    }
    const tags = await onHost(victim, 'ls /var/lib/cassandra/data/faults/*/snapshots | grep -o "sstash-.*" | sort -u');
    for (const tag of tags.split('\n').filter((each) => each !== '')) {
      await runSandbox(['nodetool', victim, 'clearsnapshot', '-t', tag]);
    }
  });
});

/** 40 rows, written while one of three replicas is down. */
const rows = Array.from({ length: 40 }, (_, number) => `INSERT INTO degraded.rows (id, v) VALUES (${number}, 'v${number}');`);

async function countAt(level: string): Promise<number> {
  return Number(/^\s+(\d+)$/m.exec(await cql(`CONSISTENCY ${level}; SELECT count(*) FROM degraded.rows;`))?.[1]);
}

test('a node that is down is missing from a degraded backup, which brings back what was written at QUORUM, and gets the node later', async () => {
  const small = (command: string, ...more: readonly string[]) =>
    runProgram([command, '-K', 'degraded', '--json', ...more], story.at('down'));
  await cql(`
    CREATE KEYSPACE IF NOT EXISTS degraded WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3};
    CREATE TABLE IF NOT EXISTS degraded.rows (id int PRIMARY KEY, v text);
    TRUNCATE degraded.rows;`);
  await runSandbox(['kill', victim]);
  let id = '';
  try {
    await cql(`CONSISTENCY QUORUM; ${rows.join('\n')}`);
    ({ id } = await assertOneFailed(story, 'down', await small('backup'), {
      host: victim,
      error: /connect|refused|not running/i,
    }));
    // It stores what is new, though the node is down still.
    const next = resultOf<BackupDocument>(await small('backup', '--new-snapshot'), 3);
    assert.deepEqual([next.state, next.id === id], ['degraded', false]);
    ({ id } = next);
  } finally {
    await runSandbox(['up']);
  }
  await cql('TRUNCATE degraded.rows;');
  assert.equal(await countAt('ALL'), 0);
  const ran = await small('restore', '--method', 'import', '--yes');
  const restored = resultOf<RestoreDocument>(ran);
  assert.deepEqual([restored.backup, restored.nodes.length], [id, 2]);
  assert.match(ran.stderr, new RegExp(`is degraded, it lacks ${victim}.*repair`));
  assert.equal(await countAt('QUORUM'), rows.length);

  const added = resultOf<BackupDocument>(await small('backup', '--resume', id));
  assert.deepEqual([added.id, added.state, added.missing], [id, 'complete', []]);
  const shown = await runProgram(['show', id], story.at('down'));
  assert.match(shown.stdout, new RegExp(`^added +${victim}, taken at `, 'm'));
  const verified = await runProgram(['verify', '--all', '--read-data'], story.at('down'));
  assert.equal(verified.code, 0, verified.stderr);
});
