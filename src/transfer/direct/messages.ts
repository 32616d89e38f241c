import { RemoteError } from '../../model/errors.ts';
import type { Landing } from '../transfer.ts';

/** The words of `node_part.py`, whose head says what each of them means. */

export const protocolVersion = 1;

/** What begins the conversation. */
export interface Greeting {
  readonly version: number;
  /** Bytes per second of all streams together; null where they may be as fast as they can. */
  readonly rate: number | null;
  /** Bytes that may be held at once. */
  readonly memory: number;
  /** Certificates of authorities that are trusted besides the system's, PEM. */
  readonly authorities: string | null;
}

/** A file of the node, or a text that is sent as if it were one. */
export type FileToSend = { readonly bytes: number; readonly lzo: boolean } &
  /** `below`: how many names at the end of the path are none of links. */
  ({ readonly path: string; readonly below: number } | { readonly text: string });

export interface ObjectToFetch {
  /** Below the landing's directory; of no matter where there is none, and the object is only looked at. */
  readonly path: string;
  readonly bytes: number;
  readonly plain: number;
  readonly lzo: boolean;
  readonly turned: boolean;
  readonly sha256?: boolean;
}

/** A unit of work: one file in parts or many files, one object as a stream or many objects. */
export type Order =
  | { readonly upload: readonly FileToSend[]; readonly part: number | null; readonly sha256?: boolean }
  | { readonly download: readonly ObjectToFetch[]; readonly alone: boolean; readonly landing: Landing | null };

/** Number and CRC-32 of some bytes. */
export interface NodeSum {
  readonly bytes: number;
  readonly crc: number;
  /** Of an object's bytes, once all of them have passed, where it was asked for. */
  readonly sha256?: string;
}

/** What came of a request that a node sent. */
export interface Answer {
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  readonly etag: string;
  /** What the store said of a refusal, or the node of a connection. */
  readonly said: string;
  /** False where the store's certificate is not trusted on the node. */
  readonly trusted: boolean;
}

export type NodeMessage =
  /** Of the program, not of a unit: it is still there. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'begun' }
  | { readonly kind: 'ready'; readonly item: number; readonly last: boolean; readonly sum: NodeSum; readonly plain?: NodeSum }
  | { readonly kind: 'sent'; readonly item: number; readonly answer: Answer }
  | { readonly kind: 'got'; readonly item: number; readonly answer: Answer; readonly sum: NodeSum }
  | { readonly kind: 'written'; readonly item: number; readonly plain: NodeSum }
  | { readonly kind: 'failed'; readonly failure: string; readonly item: number | undefined; readonly said: string }
  | { readonly kind: 'done' };

/** Reads the first line that a node says. Throws RemoteError unless it speaks this version. */
export function readGreeting(host: string, line: string): void {
  const fields = new Fields(host, line);
  if (fields.count('version') !== protocolVersion) {
    throw fields.unexpected();
  }
}

/** Reads a line, and of which unit it speaks. Throws RemoteError where it is none of the protocol's. */
export function readMessage(host: string, line: string): { readonly unit: number; readonly message: NodeMessage } {
  const fields = new Fields(host, line);
  return { unit: fields.count('unit'), message: messageIn(fields) };
}

function messageIn(fields: Fields): NodeMessage {
  if (fields.has('alive')) {
    return { kind: 'alive' };
  }
  if (fields.has('begin')) {
    return { kind: 'begun' };
  }
  if (fields.has('ready')) {
    const plain = fields.has('plain') ? { plain: fields.plain() } : {};
    return { kind: 'ready', item: fields.count('ready'), last: fields.flag('last'), sum: fields.sum(), ...plain };
  }
  if (fields.has('sent')) {
    return { kind: 'sent', item: fields.count('sent'), answer: { ...fields.answer(), etag: fields.text('etag') } };
  }
  if (fields.has('got')) {
    return { kind: 'got', item: fields.count('got'), answer: fields.answer(), sum: fields.sum() };
  }
  if (fields.has('written')) {
    return { kind: 'written', item: fields.count('written'), plain: fields.plain() };
  }
  if (fields.has('failed')) {
    const item = fields.has('item') ? fields.count('item') : undefined;
    return { kind: 'failed', failure: fields.text('failed'), item, said: fields.text('said') };
  }
  if (fields.flag('done')) {
    return { kind: 'done' };
  }
  throw fields.unexpected();
}

/** The fields of a line, each of the type that is asked for. A node is not trusted to say what it should. */
class Fields {
  readonly #host: string;
  readonly #line: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(host: string, line: string) {
    this.#host = host;
    this.#line = line;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      value = undefined;
    }
    this.#values = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  }

  has(name: string): boolean {
    return (this.#values.get(name) ?? undefined) !== undefined;
  }

  count(name: string): number {
    const value = this.#values.get(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw this.unexpected();
    }
    return value;
  }

  text(name: string): string {
    const value = this.#values.get(name);
    if (typeof value !== 'string') {
      throw this.unexpected();
    }
    return value;
  }

  flag(name: string): boolean {
    const value = this.#values.get(name);
    if (typeof value !== 'boolean') {
      throw this.unexpected();
    }
    return value;
  }

  crc(name: string): number {
    const value = this.count(name);
    if (value > 0xffffffff) {
      throw this.unexpected();
    }
    return value;
  }

  sha256(): string {
    const value = this.text('sha256');
    if (!/^[0-9a-f]{64}$/.test(value)) {
      throw this.unexpected();
    }
    return value;
  }

  plain(): NodeSum {
    return { bytes: this.count('plain'), crc: this.crc('plain_crc') };
  }

  sum(): NodeSum {
    const sum = { bytes: this.count('bytes'), crc: this.crc('crc') };
    return this.has('sha256') ? { ...sum, sha256: this.sha256() } : sum;
  }

  answer(): Answer {
    return { status: this.count('status'), etag: '', said: this.text('said'), trusted: this.flag('trusted') };
  }

  unexpected(): RemoteError {
    const shown = JSON.stringify(this.#line.slice(0, 200));
    return new RemoteError(`${this.#host} said what was not expected: ${shown}`, { host: this.#host });
  }
}
