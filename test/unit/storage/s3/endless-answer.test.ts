import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { openS3Store } from '../../../../src/storage/s3/s3.ts';
import { StorageError } from '../../../../src/model/errors.ts';
import { never } from '../../../support/never.ts';

test('an answer that does not end is left, whether it grants or refuses', async (t) => {
  let status = 200;
  let sentMebibytes = 0;
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml' });
    const endless = function* (): Generator<Uint8Array> {
      yield Buffer.from('<ListBucketResult>');
      // Far more than is taken, so that the test ends where nothing holds it back.
      for (sentMebibytes = 0; sentMebibytes < 1024; sentMebibytes += 1) {
        yield Buffer.alloc(1024 ** 2, ' ');
      }
    };
    Readable.from(endless())
      .on('error', () => undefined)
      .pipe(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKeyId: 'nobody', secretAccessKey: String(Math.random()) };
  const options = { bucket: 'b', base: '', endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials };
  for (status of [200, 403]) {
    await assert.rejects(
      openS3Store(options, never),
      (error) => error instanceof StorageError && /answers with more/.test(error.message),
    );
    assert.ok(sentMebibytes < 512, `${sentMebibytes} MiB`);
  }
});
