import { once } from 'node:events';
import { type IncomingMessage, createServer, request } from 'node:http';
import { type LoopbackServer, listenOnLoopback } from './loopback-server.ts';

/** A kind of request. */
interface Kind {
  readonly method: string;
  /** Fits its path and query, as they are sent. */
  readonly url: RegExp;
}

/** The first request of a kind, before the store has heard of it or when the store has done it. */
export interface Moment extends Kind {
  readonly done: boolean;
  /** The first one that comes after a request of this kind is meant. */
  readonly after?: Kind;
  /** Whether such a request makes the moment by now; always when absent. */
  readonly counts?: () => boolean;
}

/**
 * Passes requests on to an S3 server, up to a moment that can be waited for: the request that makes it is never answered. One
 * that is not done never reaches the server. Whatever else is asked meanwhile passes.
 */
export interface StoppingProxy extends LoopbackServer {
  /** Until the moment has come. */
  readonly stopped: Promise<void>;
}

/** Signatures stay right, because the server sees the host name that was signed. */
export async function startStoppingProxy(target: string, moment: Moment): Promise<StoppingProxy> {
  const { hostname, port } = new URL(target);
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  let waiting = true;
  let hasBegun = moment.after === undefined;

  const server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming;
    const is = (kind: Kind): boolean => method === kind.method && kind.url.test(url);
    const isIt = waiting && hasBegun && is(moment) && (moment.counts?.() ?? true);
    hasBegun ||= moment.after !== undefined && is(moment.after);
    if (isIt) {
      waiting = false;
    }
    if (isIt && !moment.done) {
      stop();
      return;
    }
    const passed = request({ hostname, port, method, path: url, headers, setHost: false }, (response) => {
      if (isIt) {
        void wholeOf(response).then(stop);
        return;
      }
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    // What breaks off on one side breaks off on the other.
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    incoming.pipe(passed);
  });
  return { ...(await listenOnLoopback(server)), stopped };
}

/** An answer that nobody reads any further: some servers have done what they were asked only when it ends. */
async function wholeOf(answer: IncomingMessage): Promise<void> {
  answer.resume();
  await once(answer, 'end');
}
