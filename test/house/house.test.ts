import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../support/temporary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Which floor may import which others. The picture is in docs/architecture.md; lint holds us to it. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  commands: ['cli', 'report', 'operations', 'model'],
  cli: ['model'],
  report: ['model'],
  operations: ['transfer', 'cluster', 'storage', 'codec', 'flow', 'model'],
  transfer: ['cluster', 'storage', 'codec', 'flow', 'model'],
  cluster: ['flow', 'model'],
  storage: ['flow', 'model'],
  codec: ['flow', 'model'],
  flow: [],
  model: [],
};

/** The one wiring place puts parts of all floors together. */
const wiring = 'commands/session';

/** The places that may import a library; everywhere else it is behind them. */
const doors: Readonly<Record<string, RegExp>> = {
  ssh2: /^cluster\/ssh$/,
  '@aws-sdk/client-s3': /^storage\/s3$/,
  '@aws-sdk/lib-storage': /^storage\/s3$/,
  'lzo-wasm/lzo-wasm.js': /^nowhere but codec\/lzo\/wasm.ts$/,
  yaml: /^cli(\/|$)/,
  yargs: /^(cli|commands)(\/(?!session$)|$)/,
  chalk: /^cli(\/|$)/,
  'cli-progress': /^cli(\/|$)/,
  zod: /^(cluster|storage)(\/(?!ssh$|s3$)|$)/,
  'p-queue': /^operations(\/|$)/,
};

/** The same of what Node itself has. */
const nodeDoors: Readonly<Record<string, RegExp>> = {
  'node:process': /^cli(\/|$)/,
  process: /^cli(\/|$)/,
  'node:console': /^cli(\/|$)/,
  'node:module': /^nowhere$/,
  module: /^nowhere$/,
  'node:vm': /^nowhere$/,
};

/** Folders that are not there yet. */
const newFolders = ['', ...Object.keys(arrows).map((floor) => `${floor}/`)].flatMap((below) => [
  `${below}brand`,
  `${below}brand/new`,
]);

/** A folder that shows more than this is seen by nobody at once. */
const mostInFolder = 17;

interface Folder {
  /** Relative to src, `''` for src itself. */
  readonly path: string;
  readonly entries: readonly string[];
}

async function foldersOf(path: string): Promise<readonly Folder[]> {
  const entries = await readdir(join(root, 'src', path), { withFileTypes: true });
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => foldersOf(path === '' ? name : `${path}/${name}`));
  return [{ path, entries: entries.map(({ name }) => name) }, ...(await Promise.all(below)).flat()];
}

test(`no folder of src shows more than ${mostInFolder} files and folders`, async () => {
  const crowded = (await foldersOf('')).filter(({ entries }) => entries.length > mostInFolder);
  assert.deepEqual(
    crowded.map(({ path, entries }) => `${path}: ${entries.length}`),
    [],
  );
});

test('no room is called like a floor, or lint would take one for the other', async () => {
  const rooms = (await foldersOf('')).map(({ path }) => path.split('/').slice(1)).flat();
  assert.deepEqual(
    rooms.filter((room) => room in arrows),
    [],
  );
});

test('an import against the arrows, or past a door, fails lint in every folder', { timeout: 120_000 }, async (context) => {
  const directory = await lintable(context);
  const folders = await foldersOf('');
  const expected: string[] = [];
  for (const path of [...folders.map((folder) => folder.path), ...newFolders]) {
    const [floor = ''] = path.split('/');
    const isRuled = floor in arrows;
    const up = path === '' ? './' : '../'.repeat(path.split('/').length);
    const open = path === wiring ? Object.keys(arrows) : (arrows[floor] ?? []);
    const floors = Object.keys(arrows).filter((other) => other !== floor && !open.includes(other));
    const libraries = Object.entries({ ...doors, ...nodeDoors }).filter(([, allowed]) => !isRuled || !allowed.test(path));
    const forbidden = [...floors.map((other) => `${up}${other}/any.ts`), ...libraries.map(([name]) => name)];
    const unruled = isRuled ? [] : ['./any.ts', '../any.ts', 'node:fs', 'fs', 'left-pad'];
    const allowed = open.filter((other) => other !== floor).map((other) => `${up}${other}/any.ts`);
    expected.push(...(await plant(directory, path, [...forbidden, ...unruled], allowed)));
  }
  const found = await restrictedImports(directory);
  assert.ok(expected.length > folders.length * 5);
  assert.deepEqual(found.toSorted(), expected.toSorted());
});

test('no room of storage imports from another, nor what all of them share from any', { timeout: 120_000 }, async (context) => {
  const rooms = (await foldersOf('storage')).map(({ path }) => path.split('/').slice(1)).filter(([room]) => room !== undefined);
  // The pattern of lint looks no deeper.
  assert.deepEqual(
    rooms.filter(({ length }) => length > 1),
    [],
  );
  const names = [...rooms.flat(), 'brand'];
  const directory = await lintable(context);
  const expected = [
    ...(await plant(
      directory,
      'storage',
      names.map((name) => `./${name}/any.ts`),
      ['./any.ts', '../flow/any.ts'],
    )),
  ];
  for (const name of names) {
    const others = names.filter((other) => other !== name).map((other) => `../${other}/any.ts`);
    expected.push(...(await plant(directory, `storage/${name}`, others, ['../any.ts', './any.ts', '../../flow/any.ts'])));
  }
  assert.ok(names.includes('s3') && names.includes('directory'));
  assert.deepEqual((await restrictedImports(directory)).toSorted(), expected.toSorted());
});

test('flow imports nothing but Node itself, by its full name', { timeout: 120_000 }, async (context) => {
  const directory = await lintable(context);
  const others = ['nodemon', 'nopt', 'node-fetch', 'nod', 'no', 'n', 'node', 'fs', '@types/node', '../any.ts'];
  const expected = await plant(directory, 'flow', others, ['node:fs', 'node:timers/promises', './any.ts']);
  assert.deepEqual((await restrictedImports(directory)).toSorted(), expected.toSorted());
});

test('each library of package.json has its doors named here', async () => {
  const { dependencies }: { readonly dependencies: object } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const named = Object.keys(doors).map((name) => (name.startsWith('@') ? name : name.replace(/\/.*/, '')));
  assert.deepEqual(Object.keys(dependencies).toSorted(), named.toSorted());
});

/** Texts that fail lint, each by a rule, in every folder but those that are named. */
const forbiddenTexts: readonly (readonly [rule: string, text: string, allowed?: RegExp])[] = [
  ['typescript(consistent-type-imports)', "export type Planted = import('ssh2').Client;"],
  ['typescript(consistent-type-imports)', "export type Planted = typeof import('../cluster/any.ts');"],
  ['eslint(no-restricted-globals)', 'export const planted = process;', /^cli(\/|$)/],
  ['eslint(no-restricted-globals)', 'export const planted = globalThis;', /^cli(\/|$)/],
  ['eslint(no-restricted-globals)', 'export const planted = global;', /^cli(\/|$)/],
  ['eslint(no-restricted-properties)', 'process.exit(1);', /^cli(\/|$)/],
  ['eslint(no-restricted-properties)', 'const { exitCode } = process;', /^cli(\/|$)/],
  ['eslint(no-restricted-properties)', "process.stdout.write('');", /^cli(\/|$)/],
  ['eslint(no-restricted-properties)', "process['stderr'].write('');", /^cli(\/|$)/],
  ['eslint(no-console)', "console.log('');", /^cli(\/|$)/],
  ['node(no-process-env)', 'export const planted = process.env;', /^cli(\/|$)/],
  ['eslint(no-eval)', "eval('');"],
  ['eslint(no-new-func)', "export const planted = new Function('');"],
];

test('what goes round the imports fails lint in every folder', { timeout: 120_000 }, async (context) => {
  const directory = await lintable(context);
  const rules = new Map<string, string>();
  const expected: string[] = [];
  for (const path of [...(await foldersOf('')).map((folder) => folder.path), ...newFolders]) {
    await mkdir(join(directory, 'src', path), { recursive: true });
    for (const [index, [rule, text, allowed]] of forbiddenTexts.entries()) {
      const file = join('src', path, `planted-${index}.ts`);
      await writeFile(join(directory, file), `${text}\n`);
      rules.set(file, rule);
      expected.push(...(allowed?.test(path) === true ? [] : [`${file} ${rule}`]));
    }
  }
  // A text may break other rules besides the one that it is for.
  const found = (await lint(directory)).filter(({ filename, code }) => rules.get(filename) === code);
  assert.deepEqual(found.map(({ filename, code }) => `${filename} ${code}`).toSorted(), expected.toSorted());
});

test('a file that is a door by itself is none for anything else', { timeout: 120_000 }, async (context) => {
  const directory = await lintable(context);
  const libraries = [...Object.keys(doors), ...Object.keys(nodeDoors)];
  const expected: string[] = [];
  for (const [file, open] of [
    ['main.ts', ['./commands/any.ts', './cli/any.ts', 'node:process', 'process', 'node:console']],
    ['codec/lzo/wasm.ts', ['../../flow/any.ts', '../../model/any.ts', 'lzo-wasm/lzo-wasm.js']],
    ['cluster/tools/yaml-config.ts', ['../../flow/any.ts', '../../model/any.ts', 'yaml', 'zod']],
  ] as const) {
    const [floor = '', ...rooms] = file.split('/');
    const up = rooms.length === 0 ? './' : '../'.repeat(rooms.length);
    const floors = Object.keys(arrows).filter((other) => other !== floor);
    const all = [...floors.map((other) => `${up}${other}/any.ts`), ...libraries];
    assert.deepEqual(
      open.filter((specifier) => !all.includes(specifier)),
      [],
    );
    const isOpen = (specifier: string) => open.some((each) => each === specifier);
    await mkdir(dirname(join(directory, 'src', file)), { recursive: true });
    await writeFile(join(directory, 'src', file), all.map((specifier) => `export * from '${specifier}';\n`).join(''));
    expected.push(...all.filter((specifier) => !isOpen(specifier)).map((specifier) => `src/${file} ${specifier}`));
  }
  assert.deepEqual((await restrictedImports(directory)).toSorted(), expected.toSorted());
});

test('the one file below cli that may ask for a process neither ends this one nor writes', async (context) => {
  const directory = await lintable(context);
  await mkdir(join(directory, 'src/storage/lock'), { recursive: true });
  const text = 'process.kill(1, 0);\nprocess.exit();\nprocess.stdout.write(globalThis.name);\n';
  await writeFile(join(directory, 'src/storage/lock/process-table.ts'), text);
  const found = (await lint(directory)).map(({ code, message }) => `${code} ${/'([^']+)'/.exec(message)?.[1] ?? message}`);
  assert.deepEqual(found.toSorted(), [
    'eslint(no-restricted-globals) globalThis',
    'eslint(no-restricted-properties) process.exit',
    'eslint(no-restricted-properties) process.stdout',
  ]);
});

/** A directory that is linted as this one is, with nothing in it yet. */
async function lintable(context: TestContext): Promise<string> {
  const directory = await temporaryDirectory(context);
  await copyFile(join(root, '.oxlintrc.json'), join(directory, '.oxlintrc.json'));
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

/** Puts a file into a folder for each import. Gives what lint has to say of those that are forbidden: file and specifier. */
async function plant(
  directory: string,
  path: string,
  forbidden: readonly string[],
  allowed: readonly string[],
): Promise<readonly string[]> {
  const fileOf = (index: number): string => join('src', path, `planted-${index}.ts`);
  await mkdir(join(directory, 'src', path), { recursive: true });
  for (const [index, specifier] of [...forbidden, ...allowed].entries()) {
    const text = `import { planted } from '${specifier}';\n\nexport const used: unknown = planted;\n`;
    await writeFile(join(directory, fileOf(index)), text);
  }
  return forbidden.map((specifier, index) => `${fileOf(index)} ${specifier}`);
}

/** What `no-restricted-imports` says of the files in a directory: file and specifier. */
async function restrictedImports(directory: string): Promise<readonly string[]> {
  return (await lint(directory))
    .filter(({ code }) => code.includes('no-restricted-imports'))
    .map(({ filename, message }) => `${filename} ${/'([^']+)'/.exec(message)?.[1] ?? message}`);
}

async function lint(directory: string): Promise<readonly Diagnostic[]> {
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const run = promisify(execFile)(process.execPath, [oxlint, '--format=json', 'src'], { cwd: directory, maxBuffer: 1 << 26 });
  const { stdout } = await run.catch((error: unknown) => {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string') {
      return { stdout: error.stdout };
    }
    throw error;
  });
  const report: { readonly diagnostics: readonly Diagnostic[] } = JSON.parse(stdout);
  return report.diagnostics;
}

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
  readonly message: string;
}

test('every function of src that takes a signal has it last, and never as an option', async () => {
  const faults: string[] = [];
  for (const { path, entries } of await foldersOf('')) {
    for (const name of entries.filter((entry) => entry.endsWith('.ts'))) {
      const text = await readFile(join(root, 'src', path, name), 'utf8');
      const found = [
        ...text.matchAll(/\w*\??: AbortSignal(?: \| undefined)?,\s*(?=[^)\s])|\w+\?: AbortSignal|AbortSignal \| undefined/g),
      ];
      faults.push(...found.map(([fault]) => `${path}/${name}: ${fault.trim()}`));
    }
  }
  assert.deepEqual(faults, []);
});
