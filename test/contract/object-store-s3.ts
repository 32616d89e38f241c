import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { ConditionFailedError, NotFoundError, StorageError, UsageError } from '../../src/model/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type S3Options, openS3Store } from '../../src/storage/s3/s3.ts';
import { bytesOf, listed, memoryGrowth, stream, sumOf, textOf } from '../support/bodies.ts';
import { type S3Server, freePort } from '../support/s3-servers.ts';
import { type TcpProxy, startTcpProxy } from '../support/tcp-proxy.ts';
import type { StorePlace } from './object-store.ts';
import { never } from '../support/never.ts';

const mebibyte = 1024 ** 2;

/** Opens stores on a server the way the product does. */
export function openOn(server: S3Server, options: Partial<S3Options> = {}): Promise<ObjectStore> {
  const { endpoint, bucket, credentials } = server;
  return openS3Store({ endpoint, bucket, base: 'base', region: 'us-east-1', credentials, ...options }, never);
}

async function unfinishedUploads({ client, bucket }: S3Server): Promise<string[]> {
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return (Uploads ?? []).map(({ Key }) => Key ?? '');
}

/** A server as the contract suite takes it. */
export function placeOn(server: S3Server, long: StorePlace['long']): StorePlace {
  return {
    open: (base) => openOn(server, { base }),
    openMissing: () => openOn(server, { bucket: 'missing' }),
    leftovers: () => unfinishedUploads(server),
    long,
    stop: () => server.stop(),
  };
}

/** What holds for S3 beyond the contract: credentials, network, lost answers. */
export function s3Store(name: string, skip: string | undefined, start: () => Promise<S3Server>): void {
  describe(`s3 store: ${name}`, { skip: skip ?? false }, () => {
    let server: S3Server;
    let proxy: TcpProxy;
    before(async () => {
      server = await start();
      proxy = await startTcpProxy(Number(new URL(server.endpoint).port));
    });
    after(async () => {
      await proxy?.stop();
      await server?.stop();
    });
    const throughProxy = (): Promise<ObjectStore> => openOn(server, { endpoint: `http://127.0.0.1:${proxy.port}` });

    test('names its location without slashes too many', async () => {
      for (const [base, url] of [
        ['/a/b/', 's3://backups/a/b'],
        ['', 's3://backups'],
      ] as const) {
        const store = await openOn(server, { base });
        assert.equal(store.url, url);
        await store.close();
      }
    });

    test('says that credentials were refused, and what to do', async () => {
      const { accessKeyId } = server.credentials;
      for (const credentials of [
        { accessKeyId, secretAccessKey: 'wrong' },
        { accessKeyId: 'nobody', secretAccessKey: 'wrong' },
      ]) {
        await assert.rejects(openOn(server, { credentials }), (error) => {
          assert.ok(error instanceof StorageError && !error.transient);
          assert.match(error.hint ?? '', /check the credentials/);
          assert.doesNotMatch(error.message + error.hint, /wrong/);
          return true;
        });
      }
    });

    test('says which endpoint cannot be reached', async () => {
      for (const endpoint of [`http://127.0.0.1:${await freePort()}`, 'http://no-such-host.invalid']) {
        await assert.rejects(openOn(server, { endpoint }), (error) => {
          assert.ok(error instanceof StorageError && error.transient);
          assert.ok(error.hint?.includes(endpoint), error.hint);
          return true;
        });
      }
    });

    test('refuses a storage class that S3 does not have, and parts that are too small', async () => {
      await assert.rejects(openOn(server, { storageClass: 'FROZEN' }), UsageError);
      await assert.rejects(openOn(server, { partBytes: mebibyte }), UsageError);
    });

    test('sends CRC-32 checksums, and no encryption nobody asked for', async () => {
      const store = await openOn(server);
      await store.put('sum', Buffer.from('123456789'), {}, never);
      const Key = 'base/sum';
      const head = await server.client.send(new HeadObjectCommand({ Bucket: server.bucket, Key, ChecksumMode: 'ENABLED' }));
      assert.equal(head.ServerSideEncryption, undefined);
      assert.equal(head.ChecksumCRC32, 'y/Q5Jg==');
      await store.close();
    });

    test('knows its own object when the answer to a conditional put is lost', async () => {
      const store = await throughProxy();
      proxy.loseAnswers(1);
      const put = await store.put('lost/small', Buffer.from('mine'), { ifAbsent: true }, never);
      assert.equal(put.etag, (await store.stat('lost/small', never))?.etag);
      proxy.loseAnswers(1);
      await assert.rejects(store.put('lost/small', Buffer.from('other'), { ifAbsent: true }, never), ConditionFailedError);
      assert.equal(await textOf(store, 'lost/small'), 'mine');
      await store.close();
    });

    test('survives lost answers to any request of a long put', async () => {
      const store = await throughProxy();
      for (let request = 0; request < 6; request += 1) {
        const { body, crc } = stream(40 * mebibyte);
        const lose = async function* (): AsyncGenerator<Uint8Array> {
          let given = 0;
          for await (const chunk of body) {
            if (given <= request * 7 * mebibyte && given + chunk.byteLength > request * 7 * mebibyte) {
              proxy.loseAnswers(1);
            }
            given += chunk.byteLength;
            yield chunk;
          }
        };
        const key = `lost/long-${request}`;
        const put = await store.put(key, lose(), { ifAbsent: true }, never);
        assert.equal(put.etag, (await store.stat(key, never))?.etag);
        assert.deepEqual(await sumOf(store.get(key, {}, never)), { bytes: 40 * mebibyte, crc: crc() });
      }
      await store.close();
    });

    test('reads on where a connection broke', async () => {
      const store = await throughProxy();
      const { body, crc } = stream(20 * mebibyte);
      await store.put('cut', body, {}, never);
      proxy.cutAnswers(3, 3 * mebibyte);
      assert.deepEqual(await sumOf(store.get('cut', {}, never)), { bytes: 20 * mebibyte, crc: crc() });
      proxy.cutAnswers(1, mebibyte);
      assert.equal((await bytesOf(store.get('cut', { from: 5, to: 10 * mebibyte }, never))).byteLength, 10 * mebibyte - 5);
      await store.close();
    });

    test('gives up reading, as transient, when connections bring nothing any more', async () => {
      const store = await throughProxy();
      await store.put('cut', Buffer.alloc(8 * mebibyte), {}, never);
      const read = async (): Promise<void> => {
        let cut = false;
        for await (const _ of store.get('cut', {}, never)) {
          if (!cut) {
            proxy.cutAnswers(1000, 0);
          }
          cut = true;
        }
      };
      proxy.cutAnswers(1, mebibyte);
      await assert.rejects(read(), (error) => error instanceof StorageError && error.transient);
      proxy.cutAnswers(0, 0);
      await store.close();
    });

    test("does not mix two objects when one takes the other's place during a broken read", async () => {
      const store = await throughProxy();
      await store.put('cut', Buffer.alloc(8 * mebibyte, 'a'), {}, never);
      const direct = await openOn(server);
      proxy.cutAnswers(1, mebibyte);
      const read = async (): Promise<void> => {
        let replaced = false;
        for await (const _ of store.get('cut', {}, never)) {
          if (!replaced) {
            await direct.put('cut', Buffer.alloc(8 * mebibyte, 'b'), {}, never);
          }
          replaced = true;
        }
      };
      await assert.rejects(read(), /was changed while it was read/);
      await store.close();
      await direct.close();
    });

    test('keeps memory bounded over many puts at once', async () => {
      const store = await openOn(server);
      const growth = await memoryGrowth(async () => {
        await Promise.all(
          Array.from({ length: 8 }, (_, index) => store.put(`many/${index}`, stream(40 * mebibyte).body, {}, never)),
        );
      });
      assert.equal((await listed(store, 'many/')).length, 8);
      // Eight parts being filled and eight on their way, 8 MiB each, and what Node makes of it.
      assert.ok(growth < 280 * mebibyte, `grew by ${growth / mebibyte} MiB`);
      await store.close();
    });

    test('leaves only uploads whose begin was never answered, and clears them when told', async () => {
      const left = await unfinishedUploads(server);
      // The first requests of `lost/long-0` and `-1` are their CreateMultipartUpload: the SDK asks again, for a second.
      assert.deepEqual(left, ['base/lost/long-0', 'base/lost/long-1']);
      const other = await openOn(server, { base: 'elsewhere' });
      const store = await openOn(server);
      assert.equal(await other.clearUnfinished(new Date(Date.now() + 60_000), never), 0);
      assert.equal(await store.clearUnfinished(new Date(Date.now() - 3_600_000), never), 0);
      assert.equal(await store.clearUnfinished(new Date(Date.now() + 60_000), never), 2);
      assert.deepEqual(await unfinishedUploads(server), []);
      await store.close();
      await other.close();
    });

    test('reports a bucket that vanishes as missing', async () => {
      await assert.rejects(
        openOn(server, { bucket: 'vanished' }),
        (error) => error instanceof NotFoundError && /vanished/.test(error.message),
      );
    });
  });
}
