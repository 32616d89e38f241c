import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** Passes TCP connections on to a server on loopback, and breaks them as told. */
export interface TcpProxy {
  readonly port: number;
  /** Breaks this many coming answers before their first byte arrives: the server did it, the client never hears. */
  loseAnswers(count: number): void;
  /** Breaks this many coming connections after so many bytes of answers. */
  cutAnswers(count: number, afterBytes: number): void;
  stop(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let lost = 0;
  let cut = { count: 0, afterBytes: 0 };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const both = [client, upstream];
    const end = (): void => {
      for (const socket of both) {
        socket.destroy();
        open.delete(socket);
      }
    };
    for (const socket of both) {
      open.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.pipe(upstream);
    let passed = 0;
    upstream.on('data', (bytes) => {
      if (lost > 0) {
        lost -= 1;
        end();
        return;
      }
      passed += bytes.byteLength;
      if (cut.count > 0 && passed > cut.afterBytes) {
        cut.count -= 1;
        client.end(bytes.subarray(0, Math.max(0, bytes.byteLength - (passed - cut.afterBytes))));
        upstream.destroy();
        return;
      }
      if (!client.write(bytes)) {
        upstream.pause();
        client.once('drain', () => upstream.resume());
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('no port');
  }
  return {
    port: address.port,
    loseAnswers: (count) => {
      lost = count;
    },
    cutAnswers: (count, afterBytes) => {
      cut = { count, afterBytes };
    },
    stop: async () => {
      server.close();
      for (const socket of open) {
        socket.destroy();
      }
      await once(server, 'close');
    },
  };
}
