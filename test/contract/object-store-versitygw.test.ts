import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { StorageError } from '../../src/model/errors.ts';
import { missing, startVersityGateway, type S3Server, versityGateway } from '../support/s3-servers.ts';
import { objectStoreContract } from './object-store.ts';
import { openOn, placeOn, s3Store } from './object-store-s3.ts';
import { never } from '../support/never.ts';

const mebibyte = 1024 ** 2;
const skip = missing(versityGateway, 'scripts/fetch-versitygw');

objectStoreContract('versitygw', skip, async () =>
  placeOn(await startVersityGateway(), { bytes: 600 * mebibyte, growth: 200 * mebibyte }),
);
s3Store('versitygw', skip, startVersityGateway);

describe('unfinished uploads by the thousand', { skip: skip ?? false }, () => {
  let server: S3Server;
  before(async () => {
    server = await startVersityGateway();
  });
  after(() => server?.stop());

  test('more unfinished uploads than one page holds are all aborted, several of one key too', async () => {
    const { client, bucket } = server;
    const store = await openOn(server);
    for (let start = 0; start < 1020; start += 20) {
      const keys = Array.from({ length: 20 }, (_, index) => `base/run/${Math.floor((start + index) / 3)}`);
      await Promise.all(keys.map((Key) => client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))));
    }
    assert.equal(await store.clearUnfinished(new Date(Date.now() - 3_600_000), never), 0);
    assert.equal(await store.abortUnfinished('other/', never), 0);
    assert.equal(await store.abortUnfinished('run/', never), 1020);
    assert.equal(await store.abortUnfinished('run/', never), 0);
    await store.close();
  });
});

describe('what versitygw cannot do', { skip: skip ?? false }, () => {
  let server: S3Server;
  before(async () => {
    server = await startVersityGateway();
  });
  after(() => server?.stop());

  test('a key below an object, and an object above keys, are errors', async () => {
    const store = await openOn(server);
    await store.put('a/b', Buffer.from('x'), {}, never);
    await assert.rejects(store.put('a/b/c', Buffer.from('y'), {}, never), StorageError);
    await assert.rejects(store.put('a', Buffer.from('y'), {}, never), StorageError);
    await store.close();
  });

  test('encryption is asked for and silently not done', async () => {
    const store = await openOn(server, { serverSideEncryption: 'AES256' });
    assert.equal((await store.put('key', Buffer.from('x'), {}, never)).bytes, 1);
    await store.close();
  });
});
