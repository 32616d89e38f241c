import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDirectoryStore } from '../../../src/storage/directory/directory.ts';
import { bucketIdentity, locationId } from '../../../src/storage/location-id.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

function idAt(endpoint: string, url = 's3://backups/prod'): string {
  return locationId(bucketIdentity(url, 'backups', new URL(endpoint)));
}

test('eight hexadecimal digits, the first a letter: those that docs/format.md has sha256sum find', () => {
  // printf %s s3://backups/prod | sha256sum | grep -o '[a-f][0-9a-f]\{7\}' | head -1
  assert.equal(locationId('s3://backups/prod'), 'f5d8edc1');
  for (let each = 0; each < 200; each += 1) {
    assert.match(locationId(`s3://backups/${each}`), /^[a-f][0-9a-f]{7}$/);
  }
});

test('a bucket of AWS is one, by whatever endpoint; a path in it is a location of its own', () => {
  const one = idAt('https://backups.s3.eu-central-1.amazonaws.com/');
  assert.equal(idAt('https://s3.us-east-1.amazonaws.com/backups'), one);
  assert.equal(idAt('https://backups.s3.dualstack.eu-central-1.amazonaws.com/'), one);
  assert.equal(idAt('https://bucket.vpce-1a2b-c3d4.s3.eu-central-1.vpce.amazonaws.com/backups'), one);
  assert.notEqual(idAt('https://backups.s3.eu-central-1.amazonaws.com/', 's3://backups/test'), one);
});

test('two servers may have buckets of one name; how the bucket is written makes no other location', () => {
  const one = idAt('http://minio.example:9000/backups');
  assert.equal(idAt('http://backups.minio.example:9000/'), one);
  assert.equal(idAt('https://minio.example:9000/backups'), one);
  assert.notEqual(idAt('http://minio.other:9000/backups'), one);
  assert.notEqual(idAt('http://minio.example:9001/backups'), one);
  assert.notEqual(idAt('https://s3.amazonaws.com/backups'), one);
});

test('a directory is one location however its path is written', async (t) => {
  const root = await temporaryDirectory(t);
  await mkdir(join(root, 'backups'));
  await symlink(join(root, 'backups'), join(root, 'linked'));
  const ids = await Promise.all(
    ['backups', 'backups/', './backups', 'x/../backups', 'linked'].map(
      async (path) => (await openDirectoryStore(`${root}/${path}`)).locationId,
    ),
  );
  assert.deepEqual(new Set(ids).size, 1);
  await mkdir(join(root, 'others'));
  assert.notEqual((await openDirectoryStore(join(root, 'others'))).locationId, ids[0]);
});
