/**
 * Checks all shell text by `sh -n` and shellcheck: what src runs on nodes (see CONTRIBUTING.md for how it is found), and this
 * repository's own scripts. `node scripts/check-shell.ts [ROOT]`; exits 1 when there is anything to say.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ParseResult, parseSync } from 'oxc-parser';
import { hiddenShell } from './check-shell.d/hidden.ts';

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'));

interface Module {
  readonly file: string;
  readonly text: string;
  readonly parsed: ParseResult;
  /** What it exports under names that end in `Script`. */
  readonly scripts: Readonly<Record<string, unknown>>;
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(join(root, folder))) {
    return [];
  }
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted();
}

async function readModule(file: string): Promise<Module> {
  const text = readFileSync(join(root, file), 'utf8');
  const parsed = parseSync(file, text);
  const exported = parsed.module.staticExports.flatMap(({ entries }) => entries);
  const names = exported.flatMap(({ exportName, isType }) => (isType || exportName.name === null ? [] : [exportName.name]));
  return { file, text, parsed, scripts: names.some(isScriptName) ? await importScripts(file) : {} };
}

/** Only what holds scripts is run: other modules may do things when they are imported. */
async function importScripts(file: string): Promise<Readonly<Record<string, unknown>>> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(join(root, file)).href);
  return Object.fromEntries(Object.entries(module).filter(([name]) => isScriptName(name)));
}

function isScriptName(name: string): boolean {
  return name.endsWith('Script');
}

/** What the functions of src make, which have no text of their own: function → texts. */
async function readSamples(): Promise<ReadonlyMap<string, readonly string[]>> {
  const path = join(root, 'scripts/check-shell.d/samples.ts');
  if (!existsSync(path)) {
    return new Map();
  }
  const module: { readonly samples: Readonly<Record<string, readonly string[]>> } = await import(pathToFileURL(path).href);
  return new Map(Object.entries(module.samples));
}

function checkModule({ file, scripts }: Module, samples: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return Object.entries(scripts).flatMap(([name, value]) => {
    const place = `${file} ${name}`;
    if (typeof value === 'string') {
      return checkText(place, value);
    }
    const made = samples.get(name);
    if (typeof value !== 'function' || made === undefined) {
      return [`${place}: is no text, and scripts/check-shell.d/samples.ts has none that it makes`];
    }
    return made.flatMap((text, index) => checkText(`${place} sample ${index + 1}`, text));
  });
}

function checkText(place: string, text: string): readonly string[] {
  return [
    ...said('sh', ['-n'], text).map((line) => `${place}: ${line}`),
    ...said('shellcheck', ['--shell=sh', '--format=gcc', '-'], text).map((line) => `${place}${line.replace(/^-/, '')}`),
  ];
}

function hiddenIn({ file, text, parsed, scripts }: Module, anywhere: ReadonlySet<string>): readonly string[] {
  const imported = parsed.module.staticImports.flatMap(({ entries }) => entries.map(({ localName }) => localName.value));
  const here = new Set([...Object.keys(scripts), ...imported.filter((name) => anywhere.has(name))]);
  return [
    ...parsed.errors.map(({ message }) => `${file}: ${message}`),
    ...hiddenShell(parsed, text, { here, anywhere }).map(
      ({ offset, why }) => `${file}:${text.slice(0, offset).split('\n').length}: ${why}`,
    ),
  ];
}

/** A script says by its first line which shell it is for; a part of one is read by the script's `. "$folder/part.sh"`. */
function checkFiles(files: readonly string[]): readonly string[] {
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'latin1')]));
  const shells = new Map([...texts].map(([file, text]) => [file, /^#!.*\b(bash|sh)\b/.exec(text)?.[1]]));
  const whole = files.filter((file) => shells.get(file) !== undefined);
  const parts = files.filter((file) => shells.get(file) === undefined && file.endsWith('.sh'));
  const unread = parts.filter((part) => !whole.some((file) => texts.get(file)?.includes(`/${basename(part)}"\n`) === true));
  return [
    ...[...whole, ...parts].flatMap((file) => said(shells.get(file) ?? 'bash', ['-n', file])),
    ...unread.map((part) => `${part}: has no #! line, and no script reads it`),
    ...(whole.length === 0 ? [] : said('shellcheck', ['--external-sources', '--check-sourced', '--format=gcc', ...whole])),
  ];
}

/** The lines that a program printed; something at least when it failed. */
function said(program: string, args: readonly string[], input = ''): readonly string[] {
  const { error, status, stdout, stderr } = spawnSync(program, args, { cwd: root, input, encoding: 'utf8' });
  if (error !== undefined) {
    throw error;
  }
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  return status === 0 || lines.length > 0 ? lines : [`${program} ended with status ${status}`];
}

async function checkShell(): Promise<readonly string[]> {
  if (spawnSync('shellcheck', ['--version']).error !== undefined) {
    return ['shellcheck is not installed: apt-get install shellcheck, brew install shellcheck, or https://www.shellcheck.net'];
  }
  const modules = await Promise.all(
    filesBelow('src')
      .filter((file) => file.endsWith('.ts'))
      .map(readModule),
  );
  const samples = await readSamples();
  const anywhere = new Set(modules.flatMap(({ scripts }) => Object.keys(scripts)));
  return [
    ...modules.flatMap((module) => hiddenIn(module, anywhere)),
    ...modules.flatMap((module) => checkModule(module, samples)),
    ...[...samples.keys()].filter((name) => !anywhere.has(name)).map((name) => `samples of ${name}: src has no such function`),
    ...checkFiles([...filesBelow('scripts'), ...filesBelow('.ci')]),
  ];
}

const findings = await checkShell();
for (const finding of findings) {
  console.error(finding);
}
process.exitCode = findings.length === 0 ? 0 : 1;
