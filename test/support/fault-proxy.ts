import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type LoopbackServer, listenOnLoopback } from './loopback-server.ts';

/** An answer of a server, or what comes in its place. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/**
 * What becomes of a request: it is answered instead of being passed on, breaks after so many bytes of either body, is done and never
 * answered, is answered by so many bytes a second, or with another answer than the server's.
 */
export type Fault =
  | {
      readonly status: number;
      readonly code: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly cutUploadAfter: number }
  | { readonly cutDownloadAfter: number }
  | { readonly loseAnswer: true; readonly onLost?: () => void }
  | { readonly answerBytesPerSecond: number }
  | { readonly instead: (answer: Answer) => Answer };

/** Stands before an S3 server on loopback and spoils requests as told; the `Host` header, which is signed, passes unchanged. */
export interface FaultProxy extends LoopbackServer {
  /** Decides about each request that follows; undefined lets it pass. */
  spoil(decide: Decide): void;
  /** Bytes a second of each body, both ways. */
  slowDown(bytesPerSecond: number): void;
  /** Each request that follows is held back while this looks around. */
  hold(look: (method: string) => Promise<void>): void;
}

export type Decide = (method: string, path: string, headers: IncomingHttpHeaders) => Fault | undefined;

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let decide: Decide = () => undefined;
  let look: (method: string) => Promise<void> = async () => {};
  let pace = Infinity;
  const upstream = new URL(target);

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/' } = incoming;
    await look(method);
    const fault = decide(method, url, incoming.headers) ?? { cutDownloadAfter: Infinity };
    if ('status' in fault) {
      const body = `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>${fault.message ?? fault.code}</Message></Error>`;
      incoming.resume();
      await once(incoming, 'end');
      outgoing.writeHead(fault.status, { 'content-type': 'application/xml', ...fault.headers }).end(body);
      return;
    }
    const passed = request({ host: upstream.hostname, port: upstream.port, method, path: url, headers: incoming.headers });
    const answered = once(passed, 'response');
    answered.catch(() => {});
    passed.on('error', () => incoming.destroy());
    await pipeline(incoming, passing('cutUploadAfter' in fault ? fault.cutUploadAfter : Infinity, pace), passed);
    const [answer] = (await answered) as [IncomingMessage];
    if ('loseAnswer' in fault || 'instead' in fault) {
      // Some servers have done what they were asked only when their answer ends.
      const body = Buffer.concat(await answer.toArray());
      if ('loseAnswer' in fault) {
        fault.onLost?.();
        throw new Error('lost');
      }
      const other = fault.instead({ status: answer.statusCode ?? 502, headers: answer.headers, body });
      const { 'transfer-encoding': _, ...headers } = other.headers;
      // What a HEAD would have brought is told by its headers alone.
      const length = method === 'HEAD' ? {} : { 'content-length': String(other.body.byteLength) };
      outgoing.writeHead(other.status, { ...headers, ...length } as Record<string, string>).end(other.body);
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    const downPace = 'answerBytesPerSecond' in fault ? fault.answerBytesPerSecond : pace;
    await pipeline(answer, passing('cutDownloadAfter' in fault ? fault.cutDownloadAfter : Infinity, downPace), outgoing);
  };
  const server = createServer((incoming, outgoing) => {
    // A request that has come whole has let go of its socket.
    const { socket } = incoming;
    handle(incoming, outgoing).catch(() => socket.destroy());
  });
  return {
    ...(await listenOnLoopback(server)),
    spoil: (rule) => (decide = rule),
    slowDown: (bytesPerSecond) => (pace = bytesPerSecond),
    hold: (looking) => (look = looking),
  };
}

/** The first so many requests of a method, counted over everything that this rule sees. */
export function firstOf(count: number, wanted: string, fault: Fault): (method: string, path: string) => Fault | undefined {
  let left = count;
  return (method) => {
    if (method !== wanted || left === 0) {
      return undefined;
    }
    left -= 1;
    return fault;
  };
}

function passing(most: number, bytesPerSecond: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.byteLength;
      if (bytes > most) {
        done(new Error('cut'));
      } else if (bytesPerSecond === Infinity) {
        done(null, chunk);
      } else {
        setTimeout(() => done(null, chunk), (chunk.byteLength / bytesPerSecond) * 1000);
      }
    },
  });
}
