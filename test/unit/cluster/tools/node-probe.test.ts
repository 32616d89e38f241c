import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseProbe, probeNode } from '../../../../src/cluster/tools/node-probe.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

test('a probe says how much room there is, for directories to come as well', async (t) => {
  const directory = await temporaryDirectory(t);
  const odd = await mkdtemp(join(directory, "it's odd "));
  const found = await probeNode(localRemote(), [odd, join(directory, 'not/there/yet')], never);
  assert.deepEqual(
    found.space.map((space) => [space.directory, space.exists]),
    [
      [odd, true],
      [join(directory, 'not/there/yet'), false],
    ],
  );
  for (const space of found.space) {
    assert.ok(space.freeBytes > 0 && space.freeBytes <= space.totalBytes);
    assert.match(space.mount, /^\//);
  }
});

test('a tool is found with its place and version', async (t) => {
  const directory = await temporaryDirectory(t);
  const lzop = await fakeProgram(directory, 'lzop', { '--version': { stdout: 'lzop 1.04\nLZO library 2.10\n' } });
  const found = await probeNode(localRemote({ path: [directory] }), [], never);
  assert.deepEqual(found.lzop, { path: lzop.path, version: 'lzop 1.04' });
});

const answer = 'lzop\t/usr/bin/lzop\tlzop 1.04\n';

test('a device or mount with spaces is read, and more used than there is means no room', () => {
  const text = `${answer}space\tyes\t//nas/my share 1000 400 600 40% /mnt/my share\nspace\tno\t/dev/sda1 1000 1000 -50 105% /\n`;
  assert.deepEqual(parseProbe(text, ['/mnt/my share/x', '/y'])?.space, [
    { directory: '/mnt/my share/x', exists: true, mount: '/mnt/my share', totalBytes: 1024000, freeBytes: 614400 },
    { directory: '/y', exists: false, mount: '/', totalBytes: 1024000, freeBytes: 0 },
  ]);
});

test('an answer that lacks a directory is none', () => {
  assert.notEqual(parseProbe(answer, []), undefined);
  assert.equal(parseProbe(answer, ['/data']), undefined);
  assert.equal(parseProbe(`${answer}space\tyes\tdf: failed\n`, ['/data']), undefined);
});

test('how far the clock of a node is off is told to the second, however long the answer takes', async (t) => {
  const directory = await temporaryDirectory(t);
  const ahead = async (seconds: number) => {
    await fakeProgram(directory, 'date', { '+%s': { stdout: `${Math.floor(Date.now() / 1000) + seconds}\n` } });
    return (await probeNode(localRemote({ path: [directory] }), [], never)).clockAheadMs ?? assert.fail('it tells nothing');
  };
  const right = (await probeNode(localRemote(), [], never)).clockAheadMs;
  assert.equal(Math.abs(right ?? 1), 0);
  for (const seconds of [86_400, -86_400]) {
    const told = await ahead(seconds);
    assert.ok(Math.abs(told - seconds * 1000) <= 30_000, String(told));
  }
});

test('a node that does not say what time it is is none that is wrong', async (t) => {
  const directory = await temporaryDirectory(t);
  await fakeProgram(directory, 'date', { '+%s': { stdout: 'date: bad\n' } });
  assert.equal((await probeNode(localRemote({ path: [directory] }), [], never)).clockAheadMs, undefined);
});
