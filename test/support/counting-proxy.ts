import { createServer, request } from 'node:http';
import { type LoopbackServer, listenOnLoopback } from './loopback-server.ts';

/** One request that passed the proxy. */
export interface SeenRequest {
  readonly method: string;
  /** Of the object or bucket, decoded, without the query. */
  readonly path: string;
  readonly query: string;
  /** Of the request's body. */
  bytes: number;
}

/** Passes requests on to an S3 server as they are, and remembers them. */
export interface CountingProxy extends LoopbackServer {
  readonly requests: readonly SeenRequest[];
  /** Forgets what was seen so far. */
  reset(): void;
}

export interface ProxyOptions {
  /** Answers a conditional put like a server that knows none. */
  readonly refuseConditions?: boolean;
}

/** `target` is the server's URL. Signatures stay right, because the server sees the host name that was signed. */
export async function startCountingProxy(
  target: string,
  { refuseConditions = false }: ProxyOptions = {},
): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  const requests: SeenRequest[] = [];
  const server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming;
    const [path = '', query = ''] = url.split('?');
    const seen: SeenRequest = { method, path: decodeURIComponent(path), query, bytes: 0 };
    requests.push(seen);
    if (refuseConditions && (headers['if-none-match'] ?? headers['if-match']) !== undefined) {
      incoming.resume();
      answer.writeHead(501, { 'content-type': 'application/xml' }).end('<Error><Code>NotImplemented</Code></Error>');
      return;
    }
    const passed = request({ hostname, port, method, path: url, headers, setHost: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    // What breaks off on one side breaks off on the other.
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    incoming.on('data', (chunk: Buffer) => (seen.bytes += chunk.byteLength));
    incoming.pipe(passed);
  });
  return {
    ...(await listenOnLoopback(server)),
    requests,
    reset: () => void (requests.length = 0),
  };
}
