import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, after, before } from 'node:test';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { never } from './never.ts';
import { type S3Server, missing, startVersityGateway, versityGateway } from './s3-servers.ts';

export interface FaultyGateway {
  readonly skip: string | false;
  readonly server: S3Server;
  readonly proxy: FaultProxy;
  /** A location of its own behind the proxy, until the test ends, and the directory in which its objects are. */
  openLocation(t: TestContext, partBytes?: number): Promise<{ store: ObjectStore; bucket: string }>;
}

/** A real S3 server behind a proxy that spoils requests as told, for all tests of the file that calls this. */
export function faultyGateway(): FaultyGateway {
  const skip = missing(versityGateway, 'scripts/fetch-versitygw') ?? false;
  let server: S3Server | undefined;
  let proxy: FaultProxy | undefined;
  before(async () => {
    if (skip === false) {
      server = await startVersityGateway();
      proxy = await startFaultProxy(server.endpoint);
    }
  });
  after(async () => {
    await proxy?.stop();
    await server?.stop();
  });
  const gateway: FaultyGateway = {
    skip,
    get server() {
      return server ?? assert.fail('no S3 server has been started');
    },
    get proxy() {
      return proxy ?? assert.fail('no proxy has been started');
    },
    openLocation: async (t, partBytes) => {
      const { bucket, credentials, objects } = gateway.server;
      const { endpoint } = gateway.proxy;
      const base = randomBytes(6).toString('hex');
      const store = await openS3Store({ bucket, base, endpoint, region: 'us-east-1', credentials, partBytes }, never);
      t.after(() => store.close());
      return { store, bucket: join(objects, base) };
    },
  };
  return gateway;
}
