import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { TestContext } from 'node:test';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import type { Clock } from '../../src/flow/clock.ts';
import { listenOnLoopback } from './loopback-server.ts';
import { never } from './never.ts';

/** What comes in the place of an answer of S3. */
export interface OddAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Answers = (
  request: { readonly method: string; readonly url: URL },
  answer: ServerResponse,
) => OddAnswer | 'by itself';

/** An S3 server that lists nothing when it is opened, and from then on answers as it is told. */
export interface OddStore {
  readonly endpoint: string;
  answer(how: Answers): void;
  open(base?: string): Promise<ObjectStore>;
}

export const emptyListing = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>`;

export async function oddStore(t: TestContext, time?: Clock): Promise<OddStore> {
  let how: Answers = () => ({ body: emptyListing });
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    // A store answers when it has all of it.
    await incoming.resume().toArray();
    const url = new URL(incoming.url ?? '/', 'http://store');
    const said = how({ method: incoming.method ?? '', url }, outgoing);
    if (said !== 'by itself') {
      const { status = 200, headers = { 'content-type': 'application/xml' }, body = '' } = said;
      outgoing.writeHead(status, headers).end(incoming.method === 'HEAD' ? '' : body);
    }
  };
  const server = await listenOnLoopback(
    createServer((incoming, outgoing) => {
      // Whoever has asked may leave in the middle.
      handle(incoming, outgoing).catch(() => outgoing.destroy());
    }),
  );
  t.after(() => server.stop());
  const credentials = { accessKeyId: 'nobody', secretAccessKey: String(Math.random()) };
  return {
    endpoint: server.endpoint,
    answer: (next) => (how = next),
    open: async (base = '') => {
      const store = await openS3Store(
        { bucket: 'b', base, endpoint: server.endpoint, region: 'us-east-1', credentials, time },
        never,
      );
      t.after(() => store.close());
      return store;
    },
  };
}
