import assert from 'node:assert/strict';
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDirectoryStore } from '../../../src/storage/directory/directory.ts';
import { Repository } from '../../../src/storage/backups/repository.ts';
import { backupManifestOf, nodeManifestOf, progressOf } from '../../support/manifests.ts';
import { never } from '../../support/never.ts';
import { runSource } from '../../support/sources.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const main = new URL('../../../src/main.ts', import.meta.url);
const limit = { timeout: 300_000 };

/** What clears the screen, hides what follows, and forges a line. */
const hostile = 'x\u001b[2J\u001b[8m\u202e\u009b1m\nbackup 20261121T031500Z is complete\r';

function assertHarmless(text: string): void {
  assert.doesNotMatch(text, /[^\P{Cc}\n\t]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
  assert.doesNotMatch(text, /^backup 20261121T031500Z is complete/m);
}

test(
  'what a bucket holds neither moves the cursor nor forges a line, and a schema goes into a pipe as it is',
  limit,
  async (t) => {
    const directory = await temporaryDirectory(t);
    const store = await openDirectoryStore(directory);
    const repository = new Repository(store);
    const id = '20261121T031500Z';
    const schema = `CREATE KEYSPACE k WITH replication = {'class': 'LocalStrategy'};\n\nCREATE TABLE k.t (\n    id int PRIMARY KEY\n) WITH comment = 'é\u202e';\n`;
    await repository.saveNodeManifest(nodeManifestOf({ backup: id }), never);
    await repository.saveSchema({ id }, schema, never);
    await repository.commit(backupManifestOf({ id, nodes: [] }), never);
    const begun = progressOf({ id: '20261122T031500Z' });
    await repository.begin({ ...begun, nodes: [{ host: 'node1', hostId: 'host-id-1', state: 'failed', error: hostile }] }, never);
    const odd = '20261123T031500Z';
    await mkdir(join(directory, odd));
    await writeFile(
      join(directory, odd, 'manifest.json'),
      JSON.stringify(backupManifestOf({ id: odd, cluster: hostile, nodes: [] })),
    );
    const at = ['-L', `file://${directory}`];
    const [shown, list, json, unfinished, damaged, asked] = await Promise.all([
      runSource(main, ['schema', 'show', id, ...at]),
      runSource(main, ['list', ...at]),
      runSource(main, ['list', ...at, '--json']),
      runSource(main, ['show', begun.id, ...at]),
      runSource(main, ['show', odd, ...at]),
      runSource(main, ['show', hostile, ...at]),
    ]);
    for (const { stdout, stderr } of [list, json, unfinished, damaged, asked]) {
      assertHarmless(stdout);
      assertHarmless(stderr);
    }
    assert.equal(list.code, 0, list.stderr);
    assert.ok(list.stdout.includes('DAMAGED'), list.stdout);
    assert.equal(damaged.code, 4);
    assert.match(damaged.stderr, new RegExp(`${odd}/manifest\\.json.*cluster`));
    assert.match(unfinished.stdout, /x\\x1b\[2J/);
    JSON.parse(json.stdout);
    assert.ok(shown.stdout.includes("comment = 'é\u202e'"), shown.stdout + shown.stderr);
  },
);

test('nothing but cli/output.ts writes to standard output or error', async () => {
  const source = fileURLToPath(new URL('../../../src/', import.meta.url));
  const writers: string[] = [];
  for await (const path of glob('**/*.ts', { cwd: source })) {
    const text = await readFile(join(source, path), 'utf8');
    if (/\bstd(?:out|err)\.write\(|\bconsole\./.test(text)) {
      writers.push(path);
    }
  }
  assert.deepEqual(writers, ['cli/output.ts']);
});
