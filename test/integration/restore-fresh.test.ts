/**
 * Every way back into a cluster that is not the one that was backed up: a fresh one of as many nodes gets the tokens, then the
 * schema and every row; and the files alone, to this host, for `sstableloader`.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { objectsBelow } from '../support/bucket.ts';
import { undoFaults } from '../support/host-faults.ts';
import {
  type BackupDocument,
  type ErrorDocument,
  type FilesDocument,
  type RestoreDocument,
  resultOf,
  runProgram,
  startProgram,
} from '../support/program.ts';
import { type Sandbox, type TableRows, cql, dumpRows, ensureSandbox, loadRows, onHost, runSandbox } from '../support/sandbox.ts';
import { shopSchema } from '../support/shop-schema.ts';
import { type SecondSandbox, secondSandbox } from '../support/second-sandbox.ts';
import { startStoppingProxy } from '../support/stopping-proxy.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const keyspaces = ['shop2', 'shop3', 'Quoted_Ks'];
const selection = ['-K', keyspaces.join(',')];
const base = `it-${randomBytes(4).toString('hex')}`;

interface ConfigDocument {
  readonly nodes: readonly {
    readonly host: string;
    readonly source: string;
    readonly file?: string;
    readonly settings: string;
  }[];
}

let sandbox: Sandbox;
let second: SecondSandbox;
let env: Readonly<Record<string, string>>;
/** The location and nothing of nodes. */
let storeOnly: Readonly<Record<string, string>>;
let backup: BackupDocument;
let written: Record<string, TableRows>;
/** Data goes to hosts of other numbers, so that neither order nor name can be what brings it there. */
let pairs: readonly string[];

before(async () => {
  sandbox = await ensureSandbox();
  env = { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` };
  storeOnly = Object.fromEntries(Object.entries(env).filter(([name]) => /^AWS|LOCATION|ENDPOINT|PATH_STYLE/.test(name)));
  second = await secondSandbox(sandbox);
  pairs = sandbox.hosts.map((host, index) => `${host}=${second.hosts[(index + 1) % 3]}`);
  await undoFaults(sandbox.hosts);
  await cql(await shopSchema(sandbox));
  await loadRows(1, 500);
  backup = resultOf<BackupDocument>(await runProgram(['backup', '--new-snapshot', '--json'], { env }));
  written = await dumpRows({ keyspaces });
});

after(async () => {
  await second.wipe();
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
});

test('a map to a node that has other tokens is refused; so are names that nobody knows', async () => {
  const [first, other] = sandbox.hosts;
  const refusal = async (...args: readonly string[]) =>
    resultOf<ErrorDocument>(await runProgram(['restore', backup.id, ...selection, '--yes', '--json', ...args], { env }), 2).error;
  const misplaced = await refusal('--method', 'node-restart', '--map', `${first}=${other}`, '--host', first);
  assert.match(misplaced.message, new RegExp(`^${other} has not the tokens that ${first} had: rows placed there would be lost`));
  assert.match(misplaced.hint ?? '', /--write-config .*--method load/);
  assert.match((await refusal('--map', `nobody=${other}`)).message, /the backup holds nothing of nobody/);
  assert.match((await refusal('--map', `${first}=127.0.0.99`)).message, /127\.0\.0\.99 is none of the hosts/);
  assert.match((await refusal('--map', `${first}=${other},${other}=${other}`)).message, /would get the data of both/);
});

test('a fresh cluster gets the tokens from the bucket alone; then the schema and every row, and never what says who a node is', async (t) => {
  const directory = await temporaryDirectory(t);
  const mapFile = join(directory, 'hosts');
  await writeFile(mapFile, `# who takes whose place\n${pairs.join('\n')}\n`);
  const yaml = join(directory, 'yaml');
  const settle = ['restore', backup.id, '--map-file', mapFile, '--json', '--write-config'];
  const config = resultOf<ConfigDocument>(await runProgram([...settle, yaml], { env: storeOnly }));
  const printed = resultOf<ConfigDocument>(await runProgram(settle, { env: storeOnly }));
  for (const { host, file = '', settings } of config.nodes) {
    assert.equal(file, join(yaml, `${host}.yaml`));
    assert.equal(await readFile(file, 'utf8'), settings);
    assert.equal(parse(settings).auto_bootstrap, false);
    assert.equal(printed.nodes.find((node) => node.host === host)?.settings, settings);
  }

  await second.up(yaml);
  const { state } = second;
  for (const [index, old] of sandbox.hosts.entries()) {
    const now = await tokensOf(second.hosts[(index + 1) % 3] ?? '', state);
    assert.deepEqual(now, await tokensOf(old));
    assert.ok(now.length > 1);
  }

  const restore = async (code: number, ...args: readonly string[]) =>
    runProgram(['restore', backup.id, '--yes', '--json', ...args], { env: { ...env, ...second.nodes() } }).then((ran) => {
      assert.equal(ran.code, code, ran.stderr);
      return ran;
    });
  const whole = resultOf<ErrorDocument>(await restore(2, '-K', '*', '--method', 'node-restart'), 2);
  assert.match(whole.error.message, /is not the node that/);
  const schema = resultOf<ErrorDocument>(await restore(2, '-K', 'system_schema', '--method', 'stage'), 2);
  assert.match(schema.error.message, /keyspace system_schema does not go to another cluster/);

  // Two by the map, and the third by its tokens.
  const some = pairs.slice(1).flatMap((pair) => ['--map', pair]);
  const restored = resultOf<RestoreDocument>(await restore(0, ...selection, ...some));
  assert.equal(restored.method, 'import');
  assert.deepEqual(restored.nodes.map(({ host, source }) => `${source}=${host}`).toSorted(), pairs.toSorted());
  assert.ok(restored.tables.every(({ id, liveId }) => id === liveId));
  assert.deepEqual(await dumpRows({ state, keyspaces }), written);
});

test('files come to this host with no node asked; a killed download goes on, and sstableloader takes what it brought', async (t) => {
  const { state, hosts } = second;
  const [loader = ''] = hosts;
  // As the host itself sees it: /tmp there is a directory here.
  const directory = join(state, 'h2', 'tmp', 'load');
  const tables = ['shop2.orders', 'Quoted_Ks.MixedCase', 'shop3.users'];
  const args = ['download', backup.id, '--to', directory, '--layout', 'sstableloader', '-K', tables.join(','), '--json'];
  // One after another, so the others' files are here when the last node's first is asked for.
  const [, , last] = sandbox.hosts;
  const moment = { method: 'GET', url: new RegExp(`/${last}/[^/]+/[^/]+/`), done: false };
  const proxy = await startStoppingProxy(storeOnly['SSTASH_ENDPOINT'] ?? '', moment);
  t.after(() => proxy.stop());
  const held = { ...storeOnly, SSTASH_ENDPOINT: proxy.endpoint };
  const { child, done } = startProgram([...args, '--transfers', '1'], { env: held });
  await Promise.race([proxy.stopped, done]);
  child.kill('SIGKILL');
  assert.equal((await done).code, null, 'it was over before it could be killed');

  const downloaded = resultOf<RestoreDocument>(await runProgram(args, { env: storeOnly }));
  const present = downloaded.nodes.reduce((sum, { presentFiles }) => sum + presentFiles, 0);
  const files = downloaded.nodes.reduce((sum, node) => sum + node.files, 0);
  assert.ok(present > 0 && present < files, `${present} of ${files} were there`);
  const listed = resultOf<FilesDocument>(await runProgram(['files', backup.id, '--json'], { env: storeOnly })).files;
  const chosen = listed.filter(({ keyspace, table }) => tables.includes(`${keyspace}.${table}`));
  assert.deepEqual(
    await filesBelow(directory),
    chosen.map(({ host, keyspace, table, path }) => `${host}/${keyspace}/${table}/${path}`).toSorted(),
  );

  await cql('TRUNCATE "Quoted_Ks"."MixedCase"; TRUNCATE shop3.users;', { state });
  // One copy of each row, so every node's files are needed; of the other every node has all. Its view fills while it streams.
  const [first = '', ...others] = downloaded.nodes.map(({ host }) => `/tmp/load/${host}`);
  const loads = [`${first}/shop3/users`, ...[first, ...others].map((node) => `${node}/Quoted_Ks/MixedCase`)];
  for (const load of loads) {
    const command = `sstableloader -d ${hosts.join(',')} ${load}`;
    await onHost(loader, `${command} >/tmp/load.log 2>&1 || { cat /tmp/load.log >&2; exit 1; }`, { state });
  }
  assert.deepEqual(await dumpRows({ state, keyspaces }), written);
});

async function filesBelow(directory: string): Promise<readonly string[]> {
  const paths = await objectsBelow(directory).then(
    (found) => [...found.keys()],
    () => [],
  );
  return paths.filter((path) => !path.endsWith('/.sstash-restore') && !path.endsWith('.sstash-partial')).toSorted();
}

async function tokensOf(host: string, state?: string): Promise<readonly string[]> {
  const info = await runSandbox(['nodetool', host, 'info', '-T'], state === undefined ? {} : { state });
  return [...info.matchAll(/^Token\s*:\s*(\S+)/gm)].map(([, token = '']) => token).toSorted();
}
