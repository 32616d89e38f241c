import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Arguments } from '../../../../src/cli/arguments.ts';
import { manifestKeyIn, trustOf } from '../../../../src/commands/session/trust.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { manifestKey } from '../../../../src/storage/backups/seals.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const bytes = randomBytes(32);

async function keyFile(t: TestContext, contents: Uint8Array | string = bytes.toString('hex'), mode = 0o600): Promise<string> {
  const file = join(await temporaryDirectory(t), 'key');
  await writeFile(file, contents);
  await chmod(file, mode);
  return file;
}

function trust(...files: readonly string[]) {
  return trustOf(new Arguments({ 'manifest-key': files, 'require-signed': true }));
}

async function isRefused(files: readonly string[], says: RegExp): Promise<void> {
  await assert.rejects(trust(...files), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, says);
    for (const form of ['hex', 'base64', 'latin1'] as const) {
      assert.ok(!`${error.message} ${error.hint ?? ''}`.includes(bytes.toString(form)), 'it shows the key');
    }
    return true;
  });
}

test('a key is read in hexadecimal, in base64, or as its bytes; and its id is the same for all', async (t) => {
  for (const contents of [
    bytes.toString('hex'),
    `${bytes.toString('hex').toUpperCase()}\n`,
    `${bytes.toString('base64')}\r\n`,
    bytes,
  ]) {
    const { keys, required } = await trust(await keyFile(t, contents));
    assert.deepEqual(keys, [manifestKey(bytes)]);
    assert.equal(required, true);
  }
  assert.match(manifestKey(bytes).id, /^[0-9a-f]{8}$/);
  assert.notEqual(manifestKey(bytes).id, manifestKey(randomBytes(32)).id);
});

test('several keys keep their order', async (t) => {
  const old = randomBytes(48);
  const files = [await keyFile(t), await keyFile(t, old)];
  assert.deepEqual((await trust(files.join(','))).keys, [manifestKey(bytes), manifestKey(old)]);
});

test('without a key nothing is signed, and nothing can be required', async () => {
  assert.deepEqual(await trustOf(new Arguments({})), { keys: [], required: false });
  await assert.rejects(trustOf(new Arguments({ 'require-signed': true })), UsageError);
});

test('what is no key, or too short for one, is refused', () => {
  const weak = ['', '\n', 'correct horse battery staple, and more words than that', bytes.subarray(1).toString('hex'), 'abc='];
  const lines = `${bytes.toString('hex')}\n${bytes.toString('hex')}\n`;
  for (const contents of [...weak, lines, bytes.subarray(0, 31).toString('base64'), bytes.subarray(0, 31)]) {
    assert.throws(() => manifestKeyIn(Buffer.from(contents), 'key'), UsageError, String(contents));
  }
});

test('a file that others can use, or that is none, is refused', async (t) => {
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777]) {
    await isRefused([await keyFile(t, undefined, mode)], new RegExp(`others may read it \\(mode 0${mode.toString(8)}\\)$`));
  }
  await trust(await keyFile(t, undefined, 0o400));
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'inside'), { mode: 0o700 });
  await isRefused([join(directory, 'inside')], /is no file$|cannot read/);
  await isRefused([join(directory, 'nothing')], /cannot read --manifest-key .*nothing/);
  await isRefused([await keyFile(t, randomBytes(5000))], /is too long for a key/);
  // Where a link leads counts.
  await symlink(await keyFile(t, undefined, 0o644), join(directory, 'link'));
  await isRefused([join(directory, 'link')], /mode 0644/);
});

test('a key is read as config files are: what holds who opens it for ever is none, nor what lies where others can write', async (t) => {
  const directory = await temporaryDirectory(t);
  spawnSync('mkfifo', ['-m', '600', join(directory, 'pipe')]);
  await isRefused([join(directory, 'pipe')], /it is no file$/);
  await mkdir(join(directory, 'open'));
  await chmod(join(directory, 'open'), 0o777);
  await writeFile(join(directory, 'open', 'key'), bytes, { mode: 0o600 });
  await isRefused([join(directory, 'open', 'key')], /others may write to the directory/);
});
