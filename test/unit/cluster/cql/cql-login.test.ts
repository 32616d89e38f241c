import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { runCqlsh } from '../../../../src/cluster/cql/cqlsh.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { Login } from '../../../../src/model/options/login.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { listening } from '../../../support/listening.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const config = { cqlAddress: '127.0.0.1', cqlPort: await listening({ after }), cqlEncrypted: false };
const cqlLogin = new Login('back%up', "S3cr3t %(x)s ;#'");

/** A cqlsh of this version that copies the file that its first option names; words of its own come first. */
async function cqlshOf(t: TestContext, version: string, words: readonly string[] = []) {
  const directory = await temporaryDirectory(t);
  const copy = join(directory, 'copy');
  await mkdir(join(directory, '.cassandra'));
  await writeFile(join(directory, '.cassandra', 'cqlshrc'), '[authentication]\nusername = old\n[ssl]\ncertfile = ca.pem\n');
  await writeFile(join(directory, 'other'), '[ssl]\ncertfile = other.pem\n');
  const program = await fakeProgram(directory, 'cqlsh', { '--version': { stdout: `cqlsh ${version}\n` }, '': {} });
  const file = words.length + 2;
  const script = `#!/bin/sh\n[ "$1" = --version ] || cat "\${${file}}" >>${copy}\nexec ${program.path} "$@"\n`;
  await writeFile(join(directory, 'my-cqlsh'), script, { mode: 0o755 });
  const remote = localRemote({ host: 'h2', env: { HOME: directory } });
  const own = words.map((word) => word.replace('HOME', directory));
  const run = (login = cqlLogin) =>
    runCqlsh(
      { remote, programs: { ...defaultPrograms, cqlsh: [join(directory, 'my-cqlsh'), ...own], cqlLogin: login }, config },
      ['SELECT 1', 'SELECT 2'],
      never,
    );
  return { run, program, copy };
}

test('a cqlsh of 4.1 and later gets a file of credentials; what it is, is asked once', async (t) => {
  for (const version of ['6.1.0', '6.2.2', '7.0']) {
    const { run, program, copy } = await cqlshOf(t, version);
    await run();
    await run();
    const calls = await program.calls();
    assert.equal(calls.filter(({ args }) => args === '--version').length, 1);
    assert.match(calls[1]?.args ?? '', /^--credentials \/\S+ --no-color .* 127\.0\.0\.1 \d+$/);
    assert.equal(calls[1]?.input, 'SELECT 1;\nSELECT 2;\n');
    assert.equal(calls.length, 3);
    const section = "username = back%up\npassword = S3cr3t %(x)s ;#'\n";
    const whole = `[plain_text_auth]\n${section.replace('%u', '%%u')}[PlainTextAuthProvider]\n${section}`;
    assert.equal(await readFile(copy, 'utf8'), whole + whole);
  }
});

test("one before gets a copy of its user's cqlshrc with another login", async (t) => {
  const login = new Login('back%up', "S3cr3t %(x)s;#'");
  const section = "[authentication]\nusername = back%%up\npassword = S3cr3t %(x)s;#'\n";
  for (const [words, rest] of [
    [[], '[ssl]\ncertfile = ca.pem\n'],
    [['--cqlshrc', 'HOME/other'], '[ssl]\ncertfile = other.pem\n'],
    [['--cqlshrc=HOME/other', '--ssl'], '[ssl]\ncertfile = other.pem\n'],
  ] as const) {
    const { run, program, copy } = await cqlshOf(t, '5.0.1', words);
    await run(login);
    const [, call] = await program.calls();
    assert.match(call?.args ?? '', /--cqlshrc \/\S+ --no-color /);
    assert.equal(call?.input, 'SELECT 1;\nSELECT 2;\n');
    assert.equal(await readFile(copy, 'utf8'), section + rest);
  }
  const { run } = await cqlshOf(t, '6.0.0');
  await assert.rejects(run(), /Python 2/);
});
