import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { digestOf, missingFromSnapshot } from '../../../../src/cluster/files/snapshot-listing.ts';
import { listSnapshot } from '../../../../src/cluster/files/snapshot.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { unprivileged, unprivilegedMissing } from '../../../support/unprivileged.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote({ host: 'h2' });
const users = { keyspace: 'shop3', table: 'users', id: '3cc92220e54311f1b6bc256901ef1e45' };
const empty = { keyspace: 'shop2', table: 'MixedCase', id: '421b9730e54311f1b6bc256901ef1e45' };
const usersDirectory = `shop3/users-${users.id}`;
const emptyDirectory = `shop2/MixedCase-${empty.id}`;

/** Writes files below a directory, from path to text. */
async function plant(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** A table's snapshot with index, zero-byte and odd components, and everything around it that is none of ours. */
function usersSnapshot(tag: string): Readonly<Record<string, string>> {
  const snapshot = `${usersDirectory}/snapshots/${tag}`;
  return {
    [`${snapshot}/manifest.json`]:
      '{"files":["nb-1-big-Data.db",".users_email/nb-2-big-Data.db"],"created_at":"x","expires_at":null}',
    [`${snapshot}/schema.cql`]: 'CREATE TABLE shop3.users;',
    [`${snapshot}/nb-1-big-Data.db`]: 'data',
    [`${snapshot}/nb-1-big-Digest.crc32`]: '3167622290',
    [`${snapshot}/nb-1-big-SAI+aa+GroupComplete.db`]: '',
    [`${snapshot}/nb-1-big-SAI+aa+users_city+TermsData.db`]: 'terms',
    [`${snapshot}/something new & strange\n.xyz`]: '?',
    [`${snapshot}/.users_email/nb-2-big-Data.db`]: 'index',
    [`${snapshot}/.users_email/nb-2-big-Digest.crc32`]: '7\n',
    [`${usersDirectory}/nb-1-big-Data.db`]: 'live',
    [`${usersDirectory}/backups/nb-1-big-Data.db`]: 'live',
    [`${usersDirectory}/.users_email/nb-2-big-Data.db`]: 'live',
    [`${usersDirectory}/snapshots/${tag}-other/nb-9-big-Data.db`]: 'not ours',
    [`${usersDirectory}/snapshots/x${tag}/nb-9-big-Data.db`]: 'not ours',
    'shop3/dropped-1cc92220e54311f1b6bc256901ef1e45/snapshots/dropped-1/nb-1-big-Data.db': 'not ours',
  };
}

const emptySnapshot = (tag: string): Readonly<Record<string, string>> => ({
  [`${emptyDirectory}/snapshots/${tag}/manifest.json`]: '{ "files" : [ ] }',
  [`${emptyDirectory}/snapshots/${tag}/schema.cql`]: 'CREATE TABLE shop2."MixedCase";',
});

test('every file of the tag is listed and nothing else: indexes, empty files, unknown names, tables without files', async (t) => {
  const data = await temporaryDirectory(t);
  const tag = 'sstash-2026.11+a';
  await plant(data, { ...usersSnapshot(tag), ...emptySnapshot(tag) });
  const listing = await listSnapshot({ files: remote, config: { dataDirectories: [data] } }, tag, never);
  assert.deepEqual(
    listing.components.map((component) => [component.path, component.bytes]),
    [
      ['.users_email/nb-2-big-Data.db', 5],
      ['.users_email/nb-2-big-Digest.crc32', 2],
      ['nb-1-big-Data.db', 4],
      ['nb-1-big-Digest.crc32', 10],
      ['nb-1-big-SAI+aa+GroupComplete.db', 0],
      ['nb-1-big-SAI+aa+users_city+TermsData.db', 5],
      ['something new & strange\n.xyz', 1],
    ],
  );
  assert.ok(listing.components.every((component) => component.disk === 0 && component.table.table === 'users'));
  assert.deepEqual(listing.tables, [
    { table: empty, fileList: [], schema: 'CREATE TABLE shop2."MixedCase";' },
    { table: users, fileList: ['nb-1-big-Data.db', '.users_email/nb-2-big-Data.db'], schema: 'CREATE TABLE shop3.users;' },
  ]);
  assert.deepEqual(missingFromSnapshot(listing, [users, empty]), []);
});

test("Cassandra's digests are read as hexadecimal, each under its Data.db", async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, usersSnapshot('T'));
  const listing = await listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never);
  assert.equal(digestOf(listing, { table: users, path: 'nb-1-big-Data.db' }), 'bcce1492');
  assert.equal(digestOf(listing, { table: users, path: '.users_email/nb-2-big-Data.db' }), '00000007');
  assert.equal(digestOf(listing, { table: users, path: 'nb-1-big-Digest.crc32' }), undefined);
  assert.deepEqual(listing.unreadableDigests, []);
});

test('a digest file that holds no CRC-32 is named, not trusted', async (t) => {
  const data = await temporaryDirectory(t);
  const path = `${usersDirectory}/snapshots/T/nb-1-big-Digest.crc32`;
  for (const text of ['', 'abc', '4294967296', '-1']) {
    await plant(data, { ...usersSnapshot('T'), [path]: text });
    const listing = await listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never);
    assert.deepEqual(listing.unreadableDigests, [`${usersDirectory}/nb-1-big-Digest.crc32`]);
    assert.equal(digestOf(listing, { table: users, path: 'nb-1-big-Data.db' }), undefined);
  }
});

test('modification times keep every digit', async (t) => {
  const data = await temporaryDirectory(t);
  const path = `${emptyDirectory}/snapshots/T/nb-1-big-Data.db`;
  await plant(data, { [path]: 'x' });
  await utimes(join(data, path), 1795221107, 1795221107.25);
  const listing = await listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never);
  assert.equal(listing.components[0]?.modified, '2026-11-21T00:31:47.2500000000Z');
});

test('a table may lie on several disks, with its file list on one or on both', async (t) => {
  const [first, second] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  const snapshot = `${usersDirectory}/snapshots/T`;
  await plant(first, { [`${snapshot}/manifest.json`]: '{"files":["nb-1-big-Data.db"]}', [`${snapshot}/nb-1-big-Data.db`]: 'a' });
  await plant(second, { [`${snapshot}/nb-2-big-Data.db`]: 'bc' });
  const listing = await listSnapshot({ files: remote, config: { dataDirectories: [first, second] } }, 'T', never);
  assert.deepEqual(
    listing.components.map((component) => [component.path, component.disk]),
    [
      ['nb-1-big-Data.db', 0],
      ['nb-2-big-Data.db', 1],
    ],
  );
  assert.deepEqual(missingFromSnapshot(listing, [users]), []);
  await plant(second, { [`${snapshot}/manifest.json`]: '{"files":["nb-3-big-Data.db"]}' });
  assert.deepEqual(
    missingFromSnapshot(await listSnapshot({ files: remote, config: { dataDirectories: [first, second] } }, 'T', never), [users]),
    [{ table: users, reason: 'nb-3-big-Data.db is listed and not there' }],
  );
});

test('one name on two disks is an error that names both', async (t) => {
  const [first, second] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  const path = `${usersDirectory}/snapshots/T/nb-1-big-Data.db`;
  await plant(first, { [path]: 'a' });
  await plant(second, { [path]: 'b' });
  await assert.rejects(
    listSnapshot({ files: remote, config: { dataDirectories: [first, second] } }, 'T', never),
    /nb-1-big-Data\.db lies on two disks of h2, the second is .*sstash-test/,
  );
});

test('what is missing is found: a table, its file list, a file that the list names', async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, { ...usersSnapshot('T'), ...emptySnapshot('T') });
  await unlink(join(data, usersDirectory, 'snapshots/T/.users_email/nb-2-big-Data.db'));
  await unlink(join(data, emptyDirectory, 'snapshots/T/manifest.json'));
  const other = { keyspace: 'shop2', table: 'gone', id: '521b9730e54311f1b6bc256901ef1e45' };
  assert.deepEqual(
    missingFromSnapshot(await listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never), [
      users,
      empty,
      other,
    ]),
    [
      { table: other, reason: 'no snapshot directory' },
      { table: empty, reason: 'no manifest.json' },
      { table: users, reason: '.users_email/nb-2-big-Data.db is listed and not there' },
    ],
  );
});

test('a snapshot that is not there is an empty listing in which every table is missing', async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, usersSnapshot('T'));
  const listing = await listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'U', never);
  assert.deepEqual([listing.tables, listing.components], [[], []]);
  assert.deepEqual(missingFromSnapshot(listing, [users]), [{ table: users, reason: 'no snapshot directory' }]);
});

test('keyspaces and tables that were moved away and linked are followed', async (t) => {
  const [data, away] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  await plant(away, { ...usersSnapshot('T'), ...emptySnapshot('T') });
  await symlink(join(away, 'shop3'), join(data, 'shop3'));
  await mkdir(join(data, 'shop2'));
  await symlink(join(away, emptyDirectory), join(data, emptyDirectory));
  const listing = await listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never);
  assert.equal(listing.components.length, 7);
  assert.deepEqual(missingFromSnapshot(listing, [users, empty]), []);
});

test('a link among the components is an error: what it leads to may not be what Cassandra put there', async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, usersSnapshot('T'));
  await symlink('/etc/passwd', join(data, usersDirectory, 'snapshots/T/nb-3-big-Data.db'));
  await assert.rejects(
    listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never),
    /nb-3-big-Data\.db on h2 is not a plain file/,
  );
});

test('a table directory without an id is an error that names it', async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, { 'old/users/snapshots/T/old-users-jb-1-Data.db': 'x' });
  await assert.rejects(
    listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never),
    /old\/users on h2 is not named <table>-<id>/,
  );
});

test('a file list that is not one is an error', async (t) => {
  const data = await temporaryDirectory(t);
  for (const text of ['', '{"files":', '{"files":"all"}', '[]']) {
    await plant(data, { [`${usersDirectory}/snapshots/T/manifest.json`]: text });
    await assert.rejects(
      listSnapshot({ files: remote, config: { dataDirectories: [data] } }, 'T', never),
      /manifest\.json on h2 is not a snapshot's file list/,
    );
  }
});

test('a data directory that is not there is an error with its name', async (t) => {
  const data = await temporaryDirectory(t);
  await assert.rejects(
    listSnapshot({ files: remote, config: { dataDirectories: [join(data, 'none')] } }, 'T', never),
    (error) => {
      assert.ok(error instanceof RemoteError);
      assert.match(error.message, /^snapshot T in .*\/none on h2 cannot be read: .*\/none/);
      assert.match(error.hint ?? '', /--use-sudo/);
      return true;
    },
  );
});

test('a directory that may not be read is an error, wherever it lies on the way', { skip: unprivilegedMissing }, async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, usersSnapshot('T'));
  await chmod(data, 0o755);
  const nobody = unprivileged(remote);
  assert.equal((await listSnapshot({ files: nobody, config: { dataDirectories: [data] } }, 'T', never)).components.length, 7);
  for (const path of [
    'shop3',
    usersDirectory,
    `${usersDirectory}/snapshots`,
    `${usersDirectory}/snapshots/T`,
    `${usersDirectory}/snapshots/T/.users_email`,
  ]) {
    await chmod(join(data, path), 0o700);
    await assert.rejects(
      listSnapshot({ files: nobody, config: { dataDirectories: [data] } }, 'T', never),
      /cannot be read: .*Permission denied/,
      path,
    );
    await chmod(join(data, path), 0o755);
  }
  await chmod(join(data, usersDirectory, 'snapshots/T/nb-1-big-Digest.crc32'), 0o600);
  await assert.rejects(
    listSnapshot({ files: nobody, config: { dataDirectories: [data] } }, 'T', never),
    /cannot be read: .*Digest\.crc32.*Permission denied/,
  );
});

test('lost+found and the snapshots of others may be closed', { skip: unprivilegedMissing }, async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, { ...usersSnapshot('T'), 'lost+found/x/snapshots/T/y': '' });
  await chmod(data, 0o755);
  await chmod(join(data, 'lost+found'), 0o700);
  await chmod(join(data, usersDirectory, 'snapshots/T-other'), 0o700);
  await chmod(join(data, usersDirectory, 'backups'), 0o700);
  assert.equal(
    (await listSnapshot({ files: unprivileged(remote), config: { dataDirectories: [data] } }, 'T', never)).components.length,
    7,
  );
});
