import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { runTool } from '../../../../src/cluster/tools/run-tool.ts';
import { secretFileTrouble, withSecretFile } from '../../../../src/cluster/tools/secret-file.ts';
import { portAddresses } from '../../../../src/model/node/port-addresses.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { listening } from '../../../support/listening.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const remote = localRemote({ host: 'h2' });

/** A port of this test's own. */
const port = await listening({ after });
const listener = [String(port), portAddresses('127.0.0.1'), '', '', ''];

/** Prints the words, mode and contents of the file that follows the word FILE, and what comes on standard input. */
const tellScript = `printf '%s|' "$@"; while [ "$1" != FILE ]; do shift; done; stat --printf '|%a|' "$2"; cat "$2"; printf '|'; cat; umask`;

async function told(contents: string, args: readonly string[], input: string): Promise<readonly string[]> {
  const request = { before: [], program: ['sh', '-c', tellScript, 'sh', 'FILE'], args, contents, listener };
  const { command, line } = withSecretFile(request);
  assert.ok(!/\n./.test(line));
  const output = await runTool(remote, command, { input: line + input }, never);
  assert.equal(output.status, 0, output.stderr);
  const file = /\|(\/[^|]*)\|/.exec(output.stdout)?.[1] ?? '';
  await assert.rejects(readFile(file), /ENOENT/);
  return output.stdout.replace(file, 'PATH').split('|');
}

test('the program reads the secret from a file of its own, and the rest of the input from standard input', async () => {
  assert.deepEqual(await told('user pass word\n', ['a b', '*', "c'd"], 'one\ntwo\n'), [
    'FILE',
    'PATH',
    'a b',
    '*',
    "c'd",
    '',
    '600',
    'user pass word\n',
    'one\ntwo\n0022\n',
  ]);
});

test('whatever the secret, the program reads just that, and the input from its first byte on', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !/[|\0]/.test(text)),
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('|')),
      async (contents, input) => {
        const parts = await told(contents, [], input);
        assert.equal(parts[4], Buffer.from(contents).toString());
        assert.equal(parts[5], `${Buffer.from(input).toString()}0022\n`);
      },
    ),
    { numRuns: 25 },
  );
});

test('a status and what is said come through; a program that is not there is told as ever', async () => {
  const run = async (program: readonly string[]) => {
    const { command, line } = withSecretFile({ before: ['env'], program, args: [], contents: 'x', listener });
    return runTool(remote, command, { input: line }, never);
  };
  const failed = await run(['sh', '-c', 'echo out; echo err >&2; exit 7']);
  assert.deepEqual(failed, { status: 7, stdout: 'out\n', stderr: 'err' });
  const missing = await run(['no-such-program']);
  assert.equal(missing.status, 127);
  assert.match(missing.stderr, /not found/);
});

test('what starts the program must hand standard input on', async () => {
  const { command } = withSecretFile({ before: [], program: ['true'], args: [], contents: 'x', listener });
  const output = await runTool(remote, command, {}, never);
  assert.match(secretFileTrouble(output) ?? '', /docker exec needs -i/);
});

test('a run that is given up leaves neither the program nor the file', async (t) => {
  const directory = await temporaryDirectory(t);
  const started = join(directory, 'started');
  const script = `echo $$ >"$0.pid"; readlink -f "$1" >"$0"; sleep 600`;
  const { command, line } = withSecretFile({
    before: [],
    program: ['sh', '-c', script, started],
    args: [],
    contents: 'x',
    listener,
  });
  const controller = new AbortController();
  const running = runTool(remote, command, { input: line }, controller.signal);
  const file = await appears(started);
  assert.equal(await readFile(file, 'utf8'), 'x');
  controller.abort(new Error('given up'));
  await assert.rejects(running, /given up/);
  await until(async () => (await readFile(file).catch(() => undefined)) === undefined);
  const pid = (await readFile(`${started}.pid`, 'utf8')).trim();
  await until(async () => !(await readdir('/proc')).includes(pid));
});

test('a signal to the shell alone, which is all that sudo hands on, ends the program and clears the file away', async (t) => {
  const started = join(await temporaryDirectory(t), 'started');
  const script = `echo $PPID >"$0.shell"; readlink -f "$1" >"$0"; sleep 600`;
  const { command, line } = withSecretFile({
    before: [],
    program: ['sh', '-c', script, started],
    args: [],
    contents: 'x',
    listener,
  });
  for (const signal of ['HUP', 'INT', 'TERM'] as const) {
    const running = runTool(remote, command, { input: line }, never).catch(() => undefined);
    const file = await appears(started);
    process.kill(Number(await readFile(`${started}.shell`, 'utf8')), `SIG${signal}`);
    await running;
    await until(async () => (await readFile(file).catch(() => undefined)) === undefined);
    await writeFile(started, '');
  }
});

test("the user's settings follow, but for the login in them", async (t) => {
  const home = await temporaryDirectory(t);
  await mkdir(join(home, '.cassandra'));
  const settings = '; mine\n[ui]\ncolor = on\n[authentication]\nusername = old\n\npassword = old\n[ssl]\ncertfile = ~/ca.pem\n';
  await writeFile(join(home, '.cassandra', 'cqlshrc'), settings);
  await writeFile(join(home, '.cqlshrc'), '[never]\n');
  const run = async (files: readonly string[]): Promise<string> => {
    const { command, line } = withSecretFile({
      before: ['env', `HOME=${home}`],
      program: ['cat'],
      args: [],
      contents: '[authentication]\nusername = new\n',
      listener,
      settings: files,
    });
    return (await runTool(remote, command, { input: line }, never)).stdout;
  };
  const own = '[authentication]\nusername = new\n';
  const rest = '; mine\n[ui]\ncolor = on\n[ssl]\ncertfile = ~/ca.pem\n';
  assert.equal(await run(['~/.cassandra/cqlshrc', '~/.cqlshrc']), own + rest);
  assert.equal(await run(['/nowhere', '~/.cqlshrc']), `${own}[never]\n`);
  assert.equal(await run(['~/none']), own);
});

async function appears(file: string): Promise<string> {
  let text = '';
  await until(async () => (text = (await readFile(file, 'utf8').catch(() => '')).trim()) !== '');
  return text;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await setTimeout(20);
  }
}

test('a place that is full is left for the next one', async (t) => {
  const directory = await temporaryDirectory(t);
  const [full, room] = [join(directory, 'full'), join(directory, 'room')];
  await mkdir(room);
  // As mktemp on a full disk: there is a name, and nothing can be written.
  const script = `#!/bin/sh\ncase $1 in /dev/shm/*) ln -s /dev/full ${full}; echo ${full} ;; *) exec /usr/bin/mktemp "$1" ;; esac\n`;
  await writeFile(join(directory, 'mktemp'), script, { mode: 0o755 });
  const cramped = localRemote({ path: [directory], env: { XDG_RUNTIME_DIR: room } });
  const show = ['sh', '-c', 'readlink -f "$1"; cat "$1"', 'sh'];
  const { command, line } = withSecretFile({ before: [], program: show, args: [], contents: 'secret', listener });
  const { status, stdout } = await runTool(cramped, command, { input: line }, never);
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`^${room}/sstash-login-\\w+\nsecret$`));
  assert.deepEqual((await readdir(directory)).toSorted(), ['mktemp', 'room']);
  assert.deepEqual(await readdir(room), []);
});
