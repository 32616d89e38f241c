import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { startVersityGateway, startS3Proxy } from '/work/main/test/support/s3-servers.ts';
import { openOn } from '/work/main/test/contract/object-store-s3.ts';
for (const [name, start] of [['versitygw', startVersityGateway], ['s3proxy', startS3Proxy]] as const) {
  const server = await start();
  try {
    const t = Date.now();
    for (let i = 0; i < 1030; i += 10) await Promise.all(Array.from({ length: 10 }, (_, k) => server.client.send(new CreateMultipartUploadCommand({ Bucket: server.bucket, Key: `base/x/${i + k}` }))));
    const t2 = Date.now();
    const store = await openOn(server);
    console.log(name, 'create', t2 - t, 'aborted', await store.abortUnfinished('x/'), Date.now() - t2, 'ms; then', await store.abortUnfinished(''));
    await store.close();
  } finally { await server.stop(); }
}
