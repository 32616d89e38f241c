import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { text as wholeText } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { ShellCommand, inputText } from '../../src/cluster/cql/cqlsh-input.ts';
import { parseSchema } from '../../src/model/schema/cql-statements.ts';
import { splitStatements } from '../../src/model/schema/split-statements.ts';
import { cqlName, cqlString } from '../../src/model/schema/cql-tokens.ts';
import { admitted } from '../../src/model/schema/gate/admit.ts';
import { refuseForged } from '../../src/model/schema/gate/forged.ts';
import { offered } from '../../src/model/schema/gate/offered.ts';
import { offeredText } from '../../src/report/schema-report.ts';
import { BackupError } from '../../src/model/errors.ts';
import { replayable } from '../../src/model/schema/replayable.ts';

/**
 * Whatever our rule lets pass is one statement to every cqlsh, the one that was written, and no command of its own. No server
 * is there: what takes texts apart is cqlsh's own, in the versions that Cassandra 4.0, 4.1 and 5.0 brought.
 */

const run = promisify(execFile);
const fixtures = new URL('../fixtures/', import.meta.url);
const judge = fileURLToPath(new URL('../support/cqlsh-judge.py', import.meta.url));
const versions = ['6.0.0', '6.1.0', '6.2.0', '6.2.2'] as const;

type Event = readonly ['statement' | 'command' | 'error' | 'open', string];

let [folder, python] = ['', ''];

before(async () => {
  folder = await script('fetch-cqlsh');
  python = await script('fetch-python');
});

async function script(name: string): Promise<string> {
  const { stdout } = await run(fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url)));
  return stdout.trim();
}

/** What becomes of each of the texts. */
async function judged(version: string, texts: readonly string[]): Promise<readonly (readonly Event[])[]> {
  const env = { ...process.env, HOME: tmpdir(), PYTHONPATH: `${folder}/driver`, PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(python, [judge, `${folder}/${version}`], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(texts));
  const said = await wholeText(child.stdout);
  const results = JSON.parse(said) as readonly (readonly Event[])[];
  assert.equal(results.length, texts.length);
  return results;
}

function filesIn(place: string): readonly string[] {
  const at = new URL(place, fixtures);
  return readdirSync(at)
    .filter((name) => name.endsWith('.cql'))
    .map((name) => readFileSync(new URL(name, at), 'utf8'));
}

/** What of a schema goes to cqlsh, each statement for itself and all of those that can be run, one after the other. */
function passed(text: string): readonly string[] {
  const schema = parseSchema(replayable(text));
  return schema.flatMap((statement) => {
    try {
      return statement.kind === 'other' ? [] : admitted([statement], { schema: [], live: [], withFunctions: true }).statements;
    } catch (error) {
      assert.ok(error instanceof BackupError);
      return [];
    }
  });
}

/** What of a schema is shown, of each statement that can be: `sstash schema show | cqlsh`. */
function shownOf(text: string): { readonly text: string; readonly events: readonly Event[] } {
  const parts = parseSchema(replayable(text)).flatMap((statement) => {
    try {
      refuseForged([statement]);
      return offered([statement]).parts;
    } catch (error) {
      assert.ok(error instanceof BackupError);
      return [];
    }
  });
  const events = parts.flatMap((part): readonly Event[] => ('statement' in part ? [['statement', `${part.statement};`]] : []));
  return { text: offeredText({ parts }), events };
}

/** A comment before a statement is a part of it to some versions. */
function withoutOwnComments(events: readonly Event[]): readonly Event[] {
  return events.map(([what, text]): Event => [
    what,
    text.replaceAll(/^-- a [a-z]+ of the backup is left out here\n+/gm, '').trim(),
  ]);
}

function asStatements(texts: readonly string[]): readonly Event[] {
  return texts.map((text) => ['statement', inputText(text).trim()]);
}

const pieces: readonly string[] = [
  [
    "'",
    '"',
    '$$',
    '$',
    '`',
    '\\',
    ';',
    '/*',
    '*/',
    '--',
    '//',
    '/',
    '*',
    '_',
    '\n',
    '\r',
    '\v',
    '\f',
    '\u001c',
    '\u0085',
    '\u2028',
  ],
  [
    '\nDEBUG\n',
    '; DEBUG\n',
    "\nSOURCE '/tmp/x'\n",
    "; CAPTURE '/tmp/x'",
    '\nEXIT\n',
    'BEGIN BATCH',
    'APPLY BATCH;',
    'AS',
    'x',
    '1',
    ' ',
  ],
  ['\u212a', '\u00e9', '\ud83d\ude00', '\ufeff', '\u00a0', '\t', '?', '#', '@', '&', '0x', '-', '1.5'],
].flat();
const words = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((each) => each.join(''));
/** Rightly between quotes, with quotes of its own doubled; or as it is. */
const quoted = fc.oneof(
  words.map(cqlString),
  words.map(cqlName),
  words.map((each) => `$$${each}$$`),
  words.map((each) => `'${each}'`),
);
const anywhere = fc.oneof(quoted, quoted, words);
const statements = fc.oneof(
  fc
    .tuple(words, anywhere)
    .map(([name, comment]) => `CREATE TABLE a.b (${cqlName(name)} int PRIMARY KEY) WITH comment = ${comment}`),
  fc.tuple(anywhere, anywhere).map(([one, two]) => `CREATE TABLE a.b (k int PRIMARY KEY) WITH x = {${one}: ${two}}`),
  anywhere.map((body) => `CREATE FUNCTION a.f (k int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS ${body}`),
  words.map((each) => `CREATE TABLE a.b (k int PRIMARY KEY)${each}`),
  words.map((each) => `ALTER TABLE a.b ADD ${each} int`),
);
const schemas = fc.array(statements, { minLength: 1, maxLength: 4 }).map((each) => `${each.join(';\n')};\n`);

for (const version of versions) {
  describe(`cqlsh ${version}`, () => {
    test('it can be led to a command of its own by what the rule refuses', async () => {
      const forged = 'CREATE TABLE a.b (c int) WITH comment = `\nDEBUG\nimport os\n;\n';
      const halves = "CREATE TABLE a.b (c int) WITH comment = 'x /* y';\nCREATE TABLE a.c (c int) WITH comment = 'x; DEBUG\n';\n";
      const [first, second] = await judged(version, [forged, halves]);
      assert.ok(first?.some(([what, name]) => what === 'command' && name === 'do_debug'));
      assert.equal(
        second?.some(([what, name]) => what === 'command' && name === 'do_debug'),
        version !== '6.2.2',
      );
    });

    test('what the rule lets pass of schemas, true ones and changed ones, is what it reads', async () => {
      const files = [...filesIn('./'), ...filesIn('cql-corpus/honest/'), ...filesIn('cql-corpus/hostile/')];
      const sent = files.map(passed).filter((each) => each.length > 0);
      assert.ok(sent.length > 20);
      const results = await judged(
        version,
        sent.map((each) => each.map(inputText).join('')),
      );
      assert.deepEqual(results, sent.map(asStatements));
    });

    test('what is shown of any schema is the statements that were meant', async () => {
      const files = [...filesIn('./'), ...filesIn('cql-corpus/honest/'), ...filesIn('cql-corpus/hostile/')];
      const all = [...files, ...fc.sample(schemas, 3000)].map(shownOf).filter(({ events }) => events.length > 0);
      assert.ok(all.length > 300, `${all.length}`);
      const results = await judged(
        version,
        all.map(({ text }) => text),
      );
      results.forEach((events, at) => assert.deepEqual(withoutOwnComments(events), all[at]?.events, all[at]?.text));
    });

    test('true schemas are cut at the same places', async () => {
      const files = [...filesIn('./').filter((text) => text.startsWith('CREATE')), ...filesIn('cql-corpus/honest/')];
      const texts = files.map((text) => replayable(text)).filter((text) => !/\/\*|\*\//.test(text));
      const results = await judged(version, texts);
      assert.deepEqual(
        results.map((events) => events.map(([what]) => what)),
        texts.map((text) => splitStatements(text).map(() => 'statement')),
      );
    });

    test('what the rule lets pass of any text is what it reads', async () => {
      const sent = fc
        .sample(schemas, 3000)
        .map(passed)
        .filter((each) => each.length > 0);
      assert.ok(sent.length > 300, `${sent.length}`);
      const results = await judged(
        version,
        sent.map((each) => each.map(inputText).join('')),
      );
      results.forEach((events, at) => assert.deepEqual(events, asStatements(sent[at] ?? []), JSON.stringify(sent[at])));
    });

    test('commands of our own are what they say', async () => {
      const commands = [
        ShellCommand.captureNothing,
        ShellCommand.consistency('ALL'),
        'SELECT * FROM a.b',
        ShellCommand.describeSchema,
      ];
      const [events] = await judged(version, [commands.map(inputText).join('')]);
      assert.deepEqual(events, [
        ['command', 'do_capture'],
        ['command', 'do_consistency'],
        ['statement', 'SELECT * FROM a.b;'],
        ['command', 'do_describe'],
      ]);
    });
  });
}
