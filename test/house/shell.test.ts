import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/temporary.ts';

const checker = fileURLToPath(new URL('../../scripts/check-shell.ts', import.meta.url));

async function check(context: TestContext, files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = await temporaryDirectory(context);
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return findings([root]);
}

/** Each is a line; the exit status says whether there are any. */
function findings(args: readonly string[], env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [checker, ...args], { encoding: 'utf8', env });
  assert.equal(stdout, '');
  const lines = stderr.split('\n').filter((line) => line !== '');
  assert.equal(status, lines.length > 0 ? 1 : 0, stderr);
  return lines;
}

test('nothing is said of the shell in this tree', () => {
  assert.deepEqual(findings([]), []);
});

test('text that no shell can read is found, by its module and name', async (context) => {
  const found = await check(context, { 'src/a.ts': `export const brokenScript = 'if true; then echo';\n` });
  assert.match(found[0] ?? '', /^src\/a\.ts brokenScript: sh: .*Syntax error/);
});

test('what shellcheck says of a text is found, but not where the text says why', async (context) => {
  const text = 'rm -rf $1/';
  const found = await check(context, {
    'src/deep/down/a.ts': `export const removeScript = 'set -u\\n${text}';\n`,
    'src/b.ts': `export const meantScript = '# shellcheck disable=SC2086,SC2115 # meant\\n${text}';\n`,
  });
  assert.ok(found.length > 0);
  assert.ok(
    found.every((line) => line.startsWith('src/deep/down/a.ts removeScript:2:')),
    found.join('\n'),
  );
});

test('text that a function makes is checked by a sample, which must be there', async (context) => {
  const module = 'export function makeScript(place: number): string {\n  return `rm $${place}`;\n}\n';
  assert.match((await check(context, { 'src/a.ts': module })).join('\n'), /^src\/a\.ts makeScript: .*samples/);
  const sample = `import { makeScript } from '../../src/a.ts';\nexport const samples = { makeScript: [makeScript(1)] };\n`;
  const found = await check(context, { 'src/a.ts': module, 'scripts/check-shell.d/samples.ts': sample });
  assert.match(found.join('\n'), /^src\/a\.ts makeScript sample 1:1:4: .*SC2086/);
});

const checked = `export const listScript = 'ls';\n`;

for (const [title, line] of Object.entries({
  'a literal': `run(['sh', '-c', 'ls -- "$1"', 'sh', word]);`,
  'a template': 'run(["bash", "-ec", `ls ${word}`]);',
  'a sum': `run(['sh', '-c', listScript + word]);`,
  'a call': `run('sh', '-c', textOf(word));`,
  'a const that is not exported': `const ownScript = 'ls'; run(['/bin/sh', '-c', ownScript]);`,
  'an exported const of another name': `export const text = 'ls'; run(['sh', '-c', text]);`,
  'a parameter': `export const list = (text: string) => run(['sh', '-c', text]);`,
  'a spread': `run(['sh', '-c', ...words]);`,
  'a text added later': `const start = ['sh', '-c'];`,
  'a text behind the name of a shell': `const shell = 'sh'; run([shell, '-c', 'ls']);`,
  'a literal behind a comment': `run([/* listScript */ 'sh', '-c', 'ls']);`,
  'a text for its input': `run(['sh', '-s'], { input: 'ls' });`,
  'a text for its input, with no option': `run(['sh'], { input: 'ls' });`,
  'a text within a text': `run(['find', word, '-exec', "sh -c 'ls'"]);`,
  'a text within a checked text': `export const outerScript = "xargs sh -c 'ls'";`,
  'a text in the middle of one': "run([`exec sh -c '${word}'`]);",
})) {
  test(`shell text that hides as ${title} is found`, async (context) => {
    const found = await check(context, { 'src/a.ts': checked, 'src/b.ts': `import { listScript } from './a.ts';\n\n${line}\n` });
    assert.match(found.join('\n'), /^src\/b\.ts:3: .*shell/);
  });
}

test('text that is checked may be given by its name, imported or not, and from within other text', async (context) => {
  const line = [
    `import { listScript } from './a.ts';`,
    `export const eachScript = 'exec xargs sh -c "$1" sh';`,
    `export const run = (...command: readonly unknown[]): unknown => command;`,
    `run(['sh', '-c', listScript, 'sh', 'word']);`,
    `run('sh', '-c', eachScript, listScript);`,
    "run(`exec sh -c '${listScript}' 'word'`);",
    '// It reads listScript.',
    `run(['sh', '-s']);`,
    `run('a name of it', 'sh');`,
  ];
  assert.deepEqual(await check(context, { 'src/a.ts': checked, 'src/b.ts': `${line.join('\n')}\n` }), []);
});

test('scripts of the repository are checked, each as the shell of its first line', async (context) => {
  const found = await check(context, {
    'scripts/one': '#!/usr/bin/env bash\n[[ $1 = a ]] && rm $2\n',
    '.ci/two': '#!/bin/sh\n[[ $1 = a ]]\n',
    'scripts/parts.d/three.sh': 'rm $1\n',
    'scripts/note.txt': 'rm $1\n',
  });
  const places = found.map((line) => line.replace(/^([^: ]+).*/, '$1'));
  assert.deepEqual([...new Set(places)].toSorted(), ['.ci/two', 'scripts/one', 'scripts/parts.d/three.sh']);
});

test('without shellcheck it says what to install, and fails', async (context) => {
  const bin = await temporaryDirectory(context);
  await symlink('/bin/sh', join(bin, 'sh'));
  assert.match(findings([], { PATH: bin }).join('\n'), /^shellcheck is not installed: apt-get install shellcheck/);
});
