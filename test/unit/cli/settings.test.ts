import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Options } from 'yargs';
import { readConfigFile, refuseUnknownSettings, withSettings } from '../../../src/cli/settings.ts';
import { UsageError } from '../../../src/model/errors.ts';
import { runSource } from '../../support/sources.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const sample = new URL('../../support/sample-program.ts', import.meta.url);

async function said(args: readonly string[], env: Readonly<Record<string, string>>, cwd?: string): Promise<unknown> {
  const ran = await runSource(sample, ['say', '--json', ...args], { env, ...(cwd === undefined ? {} : { cwd }) });
  assert.equal(ran.code, 0, ran.stderr);
  return JSON.parse(ran.stdout);
}

const defaults = { transfers: 3, location: '', sudo: false, hosts: [], checking: 'strict' };

test('flags come before the environment, that before the config file, that before defaults', { timeout: 300_000 }, async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(
    join(cwd, 'sstash.yml'),
    'transfers: 5\nlocation: s3://file/x\nuse-sudo: true\nhosts: [c, d]\nhost-key-checking: accept-new\n',
  );
  const env = { SSTASH_TRANSFERS: '7', SSTASH_LOCATION: 's3://env/x', SSTASH_HOSTS: 'a,b' };
  const file = { transfers: 5, location: 's3://file/x', sudo: true, hosts: ['c', 'd'], checking: 'accept-new' };
  const [alone, fromFile, fromEnv, fromFlags, named] = await Promise.all([
    said([], {}),
    said([], {}, cwd),
    said([], env, cwd),
    said(['--transfers', '9', '-L', 's3://flag/x', '--no-use-sudo', '--hosts', 'e', '--hosts', 'f,g'], env, cwd),
    said(['--config', join(cwd, 'sstash.yml')], {}),
  ]);
  assert.deepEqual(alone, defaults);
  assert.deepEqual(fromFile, file);
  assert.deepEqual(fromEnv, { ...file, transfers: 7, location: 's3://env/x', hosts: ['a', 'b'] });
  assert.deepEqual(fromFlags, {
    transfers: 9,
    location: 's3://flag/x',
    sudo: false,
    hosts: ['e', 'f', 'g'],
    checking: 'accept-new',
  });
  assert.deepEqual(named, file);
});

test('an alias of more than one letter has a variable too, an empty variable is none', () => {
  const options: { readonly location: Options } = { location: { type: 'string', alias: ['L', 'bucket'] } };
  assert.equal(withSettings(options, { SSTASH_BUCKET: 'x', SSTASH_L: 'y' }, {}).location.default, 'x');
  assert.equal(withSettings(options, { SSTASH_LOCATION: '' }, { location: 'file' }).location.default, 'file');
});

test('a variable that is no number, or neither true nor false, is refused by its name', () => {
  const options: { readonly transfers: Options; readonly sudo: Options } = {
    transfers: { type: 'number' },
    sudo: { type: 'boolean' },
  };
  const named = (name: string) => (error: unknown) => error instanceof UsageError && error.message.includes(name);
  assert.throws(() => withSettings(options, { SSTASH_TRANSFERS: 'many' }, {}), named('SSTASH_TRANSFERS'));
  assert.throws(() => withSettings(options, { SSTASH_SUDO: 'perhaps' }, {}), named('SSTASH_SUDO'));
  for (const [text, value] of [
    ['yes', true],
    ['0', false],
    ['TRUE', true],
  ] as const) {
    assert.equal(withSettings(options, { SSTASH_SUDO: text }, {}).sudo.default, value);
  }
});

test('a config file that is named must be there, be YAML, and hold options by name', async (t) => {
  const directory = await temporaryDirectory(t);
  const read = async (text: string): Promise<unknown> => {
    await writeFile(join(directory, 'c.yml'), text);
    return readConfigFile(join(directory, 'c.yml'));
  };
  assert.throws(
    () => readConfigFile(join(directory, 'none.yml')),
    (error) => error instanceof UsageError && /none\.yml/.test(error.message),
  );
  await assert.rejects(read('a: [1'), UsageError);
  await assert.rejects(read('- a\n- b\n'), UsageError);
  await assert.rejects(read('just text'), UsageError);
  assert.deepEqual(await read(''), {});
  assert.deepEqual(await read('# nothing\n'), {});
  assert.deepEqual(await read('transfers: 5\n'), { transfers: 5 });
});

test('an option of the config file that no command has is refused', () => {
  refuseUnknownSettings({ transfers: 1 }, new Set(['transfers']));
  assert.throws(() => refuseUnknownSettings({ tranfsers: 1 }, new Set(['transfers'])), /tranfsers/);
});
