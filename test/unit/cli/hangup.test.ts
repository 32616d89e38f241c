import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMeantToOutlive } from '../../../src/cli/hangup.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** What /proc says of a process with these three files open; `flags` of the first, as in fdinfo. */
async function processWith(directory: string, flags: string, files: readonly [string, string, string]): Promise<string> {
  await Promise.all(['fd', 'fdinfo'].map((name) => mkdir(join(directory, name))));
  await writeFile(join(directory, 'fdinfo/0'), `pos:\t0\nflags:\t${flags}\nmnt_id:\t7\n`);
  await Promise.all(files.map((file, index) => symlink(file, join(directory, `fd/${index}`))));
  return directory;
}

const processes: readonly (readonly [
  what: string,
  flags: string,
  files: readonly [string, string, string],
  expected: boolean,
])[] = [
  ['at a terminal', '0100002', ['/dev/pts/3', '/dev/pts/3', '/dev/pts/3'], false],
  ['of cron', '0100000', ['/dev/null', 'pipe:[7]', 'pipe:[7]'], false],
  ['with its output in a file', '0100002', ['/dev/pts/3', '/home/me/log', '/home/me/log'], false],
  ['that nohup took from a terminal', '0100001', ['/dev/null', '/home/me/log', '/home/me/log'], true],
  ['whose output nohup took from a terminal', '0100000', ['pipe:[7]', '/home/me/nohup.out', '/home/me/nohup.out'], true],
];
for (const [what, flags, files, expected] of processes) {
  test(`a process ${what} is ${expected ? '' : 'not '}meant to outlive its terminal`, async (t) => {
    const process = await processWith(await temporaryDirectory(t), flags, files);
    assert.equal(isMeantToOutlive({ _: '/usr/bin/node' }, process), expected);
  });
}

test('the shell names nohup as what it started', () => {
  assert.equal(isMeantToOutlive({ _: '/usr/bin/nohup' }, '/nowhere'), true);
  assert.equal(isMeantToOutlive({}, '/nowhere'), false);
});
