import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ParseResult, parseSync } from 'oxc-parser';
import { oddImports, silencers } from './imports.ts';

// Lint knows floors and libraries by patterns of what is written. So each may be written in one way only.

const root = fileURLToPath(new URL('../..', import.meta.url));
const { dependencies }: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
  await readFile(join(root, 'package.json'), 'utf8'),
);
const libraries = Object.keys(dependencies);

interface Module {
  readonly file: string;
  readonly parsed: ParseResult;
}

async function modules(): Promise<readonly Module[]> {
  const entries = await readdir(join(root, 'src'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return await Promise.all(
    files
      .filter((path) => path.endsWith('.ts'))
      .map(async (path) => ({ file: relative(root, path), parsed: parseSync(path, await readFile(path, 'utf8')) })),
  );
}

function faultsIn(file: string, text: string): readonly string[] {
  const parsed = parseSync(file, text);
  assert.deepEqual(parsed.errors, []);
  return oddImports(file, parsed, libraries);
}

test('every import of src is a library, of Node, or the shortest path to a file of src', async () => {
  const all = await modules();
  assert.ok(all.length > 150);
  assert.deepEqual(
    all.flatMap(({ file, parsed }) => oddImports(file, parsed, libraries).map((fault) => `${file}: ${fault}`)),
    [],
  );
});

for (const [file, specifier, says] of [
  ['src/model/size.ts', './../../cluster/remote.ts', 'not a path within src'],
  ['src/model/size.ts', './../cluster/remote.ts', 'write ../cluster/remote.ts'],
  ['src/model/chain/chain.ts', '../ring/../../cluster/remote.ts', 'write ../../cluster/remote.ts'],
  ['src/flow/retry.ts', '../flow/../storage/keys.ts', 'write ../storage/keys.ts'],
  ['src/flow/retry.ts', './any/../../storage/keys.ts', 'write ../storage/keys.ts'],
  ['src/flow/retry.ts', '../flow/clock.ts', 'write ./clock.ts'],
  ['src/flow/retry.ts', './/clock.ts', 'write ./clock.ts'],
  ['src/flow/retry.ts', './././clock.ts', 'write ./clock.ts'],
  ['src/storage/s3/s3.ts', '../../storage/directory/directory.ts', 'write ../directory/directory.ts'],
  ['src/cluster/node.ts', '../../src/storage/keys.ts', 'write ../storage/keys.ts'],
  ['src/cluster/node.ts', '../../node_modules/yaml/dist/index.js', 'not a path within src'],
  ['src/cluster/node.ts', '../../test/support/never.ts', 'not a path within src'],
  ['src/cluster/node.ts', './%2e%2e/storage/keys.ts', 'not a path within src'],
  ['src/cluster/node.ts', '../storage/keys.ts?again', 'not a path within src'],
  ['src/cluster/node.ts', '/opt/keys.ts', 'neither of Node, with "node:" before it, nor a dependency, nor relative'],
  ['src/cluster/node.ts', 'file:///opt/keys.ts', 'neither of Node, with "node:" before it, nor a dependency, nor relative'],
  ['src/cluster/node.ts', 'data:text/javascript,1', 'neither of Node, with "node:" before it, nor a dependency, nor relative'],
  ['src/cluster/node.ts', '#keys', 'neither of Node, with "node:" before it, nor a dependency, nor relative'],
  ['src/cluster/node.ts', 'fs', 'neither of Node, with "node:" before it, nor a dependency, nor relative'],
  ['src/cluster/node.ts', 'nodemon', 'neither of Node, with "node:" before it, nor a dependency, nor relative'],
] as const) {
  test(`an odd spelling is found, however it is imported: ${specifier} in ${file}`, () => {
    for (const text of [
      `import '${specifier}';`,
      `import { type any } from '${specifier}';`,
      `import type * as any from '${specifier}';`,
      `export * from '${specifier}';`,
      `export { any } from '${specifier}';`,
      `export const any = await import('${specifier}');`,
      `export type Any = import('${specifier}').Any;`,
      `import any = require('${specifier}');`,
    ]) {
      assert.deepEqual(faultsIn(file, text), [`${specifier}: ${says}`], text);
    }
  });
}

test('only the doors of import.meta know where they lie', () => {
  const text = "export const any = new Worker(new URL('../cluster/any.ts', import.meta.url));";
  assert.deepEqual(faultsIn('src/flow/retry.ts', text), ['import.meta: a file is imported by its path']);
  assert.deepEqual(faultsIn('src/codec/lzo/pool.ts', text), []);
});

test('no comment of src switches a check off', async () => {
  assert.deepEqual(
    (await modules()).flatMap(({ file, parsed }) => silencers(parsed).map((comment) => `${file}: ${comment}`)),
    [],
  );
  for (const comment of [
    '// oxlint-disable-next-line no-console',
    '/* eslint-disable */',
    '// eslint-disable-line',
    '// @ts-ignore',
    '// @ts-nocheck',
    '/* @ts-expect-error: why */',
  ]) {
    assert.equal(silencers(parseSync('any.ts', `const a = '// none';\n${comment}\nconsole.log(a);`)).length, 1, comment);
  }
});

test('src holds nothing but files that are checked: no settings of its own, no links', async () => {
  const entries = await readdir(join(root, 'src'), { recursive: true, withFileTypes: true });
  const others = entries.filter((entry) => !entry.isDirectory() && !(entry.isFile() && /\w\.(ts|py)$/.test(entry.name)));
  assert.deepEqual(
    others.map(({ parentPath, name }) => join(parentPath, name)),
    [],
  );
});

test('an import that is put together when it runs is found', () => {
  for (const what of ['`ssh2`', "'ssh' + '2'", 'name']) {
    assert.deepEqual(faultsIn('src/flow/retry.ts', `const name = 'ssh2';\nexport const any = await import(${what});`), [
      'import() of what no pattern can read',
    ]);
  }
});

test('what is written as it should be is no fault', () => {
  for (const specifier of [
    'node:fs',
    'ssh2',
    '@aws-sdk/client-s3',
    'lzo-wasm/lzo-wasm.js',
    './any.ts',
    '../any.ts',
    '../../flow/a.ts',
  ]) {
    assert.deepEqual(faultsIn('src/storage/s3/s3.ts', `import '${specifier}';\nexport * from '${specifier}';`), []);
  }
});
