import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findLogScript, recentComplaints, recentComplaintsScript } from '../../../../src/cluster/tools/server-log.ts';
import { systemClock } from '../../../../src/flow/clock.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { runsOn, says, script, scriptedRemote } from '../../../support/scripted-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

function minuteAgo(): number {
  return systemClock.elapsedMs() - 60_000;
}

/** As logback writes it on this machine, so many seconds ago. */
function entry(secondsAgo: number, level: string, text: string): string {
  const at = execFileSync('date', ['-d', `@${Math.floor(Date.now() / 1000) - secondsAgo}`, '+%Y-%m-%d %H:%M:%S'], {
    encoding: 'utf8',
  }).trim();
  return `${level.padEnd(5)} [ReadStage-1] ${at},539 Some.java:76 - ${text}`;
}

test('of a log only recent warnings and errors are told, with their exceptions and without stack frames', async (t) => {
  const path = join(await temporaryDirectory(t), 'system.log');
  const wanted = [
    entry(20, 'ERROR', 'Exception in thread'),
    'java.lang.RuntimeException: Corrupted: /data/nb-1-big-Data.db',
    'Caused by: java.io.IOException: no',
    entry(10, 'WARN', 'slow'),
  ];
  const lines = [
    entry(900, 'ERROR', 'long ago'),
    'java.lang.RuntimeException: of long ago',
    ...wanted.slice(0, 2),
    '\tat org.apache.cassandra.db.Exception.read(Error.java:1)',
    ...wanted.slice(2, 3),
    entry(15, 'INFO', 'all is well'),
    'SomeException that an INFO tells of',
    ...wanted.slice(3),
    '',
  ];
  await writeFile(path, lines.join('\n'));
  const remote = scriptedRemote(t, 'node1');
  remote.on(script(findLogScript), says(`${path}\n`));
  remote.on(script(recentComplaintsScript), runsOn(localRemote()));
  assert.deepEqual(await recentComplaints(remote, minuteAgo(), never), wanted);
});

test('a log that is not there is an error', async (t) => {
  const remote = scriptedRemote(t, 'node1');
  remote.on(script(findLogScript), says('/nowhere/system.log\n'));
  remote.on(script(recentComplaintsScript), runsOn(localRemote()));
  await assert.rejects(recentComplaints(remote, minuteAgo(), never), /^RemoteError/);
});
