import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { StorageError } from '../../src/model/errors.ts';
import { bytesOf } from '../support/bodies.ts';
import { missing, s3ProxyJar, startS3Proxy, type S3Server } from '../support/s3-servers.ts';
import { objectStoreContract } from './object-store.ts';
import { openOn, placeOn, s3Store } from './object-store-s3.ts';
import { never } from '../support/never.ts';

const mebibyte = 1024 ** 2;
const skip = missing(s3ProxyJar, 'scripts/sandbox fetch');

objectStoreContract('S3Proxy', skip, async () => ({
  ...placeOn(await startS3Proxy(), { bytes: 150 * mebibyte, growth: 200 * mebibyte }),
  failsBelowObjects: true,
}));
s3Store('S3Proxy', skip, startS3Proxy);

describe('what S3Proxy cannot do', { skip: skip ?? false }, () => {
  let server: S3Server;
  before(async () => {
    server = await startS3Proxy();
  });
  after(() => server?.stop());

  test('reading below an object is its internal error, hence transient, and not "no such key"', async () => {
    const store = await openOn(server);
    await store.put('a/b', Buffer.from('x'), {}, never);
    await assert.rejects(bytesOf(store.get('a/b/c', {}, never)), (error) => error instanceof StorageError && error.transient);
    await store.close();
  });

  test('encryption is refused, and the error says what may be the reason', async () => {
    const store = await openOn(server, { serverSideEncryption: 'AES256' });
    await assert.rejects(
      store.put('key', Buffer.from('x'), {}, never),
      (error) => error instanceof StorageError && /encryption/.test(error.hint ?? ''),
    );
    await store.close();
  });
});
