import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openDirectoryStore } from '../../../src/storage/directory/directory.ts';
import { Repository } from '../../../src/storage/backups/repository.ts';
import { backupManifestOf, nodeManifestOf, storedOf, users } from '../../support/manifests.ts';
import { type SourceRun, runSource, typeScript } from '../../support/sources.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { never } from '../../support/never.ts';

const sample = new URL('../../support/sample-program.ts', import.meta.url);
const main = new URL('../../../src/main.ts', import.meta.url);
const limit = { timeout: 300_000 };

const errorOf = (ran: SourceRun): unknown => JSON.parse(ran.stdout);

test('an error is one line with its hint, its exit code is its kind’s, and with --json it is a document too', limit, async () => {
  const [plain, json, partial, odd, debug] = await Promise.all([
    runSource(sample, ['fail', '--way', 'integrity']),
    runSource(sample, ['fail', '--way', 'integrity', '--json']),
    runSource(sample, ['fail', '--way', 'partial', '--json']),
    runSource(sample, ['fail', '--way', 'plain']),
    runSource(sample, ['fail', '--way', 'integrity', '--debug']),
  ]);
  assert.deepEqual(plain, { code: 4, stdout: '', stderr: 'sstash: a/b is; damaged\n  look at it\n' });
  assert.equal(json.code, 4);
  assert.deepEqual(errorOf(json), { error: { message: 'a/b is\n  damaged', hint: 'look at it', exitCode: 4 } });
  assert.deepEqual([partial.code, JSON.parse(partial.stdout)], [3, { complete: false }]);
  assert.equal(odd.code, 1);
  assert.match(odd.stderr, /x is undefined\n.*should not happen/);
  assert.match(debug.stderr, /IntegrityError[\s\S]*run|caused by: Error: bit 3/);
});

test('a command line that cannot be read is exit code 2, as a document with --json', limit, async () => {
  const wrong = [['say', '--transfers', 'x'], ['nothing'], [], ['say', '--host-key-checking', 'never']];
  for (const ran of await Promise.all(wrong.map((args) => runSource(sample, args)))) {
    assert.equal(ran.code, 2, ran.stderr);
    assert.equal(ran.stdout, '');
    assert.match(ran.stderr, /^sstash: /);
  }
  const json = await runSource(sample, ['say', '--tranfsers', '3', '--json']);
  assert.equal(json.code, 2);
  assert.match(JSON.stringify(errorOf(json)), /tranfsers.*"exitCode":2/);
});

test('an interrupt stops in order, exit 130; a second one leaves at once', limit, async () => {
  const interruptAt = (words: readonly RegExp[]) => {
    const left = [...words];
    return (text: string, child: { kill: (signal: 'SIGINT' | 'SIGTERM') => boolean }): void => {
      if (left[0]?.test(text) === true) {
        left.shift();
        child.kill('SIGINT');
      }
    };
  };
  const [first, twice] = await Promise.all([
    runSource(sample, ['wait', '--json'], { heard: interruptAt([/waiting/]) }),
    runSource(sample, ['wait', '--deaf'], { heard: interruptAt([/waiting/, /once more/]) }),
  ]);
  assert.equal(first.code, 130);
  assert.match(first.stderr, /SIGINT: stopping; once more to leave at once/);
  assert.match(JSON.stringify(errorOf(first)), /"exitCode":130/);
  assert.equal(twice.code, 130);
});

test('a hangup is an interrupt like any other, and told twice it is still one', limit, async (t) => {
  const file = join(await temporaryDirectory(t), 'finished');
  let hangups = 0;
  const hangUp = (text: string, child: { kill: (signal: 'SIGHUP') => boolean }): void => {
    if ((hangups === 0 && text.includes('working')) || (hangups === 1 && text.includes('step 2'))) {
      hangups += 1;
      child.kill('SIGHUP');
    }
  };
  const ran = await runSource(sample, ['finish', '--file', file], { heard: hangUp, env: { _: '' } });
  assert.deepEqual([hangups, await readFile(file, 'utf8')], [2, 'finished'], ran.stderr);
  assert.match(ran.stderr, /SIGHUP: stopping/);
  // Once: Node hears no signal any more in its last milliseconds, when a second one would be answered by the kernel.
  let isTold = false;
  const tellOnce = (text: string, child: { kill: (signal: 'SIGHUP') => boolean }): void => {
    isTold ||= text.includes('waiting') && child.kill('SIGHUP');
  };
  const waiting = await runSource(sample, ['wait'], { heard: tellOnce, env: { _: '' } });
  assert.equal(waiting.code, 130);
});

test('under nohup a hangup is not heard', limit, async () => {
  let hungUp = false;
  const ran = await runSource(sample, ['wait'], {
    env: { _: '/usr/bin/nohup' },
    heard: (text, child) => {
      if (!hungUp && text.includes('waiting')) {
        hungUp = true;
        child.kill('SIGHUP');
        setTimeout(() => child.kill('SIGINT'), 300);
      }
    },
  });
  assert.equal(ran.code, 130);
  assert.doesNotMatch(ran.stderr, /SIGHUP/);
  assert.match(ran.stderr, /SIGINT: stopping/);
});

/** What one of the two programs that have a terminal says; it must end well. */
async function atTerminal(helper: 'lose-terminal.py' | 'answer-terminal.py', ...args: readonly string[]): Promise<string> {
  const program = fileURLToPath(new URL(`../../support/${helper}`, import.meta.url));
  const child = spawn('python3', [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  assert.deepEqual(await once(child, 'close'), [0, null], said);
  return said;
}

for (const [what, before, code] of [
  ['a terminal', [], '0'],
  // The shell itself, which is waited for, is ended by it.
  ['a terminal whose shell is told too', ['bash', '-c', '"$@"; :', 'bash'], ''],
] as const) {
  test(`a program that loses ${what} goes on to where it can end, though nobody hears it any more`, limit, async (t) => {
    const file = join(await temporaryDirectory(t), 'finished');
    const program = [process.execPath, ...typeScript, fileURLToPath(sample), 'finish', '--file', file];
    const said = await atTerminal('lose-terminal.py', 'working', ...before, ...program);
    await until(async () => (await readFile(file, 'utf8').catch(() => '')) === 'finished', 'it did not finish');
    assert.ok(code === '' || said.trim() === code, said);
  });
}

test(
  'a question has the terminal for itself until it is answered, with the warnings above it; then there are bars again',
  limit,
  async () => {
    const program = [process.execPath, ...typeScript, fileURLToPath(sample), 'ask'];
    const said = await atTerminal('answer-terminal.py', '[y/N] ', 'y', ...program);
    const [before = '', asking = '', after = ''] = said.split(/<<<|>>>/);
    assert.match(before, /warning: a warning[\s\S]*h1[\s\S]*The plan\r\nMay it be\? \[y\/N\] /);
    // Readline's own colours and places of the cursor may come; a bar does not.
    assert.doesNotMatch(asking, /h1|files/);
    assert.match(after, /answered[\s\S]*h1[\s\S]*h2[\s\S]*ended/);
  },
);

test('help and version go to standard output; each command’s help names its exit codes', limit, async () => {
  const [help, version] = await Promise.all([runSource(main, ['list', '--help']), runSource(sample, ['--version'])]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--latest-before[\s\S]*Exit codes: 0 done/);
  assert.match(version.stdout, /^\d+\.\d+\.\d+/);
});

test('list and show of a directory location: documents, no such location, a damaged manifest, a bad moment', limit, async (t) => {
  const directory = await temporaryDirectory(t);
  const repository = new Repository(await openDirectoryStore(directory));
  const id = '20261121T031500Z';
  const child = { id: '20261121T091500Z', parent: id };
  await repository.saveNodeManifest(nodeManifestOf({ tables: [{ ...users, files: [storedOf('nb-1-big-Data.db')] }] }), never);
  await repository.commit(backupManifestOf({ id }), never);
  await repository.saveNodeManifest(nodeManifestOf({ backup: child.id, parent: id }), never);
  await repository.commit(backupManifestOf({ ...child, takenAt: '2026-11-21T09:15:00.000Z' }), never);
  const at = ['-L', `file://${directory}`];
  const [list, show, none, missing, moment, filtered] = await Promise.all([
    runSource(main, ['list', ...at, '--until', '2026-11-21T09:00', '--json']),
    runSource(main, ['show', 'latest', ...at]),
    runSource(main, ['show', '20260101T000000Z', ...at]),
    runSource(main, ['list', '-L', `file://${directory}/nowhere`, '--json']),
    runSource(main, ['list', ...at, '--since', 'last week']),
    runSource(main, ['list', ...at, '--latest-before', '2026-11-20', '--json']),
  ]);
  assert.equal(list.code, 0, list.stderr);
  assert.deepEqual(JSON.parse(list.stdout), {
    backups: [
      {
        id,
        kind: 'snapshot',
        state: 'complete',
        complete: true,
        takenAt: '2026-11-21T03:15:00.000Z',
        nodes: 1,
        tables: 1,
        bytes: 200,
        newBytes: 100,
        signed: false,
      },
    ],
  });
  assert.equal(show.code, 0, show.stderr);
  assert.ok(show.stdout.includes(`location  file://${directory}/${id}/incrementals/${child.id}\n`), show.stdout);
  assert.equal(none.code, 10);
  assert.equal(missing.code, 10);
  assert.match(JSON.stringify(errorOf(missing)), /"exitCode":10/);
  assert.equal(moment.code, 2);
  assert.deepEqual(JSON.parse(filtered.stdout), { backups: [] });
  await writeFile(join(directory, id, 'manifest.json'), '{"format": 2}');
  const damaged = await runSource(main, ['show', id, ...at]);
  assert.equal(damaged.code, 4);
  assert.match(damaged.stderr, new RegExp(`${id}/manifest\\.json`));
});

async function until(holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    assert.ok(tries < 100, otherwise);
    await delay(100);
  }
}

test('a word too many that may be a part of a login is not shown, nor a password where none may be', limit, async () => {
  const secret = `secret${Math.random()}`;
  const list = ['list', '-L', 's3://backups/x', '--debug'];
  const runs = await Promise.all([
    runSource(main, ['backup', '--jmx-credentials', 'backup', secret, '-L', '/nowhere']),
    runSource(main, [...list, '--aws-secret-acces-key', secret]),
    runSource(main, [...list, '--aws-secret-access-key', secret]),
    runSource(main, [...list, '--json', '--nodetool-path', `nodetool -pw ${secret}`]),
    runSource(main, ['backup', '--json', '-L', '/nowhere', '--hosts', 'a', '--nodetool-path', `nodetool -pw ${secret}`]),
  ]);
  for (const { stdout, stderr } of runs) {
    assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
  }
  assert.deepEqual(
    runs.map(({ code }) => code),
    [2, 2, 2, 2, 2],
  );
});
