import { once } from 'node:events';
import type { Server } from 'node:http';

export interface LoopbackServer {
  readonly endpoint: string;
  /** Breaks off what is under way. */
  stop(): Promise<void>;
}

/** Lets an HTTP server listen on a free port of loopback. */
export async function listenOnLoopback(server: Server): Promise<LoopbackServer> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('no port');
  }
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
