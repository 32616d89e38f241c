import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { TestContext } from 'node:test';
import type { Remote } from '../../src/cluster/remote.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3.ts';
import { direct } from '../../src/transfer/direct.ts';
import type { Transfer } from '../../src/transfer/transfer.ts';
import { localRemote } from '../support/local-remote.ts';
import { type S3Server, missing, startVersityGateway, versityGateway } from '../support/s3-servers.ts';
import type { TransferUnderTest } from './transfer.ts';
import { transferContract } from './transfer.ts';

const absent = missing(versityGateway, 'scripts/fetch-versitygw');
let server: S3Server | undefined;
before(async () => {
  if (absent === undefined) server = await startVersityGateway();
});
after(() => server?.stop());

async function openStore(t: TestContext, endpoint?: string): Promise<{ readonly store: ObjectStore; readonly bucket: string }> {
  if (server === undefined) throw new Error(absent);
  const base = randomBytes(6).toString('hex');
  const { bucket, credentials, objects } = server;
  const store = await openS3Store({ bucket, base, endpoint: endpoint ?? server.endpoint, region: 'us-east-1', credentials });
  t.after(() => store.close());
  return { store, bucket: join(objects, base) };
}

function open(store: ObjectStore): Transfer {
  const { signer } = store;
  if (signer === undefined) throw new Error('the store signs nothing');
  return direct({ store, signer, isParallel: () => true, patience: { attempts: 3, firstDelayMs: 10 } });
}

function directOn(remote: Remote): TransferUnderTest {
  return { title: 'direct', remote, seesLargeFiles: () => false, open, openStore };
}

transferContract(directOn(localRemote({ host: 'node7' })));
