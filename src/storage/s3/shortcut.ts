import { checksumText } from './sums.ts';
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { S3Connection } from './client.ts';
import { isStranger } from './genuine.ts';
import type { Sign } from './signer.ts';
import type { Sent } from './upload.ts';

/** Connecting may take so long, and then a silence may last so long. */
const connectionMs = 10_000;
const silenceMs = 120_000;
/** After a store has said that it has too much to do, all is left to the SDK for so long: it waits between its tries. */
const restMs = 5000;
/** Requests in a row that were refused here and done by the SDK, after which all are left to it. */
const mostRefusals = 3;

/** What came of a request; status 0 where there was no answer. */
type Tried<T> = { readonly done: T } | { readonly status: number };

/** An object that is being read. */
export interface OpenedObject {
  readonly stream: Readable;
  /** Where the stream ends, in bytes from the object's beginning. */
  readonly end: number;
  /** The etag with its quotes. */
  readonly etag: string | undefined;
}

/**
 * Puts and gets whole objects by requests that we sign and send ourselves. The SDK takes 0.9 ms of CPU for a request, however
 * small the object is, and this 0.3: most of what a backup of many small files costs the control host.
 *
 * Only success counts here. Whatever else comes (a refusal, too many requests, another region, a cut connection) is dropped,
 * and the SDK does the request anew: it knows how to try again and what errors mean. Both are harmless to repeat. A store
 * that does not take such requests is noticed, and no longer bothered with them.
 */
export class Shortcut {
  readonly #connection: S3Connection;
  readonly #sign: Sign;
  #refusals = 0;
  #restUntil = 0;

  constructor(connection: S3Connection, sign: Sign) {
    this.#connection = connection;
    this.#sign = sign;
  }

  /** Puts an object under its whole key; by `otherwise` where that does not work. Throws what that throws. */
  async put(key: string, bytes: Uint8Array, otherwise: () => Promise<Sent>, signal: AbortSignal): Promise<Sent> {
    const request = async (): Promise<Tried<Sent>> => {
      const headers = { ...this.#connection.placementHeaders, 'x-amz-checksum-crc32': checksumText(crc32(bytes)) };
      const answer = await this.#send({ method: 'PUT', key, headers }, bytes, signal);
      const { statusCode: status = 0, headers: said } = answer;
      // A refusal may come while bytes are still being sent, out of memory that is about to be used again.
      if (status === 200) {
        answer.resume();
      } else {
        answer.destroy();
      }
      return status === 200 && said.etag !== undefined && !isPage(said) ? { done: { ETag: said.etag } } : { status };
    };
    return this.#either(request, otherwise, signal);
  }

  /** Opens the object of a whole key from its beginning; by `otherwise` where that does not work. Throws what that throws. */
  async get<T>(key: string, otherwise: () => Promise<T>, signal: AbortSignal): Promise<OpenedObject | T> {
    const request = async (): Promise<Tried<OpenedObject>> => {
      const stream = await this.#send({ method: 'GET', key }, undefined, signal);
      const { statusCode: status = 0, headers } = stream;
      const length = headers['content-length'];
      if (status === 200 && length !== undefined && headers.etag !== undefined && !isPage(headers)) {
        return { done: { stream, end: Number(length), etag: headers.etag } };
      }
      // What came without its length could be of any length.
      if (status === 200) {
        stream.destroy();
      } else {
        stream.resume();
      }
      return { status };
    };
    return this.#either(request, otherwise, signal);
  }

  async #either<T, O>(request: () => Promise<Tried<T>>, otherwise: () => Promise<O>, signal: AbortSignal): Promise<T | O> {
    if (this.#refusals >= mostRefusals || performance.now() < this.#restUntil) {
      return otherwise();
    }
    const { renewal } = this.#connection;
    const renewedBefore = renewal.count;
    const tried = await request().catch(() => ({ status: 0 }));
    signal.throwIfAborted();
    if ('done' in tried) {
      this.#refusals = 0;
      return tried.done;
    }
    if (tried.status === 503 || tried.status === 429) {
      this.#restUntil = performance.now() + restMs;
    }
    const result = await otherwise();
    // What was refused for credentials that have ended says nothing of the store.
    if (isRefusal(tried.status) && renewal.count === renewedBefore) {
      this.#refusals += 1;
    }
    return result;
  }

  async #send(
    request: { readonly method: 'GET' | 'PUT'; readonly key: string; readonly headers?: Readonly<Record<string, string>> },
    body: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const { url, headers } = await this.#sign(request);
    const { agents } = this.#connection;
    const secure = url.startsWith('https:');
    const options: https.RequestOptions = {
      method: request.method,
      headers: body === undefined ? headers : { ...headers, 'content-length': body.byteLength },
      agent: secure ? agents.https : agents.http,
      timeout: connectionMs,
      signal,
    };
    return new Promise((resolve, reject) => {
      const sent = (secure ? https : http).request(url, options, resolve);
      sent.on('error', reject);
      sent.once('socket', (socket) => {
        if (socket.connecting) {
          socket.once(secure ? 'secureConnect' : 'connect', () => sent.setTimeout(silenceMs));
        } else {
          sent.setTimeout(silenceMs);
        }
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.end(body);
    });
  }
}

/** A page for people is nobody's object: the SDK's way says whose it is. */
function isPage(headers: http.IncomingHttpHeaders): boolean {
  return isStranger({ statusCode: 200, headers: { 'content-type': headers['content-type'] ?? '' } });
}

/**
 * Whether a status counts against the shortcut: not where the store, or the way to it, has too much to do, for that passes. A
 * 200 gets here when it could not be used.
 */
function isRefusal(status: number): boolean {
  return status === 200 || status === 501 || (status >= 300 && status < 500 && ![408, 409, 429].includes(status));
}
