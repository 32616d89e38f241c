import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readGuarded } from '../../../src/cli/guarded-file.ts';
import { UsageError } from '../../../src/model/errors.ts';
import { runSource } from '../../support/sources.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { unprivilegedMissing } from '../../support/unprivileged.ts';

const guard = { what: 'the config file' };
const nobody = 65_534;

function write(path: string, mode = 0o644): string {
  writeFileSync(path, 'use-sudo: true\n');
  chmodSync(path, mode);
  return path;
}

/** It is refused in one line that says why, and the hint mends it. */
function refused(path: string, why: RegExp, mend: RegExp, secret = false): void {
  assert.throws(
    () => readGuarded(path, { ...guard, secret }),
    (error) => {
      assert.ok(error instanceof UsageError && error.exitCode === 2, String(error));
      assert.match(error.message, why);
      assert.match(error.hint ?? '', mend);
      return true;
    },
  );
}

test('a file of ours that nobody else can write is read, by whatever links', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = write(join(directory, 'a.yml'));
  mkdirSync(join(directory, 'sub'));
  symlinkSync('../a.yml', join(directory, 'sub', 'link'));
  symlinkSync(join(directory, 'sub'), join(directory, 'place'));
  symlinkSync('loop', join(directory, 'loop'));
  for (const path of [file, join(directory, 'place', 'link'), `${directory}/place/../a.yml`, `${directory}//sub/./link`]) {
    assert.deepEqual(readGuarded(path, guard), { text: 'use-sudo: true\n', mode: 0o644 });
  }
  assert.equal(readGuarded('/dev/null', guard).text, '');
  refused(join(directory, 'loop'), /^cannot read the config file /, /^$/);
});

test('a path is taken as the kernel takes it: `..` goes up from where a link leads', async (t) => {
  const directory = await temporaryDirectory(t);
  mkdirSync(join(directory, 'a'));
  mkdirSync(join(directory, 'b', 'deep'), { recursive: true });
  symlinkSync(join(directory, 'b', 'deep'), join(directory, 'a', 'link'));
  write(join(directory, 'b', 'c.yml'));
  write(join(directory, 'a', 'c.yml'), 0o666);
  assert.equal(readGuarded(`${directory}/a/link/../c.yml`, guard).mode, 0o644);
});

test('whoever else may write the file or a directory on the way is named with the command that ends it', async (t) => {
  const directory = await temporaryDirectory(t);
  const inner = join(directory, 'inner');
  mkdirSync(inner);
  const file = write(join(inner, 'c.yml'));
  for (const mode of [0o664, 0o646, 0o620]) {
    chmodSync(file, mode);
    refused(file, /others may write it \(mode 06\d\d\)$/, new RegExp(`^chmod go-w ${file}`));
  }
  chmodSync(file, 0o600);
  for (const [place, mode] of [
    [inner, 0o775],
    [directory, 0o777],
    [directory, 0o770],
  ] as const) {
    chmodSync(place, mode);
    refused(file, new RegExp(`others may write to the directory ${place} `), new RegExp(`^chmod go-w ${place}$`));
    chmodSync(place, 0o755);
  }
  // Also where only a link leads through it.
  const open = join(directory, 'open');
  mkdirSync(open);
  symlinkSync(file, join(open, 'link'));
  chmodSync(open, 0o777);
  refused(join(open, 'link'), /others may write to the directory .*\/open /, /^chmod go-w /);
  chmodSync(open, 0o1777);
  assert.equal(readGuarded(join(open, 'link'), guard).mode, 0o600);
});

test('a secret is for one reader', async (t) => {
  const file = write(join(await temporaryDirectory(t), 'jmx'), 0o640);
  refused(file, /holds a secret, and others may read it \(mode 0640\)$/, new RegExp(`^chmod 600 ${file}$`), true);
  chmodSync(file, 0o400);
  assert.equal(readGuarded(file, { ...guard, secret: true }).mode, 0o400);
});

test('files of others are refused, and their directories and links', { skip: unprivilegedMissing }, async (t) => {
  const directory = await temporaryDirectory(t);
  const file = write(join(directory, 'c.yml'));
  chownSync(file, nobody, nobody);
  refused(file, /c\.yml belongs to another user \(uid 65534\)/, /^if you have read it and trust it: chown /);
  chownSync(file, 0, 0);
  mkdirSync(join(directory, 'theirs'));
  renameSync(file, join(directory, 'theirs', 'c.yml'));
  chownSync(join(directory, 'theirs'), nobody, nobody);
  refused(join(directory, 'theirs', 'c.yml'), /\/theirs belongs to another user/, /chown/);
  // In a directory like /tmp anybody may put a link to what is root's.
  const shared = join(directory, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  symlinkSync('/etc/hostname', join(shared, 'sstash.yml'));
  spawnSync('chown', ['-h', String(nobody), join(shared, 'sstash.yml')]);
  refused(join(shared, 'sstash.yml'), /belongs to another user/, /chown/);
});

test('in a directory for all, a file with a second name is refused: anybody may have given it that', async (t) => {
  const directory = await temporaryDirectory(t);
  const shared = join(directory, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  const file = write(join(directory, 'c.yml'));
  linkSync(file, join(shared, 'c.yml'));
  assert.equal(readGuarded(file, guard).mode, 0o644);
  refused(join(shared, 'c.yml'), /it has 2 names/, /make a copy/);
});

test('what is no file holds nobody up', async (t) => {
  const directory = await temporaryDirectory(t);
  spawnSync('mkfifo', [join(directory, 'pipe')]);
  refused(join(directory, 'pipe'), /it is no file$/, /^/);
  refused(directory, /it is no file$/, /^/);
  writeFileSync(join(directory, 'large'), 'x'.repeat(1024 ** 2 + 1));
  refused(join(directory, 'large'), /no such file needs more than/, /^/);
});

test('among directories and modes of all kinds, exactly those where nobody else may write are read', async (t) => {
  const directory = await temporaryDirectory(t);
  let number = 0;
  const modes = fc.constantFrom(0o755, 0o700, 0o711, 0o775, 0o757, 0o777, 0o1777, 0o1775, 0o2755, 0o2775);
  fc.assert(
    fc.property(fc.array(modes, { minLength: 1, maxLength: 4 }), fc.constantFrom(0o600, 0o644, 0o664, 0o666), (ways, mode) => {
      number += 1;
      const made = ways.map((_, index) => join(directory, String(number), ...ways.slice(0, index).map(() => 'd')));
      for (const each of made) {
        mkdirSync(each);
      }
      const file = write(join(made.at(-1) ?? '', 'c.yml'), mode);
      made.forEach((each, index) => chmodSync(each, ways[index] ?? 0));
      const sound = (mode & 0o022) === 0 && ways.every((way) => (way & 0o022) === 0 || (way & 0o1000) !== 0);
      let read = true;
      try {
        readGuarded(file, guard);
      } catch {
        read = false;
      }
      assert.equal(read, sound);
    }),
    { numRuns: 60 },
  );
});

test('a config file in the working directory that others can write ends every command with 2, before it does anything', async (t) => {
  const cwd = await temporaryDirectory(t);
  const file = write(join(cwd, 'sstash.yml'), 0o666);
  const sample = new URL('../../support/sample-program.ts', import.meta.url);
  const env = {};
  const ran = await runSource(sample, ['say', '--json'], { env, cwd });
  assert.equal(ran.code, 2, ran.stderr);
  assert.match(ran.stderr, /^sstash: the config file sstash\.yml is not read: others may write it/m);
  assert.match(ran.stderr, /chmod go-w sstash\.yml/);
  chmodSync(file, 0o644);
  chmodSync(cwd, 0o777);
  assert.equal((await runSource(sample, ['say', '--json', '--config', file], { env })).code, 2);
  assert.equal((await runSource(sample, ['say', '--json'], { env: { SSTASH_CONFIG: file } })).code, 2);
});
