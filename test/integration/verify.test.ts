/**
 * Objects that are removed, cut off, exchanged or changed behind the store's back are all found by verify, and mended
 * from the nodes as long as these have the components.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { contentOf, objectsBelow } from '../support/bucket.ts';
import { forged } from '../support/forged.ts';
import { flipByte } from '../support/one-node.ts';
import { type BackupDocument, type FilesDocument, resultOf, runProgram } from '../support/program.ts';
import { type Sandbox, cql, ensureSandbox, onHost, runSandbox } from '../support/sandbox.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** What `verify --json` prints. */
interface VerifyDocument {
  readonly ok: boolean;
  readonly backup: string;
  readonly problems: readonly {
    readonly kind: string;
    readonly host: string;
    readonly path: string;
    readonly key: string;
    readonly repair?: { readonly mended: boolean; readonly detail: string };
  }[];
  readonly objects: number;
  readonly bytes: number;
  readonly readBytes: number;
  readonly signatures?: { readonly checked: number; readonly unsigned: number };
}

const base = `it-${randomBytes(4).toString('hex')}`;

let sandbox: Sandbox;
let backup: BackupDocument;
let files: FilesDocument['files'];

before(async () => {
  sandbox = await ensureSandbox();
  await cql(await readFile(new URL('../fixtures/verify.cql', import.meta.url), 'utf8'));
  // Of an earlier run of this file.
  await cql('TRUNCATE verified.notes;');
  // Live sstables stay what they are, as long as the test lasts.
  await Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, 'disableautocompaction', 'verified'])));
  await write(0, 400);
  backup = resultOf(await runProgram(['backup', '-K', 'verified', '--json'], program()));
  files = resultOf<FilesDocument>(await runProgram(['files', '--json'], program())).files;
});

after(async () => {
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
});

function program() {
  return { env: { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${base}` } };
}

async function write(from: number, to: number): Promise<void> {
  const rows = Array.from({ length: to - from }, (_, index) => {
    const id = from + index;
    return `INSERT INTO verified.notes (id, author, body) VALUES (${id}, 'author ${id % 7}', '${'note '.repeat(id % 50)}');`;
  });
  await cql(`CONSISTENCY ALL;\n${rows.join('\n')}\n`);
}

/** A component of the table itself (not of its index) on a node. */
function componentOf(host: string, component: string): FilesDocument['files'][number] {
  const file = files.find((each) => each.host === host && !each.path.includes('/') && each.path.endsWith(`-${component}`));
  assert.ok(file !== undefined, `no ${component} of ${host} is in the backup`);
  return file;
}

/** The file behind its object. */
function objectOf(host: string, component: string): string {
  return join(sandbox.bucket, componentOf(host, component).url.slice('s3://backups/'.length));
}

async function verify(code: number, ...options: readonly string[]): Promise<VerifyDocument> {
  return resultOf(await runProgram(['verify', ...options, '--json'], program()), code);
}

function kindsOf({ problems }: VerifyDocument): readonly string[] {
  // Of a changed byte the object's checksum tells or the container's, whichever is seen first.
  return problems.map(({ kind, host }) => `${host} ${kind.replace('container', 'checksum')}`).toSorted();
}

async function restored(directory: string): Promise<Readonly<Record<string, string>>> {
  resultOf(await runProgram(['restore', backup.id, '--local', directory, '--json'], program()));
  const paths = [...(await objectsBelow(directory)).keys()].filter((path) => path.includes('/verified/')).toSorted();
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, (await contentOf(join(directory, path))).sha256] as const)),
  );
}

test('a fresh backup is sound, by listing and by reading', async () => {
  const listed = await verify(0);
  assert.deepEqual([listed.ok, listed.backup, listed.problems, listed.readBytes], [true, backup.id, [], 0]);
  assert.equal(listed.objects, files.length);
  const read = await verify(0, '--read-data');
  assert.deepEqual([read.problems, read.readBytes], [[], listed.bytes]);
  const part = await verify(0, 'latest', '--read-data=10%');
  assert.ok(part.readBytes >= listed.bytes / 10 && part.readBytes < listed.bytes);
  // An option that may have a value does not swallow the name of the backup.
  assert.equal((await verify(0, '--read-data', backup.id)).readBytes, listed.bytes);
});

test('what is done to objects behind the back of the store is found, and mended from the nodes', async (t) => {
  const [first, second, third] = sandbox.hosts;
  const whole = await restored(join(await temporaryDirectory(t), 'before'));
  await rm(objectOf(first, 'Data.db'));
  await truncate(objectOf(first, 'Statistics.db'), 100);
  await rm(objectOf(second, 'TOC.txt'));
  const exchanged = objectOf(second, 'Data.db');
  await writeFile(exchanged, Buffer.alloc((await contentOf(exchanged)).bytes, 'x'));
  await flipByte(objectOf(third, 'Data.db'));

  const listed = await verify(4);
  assert.equal(listed.ok, false);
  const found = kindsOf(listed);
  for (const sure of [`${first} missing`, `${first} size`, `${second} missing`]) {
    assert.ok(found.includes(sure), `${sure} is not among ${found.join('; ')}`);
  }
  const read = await verify(4, '--read-data');
  assert.deepEqual(kindsOf(read), [
    `${first} missing`,
    `${first} size`,
    `${second} checksum`,
    `${second} missing`,
    `${third} checksum`,
  ]);
  const told = await runProgram(['verify', '--read-data'], program());
  assert.equal(told.code, 4);
  assert.match(told.stdout, /NOT ok, 5 problems/);

  const mended = await verify(0, '--read-data', '--repair');
  assert.equal(mended.ok, true);
  assert.equal(mended.problems.length, 5);
  for (const { repair, key } of mended.problems) {
    assert.equal(repair?.mended, true, `${key}: ${repair?.detail}`);
  }
  assert.deepEqual((await verify(0, '--read-data')).problems, []);
  await promisify(execFile)('lzop', ['-t', objectOf(second, 'Data.db')]);
  assert.deepEqual(await restored(join(await temporaryDirectory(t), 'after')), whole);
});

test('what the nodes have no more stays lost, and the reason is said', async () => {
  const [first] = sandbox.hosts;
  await rm(objectOf(first, 'Data.db'));
  await write(400, 410);
  await Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, 'flush', 'verified'])));
  await runSandbox(['nodetool', first, 'compact', 'verified', 'notes']);
  const { path } = componentOf(first, 'Data.db');
  // Compaction removes the old files a moment later, but for those that are kept for incremental backups.
  await onHost(
    first,
    `cd /var/lib/cassandra/data/verified && rm -f notes-*/backups/${path}
    for i in $(seq 600); do ls notes-*/${path} 2>/dev/null || exit 0; sleep 0.5; done; exit 1`,
  );
  const result = await verify(4, '--repair');
  assert.deepEqual(
    result.problems.map(({ kind, host, repair }) => [kind, host, repair]),
    [['missing', first, { mended: false, detail: 'the node does not have it any more, neither live nor in a snapshot' }]],
  );
});

test('usage', async () => {
  assert.equal((await runProgram(['verify', '20200101T000000Z'], program())).code, 10);
  assert.equal((await runProgram(['verify', '--read-data=0'], program())).code, 2);
  assert.equal((await runProgram(['verify', '--read-data=200%'], program())).code, 2);
  assert.equal((await runProgram(['verify', 'latest', '--all'], program())).code, 2);
});

test('of a signed backup nothing that was changed is acted upon', async (t) => {
  const directory = await temporaryDirectory(t);
  const keyFile = join(directory, 'key');
  await writeFile(keyFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  const [key, strict] = [
    ['--manifest-key', keyFile],
    ['--manifest-key', keyFile, '--require-signed'],
  ];
  const location = `${base}-signed`;
  const at = { env: { ...sandbox.env, SSTASH_LOCATION: `s3://backups/${location}` } };
  const root = join(sandbox.bucket, location);
  t.after(() => rm(root, { recursive: true, force: true }));

  // Each way to transfer, the direct one pointing at nothing that the other has stored.
  for (const transfer of ['relay', 'direct']) {
    const options = ['-K', 'verified', '--transfer', transfer, '--compression', 'none', '--self-contained', '--new-snapshot'];
    const { id } = resultOf<BackupDocument>(await runProgram(['backup', ...options, ...key, '--json'], at));
    const result = resultOf<VerifyDocument>(await runProgram(['verify', id, '--read-data', ...strict, '--json'], at));
    assert.deepEqual([result.ok, result.signatures], [true, { checked: 7, unsigned: 0 }]);
    const { signed } = resultOf<{ readonly signed: boolean }>(await runProgram(['show', id, '--json'], at));
    assert.equal(signed, true);

    const [host] = sandbox.hosts;
    const all = [...(await objectsBelow(join(root, id))).keys()];
    const component = all.find((name) => name.startsWith(`${host}/verified/`) && name.endsWith('Statistics.db')) ?? assert.fail();
    const staging = `/var/tmp/signed-${id}`;
    const restoreOf = (...more: readonly string[]) =>
      runProgram(['restore', id, '--to', staging, '--transfer', transfer, ...strict, ...more, '--json', '--yes'], at);
    const others = ['manifest.json', 'schema.cql', 'ring.json', `${host}/manifest.json.gz`];
    for (const name of transfer === 'relay' ? [...others, component] : [component]) {
      const path = join(root, id, name);
      const whole = await readFile(path);
      await writeFile(path, forged(whole, Math.floor(whole.byteLength / 2)));
      const found = resultOf<VerifyDocument>(await runProgram(['verify', id, '--read-data', ...strict, '--json'], at), 4);
      assert.equal(found.ok, false, name);
      const refused = await restoreOf();
      if (name === component) {
        assert.equal(refused.code, 3, refused.stderr);
        assert.match(refused.stdout, /has SHA-256 /);
        assert.equal(await onHost(host, `ls ${staging}/${component.slice(host.length + 1)} 2>/dev/null || true`), '');
      } else {
        assert.equal(refused.code, 4, `${name}: ${refused.stderr}`);
        assert.equal(await onHost(host, `ls -A ${staging} 2>/dev/null || true`), '', name);
      }
      await writeFile(path, whole);
    }
    const done = resultOf<{ readonly signatures: unknown }>(await restoreOf());
    assert.deepEqual(done.signatures, { checked: 7, unsigned: 0 });
    await Promise.all(sandbox.hosts.map((each) => onHost(each, `rm -rf ${staging}`)));
  }
  assert.equal((await runProgram(['verify', backup.id, ...strict], program())).code, 4);
  assert.equal((await runProgram(['restore', backup.id, '--dry-run', ...strict], program())).code, 4);
  assert.equal((await runProgram(['verify', backup.id, '--require-signed'], program())).code, 2);
});
