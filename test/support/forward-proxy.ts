import { type IncomingMessage, createServer, request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { type LoopbackServer, listenOnLoopback } from './loopback-server.ts';

/** What a client asked of the proxy: to pass on a request, or to open a tunnel. */
export interface Asked {
  readonly method: string;
  /** `http://host:port/path`, or `host:port` of a tunnel. */
  readonly target: string;
  /** What it said of itself. */
  readonly authorization: string | undefined;
}

/** A proxy as an environment names it. It leads to loopback alone. */
export interface ForwardProxy extends LoopbackServer {
  readonly asked: readonly Asked[];
}

export async function startForwardProxy(): Promise<ForwardProxy> {
  const asked: Asked[] = [];
  const tunnels = new Set<Socket>();
  const note = ({ method = '', url = '', headers }: IncomingMessage): void =>
    void asked.push({ method, target: url, authorization: headers['proxy-authorization'] });

  const server = createServer((incoming, answer) => {
    note(incoming);
    const { method, url = '', headers } = incoming;
    // Whoever takes it for the server itself names a path alone.
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.hostname !== '127.0.0.1') {
      incoming.resume();
      answer.writeHead(400).end();
      return;
    }
    const passed = request(target, { method, headers, setHost: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    incoming.pipe(passed);
  });
  server.on('connect', (incoming: IncomingMessage, client: Socket) => {
    note(incoming);
    const { hostname, port } = new URL(`http://${incoming.url ?? ''}`);
    if (hostname !== '127.0.0.1') {
      client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = connect(Number(port), hostname, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      tunnels.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => void other.destroy());
      socket.pipe(other);
    }
  });
  const listening = await listenOnLoopback(server);
  return {
    ...listening,
    asked,
    stop: async () => {
      for (const socket of tunnels) {
        socket.destroy();
      }
      await listening.stop();
    },
  };
}
