import { numberOf } from '../node-sum.ts';
import { atMost } from '../fetch.ts';
import { proveRead } from '../proof.ts';
import { type CksumPart, combinedCksum } from '../../codec/cksum.ts';
import { type Remote } from '../../cluster/remote.ts';
import { type RateLimit } from '../../flow/rate-limit.ts';
import { IntegrityError, RemoteError } from '../../model/errors.ts';
import { type StoredBytes, type Upload } from '../../model/backup/upload-plan.ts';
import { type SignedParts, type SignedRequest } from '../../storage/object-store.ts';
import { type Answer, answerError, isStored } from './curl-answer.ts';
import { converse } from './conversation.ts';
import { curlConfig } from './curl-config.ts';
import { type DirectParts, beforeAgain, mebibyte } from './parts.ts';
import { nicely } from '../../cluster/niceness.ts';
import { nodeCommand } from './node-scripts.ts';
import { type Source } from '../transfer.ts';

/** Streams of a node for whose parts there should be room in its memory. */
const streamsWithRoom = 4;

/** What a container begins and ends with. */
const magic = '894c5a4f000d0a1a0a';
const endOfMember = '00000000';

/**
 * One file, sent by its node in parts that are signed one at a time, when their bytes are at hand. What fits one part is put in
 * one request. Nothing becomes an object before the node has said that every stage of its pipe ended well and that it read
 * as many bytes as the listing promised.
 */
export async function uploadLarge(
  parts: DirectParts,
  from: Remote,
  { upload, path }: Source,
  signal: AbortSignal,
): Promise<StoredBytes> {
  const partBytes = parts.signer.partBytes(atMost(upload.component.bytes));
  const command = nodeCommand('send', streamsWithRoom * partBytes, path, String(partBytes / mebibyte), upload.compression);
  const talk = converse(from, nicely(command, parts.niceness ?? 0), signal);
  const sending = new Sending(parts, from, upload, signal);
  try {
    for await (const line of talk.lines) {
      const answer = await sending.hear(line);
      if (answer !== undefined) {
        talk.say(answer);
      }
    }
    return await sending.complete();
  } catch (error) {
    await sending.abort();
    throw error;
  } finally {
    talk.end();
  }
}

/** The control host's half of the conversation with the script `send`. */
class Sending {
  readonly #parts: DirectParts;
  readonly #host: string;
  readonly #limit: RateLimit | undefined;
  readonly #upload: Upload;
  readonly #signal: AbortSignal;
  readonly #sums: CksumPart[] = [];
  readonly #etags: string[] = [];
  #inParts: SignedParts | undefined;
  #failures = 0;
  #proven = false;
  #whole = false;

  constructor(parts: DirectParts, from: Remote, upload: Upload, signal: AbortSignal) {
    this.#parts = parts;
    this.#host = from.host;
    this.#limit = parts.limitOf?.(from);
    this.#upload = upload;
    this.#signal = signal;
  }

  /** What the script has to be told, if it waits for something. */
  async hear(line: string): Promise<string | undefined> {
    const [word = '', ...words] = line.split(' ');
    switch (word) {
      case 'HEAD':
        this.#refuse(words[0] !== magic, 'is no lzop container');
        return undefined;
      case 'TAIL':
        // Of a last part that is shorter the rest of the end lies in the part before.
        this.#refuse(words[0]?.length === endOfMember.length && words[0] !== endOfMember, 'breaks off');
        return undefined;
      case 'END':
        this.#end(words[0]);
        return undefined;
      case 'PART':
        this.#part(numberOf(words[0]), numberOf(words[1]));
        return await this.#signed();
      case 'SENT':
        return await this.#sent(words);
      default:
        throw new RemoteError(`${this.#host} printed what was not expected: ${line.slice(0, 200)}`, { host: this.#host });
    }
  }

  async complete(): Promise<StoredBytes> {
    const { key } = this.#upload;
    const { cksum: storedCksum, bytes: storedBytes } = combinedCksum(this.#sums);
    this.#prove(this.#proven);
    this.#provePlain(storedBytes);
    const etag = this.#inParts === undefined ? this.#etags[0] : (await this.#inParts.complete(this.#etags, this.#signal)).etag;
    this.#whole = true;
    if (etag === undefined) {
      throw new IntegrityError(`${this.#host} sent nothing of ${key}`);
    }
    return { storedBytes, storedCksum, etag };
  }

  async abort(): Promise<void> {
    if (!this.#whole) {
      await this.#inParts?.abort();
    }
  }

  #end(raw: string | undefined): void {
    if (this.#upload.compression === 'lzo') {
      this.#provePlain(numberOf(raw));
    }
    this.#proven = true;
  }

  #part(cksum: number, bytes: number): void {
    this.#sums.push({ cksum, bytes });
    // The last part of a file that is stored as it is: now its size is known.
    if (this.#proven) {
      this.#provePlain(combinedCksum(this.#sums).bytes);
    }
  }

  async #signed(): Promise<string> {
    await this.#limit?.take(this.#sums.at(-1)?.bytes ?? 0, this.#signal);
    const request = { request: await this.#request(), upload: 'p', output: 'o', headers: 'h', writeOut: '%{http_code}' };
    const config = curlConfig([request], this.#limit?.bytesPerSecond);
    return `${Buffer.byteLength(config)}\n${config}`;
  }

  async #request(): Promise<SignedRequest> {
    const { signer } = this.#parts;
    const { key } = this.#upload;
    if (this.#proven && this.#sums.length === 1) {
      return signer.put(key);
    }
    this.#inParts ??= await signer.inParts(key, this.#signal);
    return this.#inParts.sign(this.#sums.length);
  }

  async #sent([curl, http, etag = '', ...said]: readonly string[]): Promise<string> {
    const answer: Answer = { curl: numberOf(curl), http: numberOf(http), etag: bare(etag), said: said.join(' ') };
    if (isStored(answer)) {
      this.#etags.push(answer.etag);
      this.#failures = 0;
      return 'next\n';
    }
    this.#failures += 1;
    await beforeAgain(answerError(this.#host, this.#upload.key, answer), this.#failures, this.#parts.patience, this.#signal);
    return await this.#signed();
  }

  /** Of what is stored as it is the stored bytes are the plain ones. */
  #provePlain(bytes: number): void {
    const { compression, component } = this.#upload;
    if (compression === 'lzo' && this.#proven) {
      return;
    }
    proveRead(component.path, bytes, component.bytes);
  }

  #prove(ended: boolean): void {
    if (!ended) {
      throw new IntegrityError(`${this.#host} did not say how the sending of ${this.#upload.key} ended`);
    }
  }

  #refuse(wrong: boolean, what: string): void {
    if (wrong && this.#upload.compression === 'lzo') {
      throw new IntegrityError(`what lzop on ${this.#host} made of ${this.#upload.component.path} ${what}`);
    }
  }
}

/** `-` stands for no etag; curl leaves the carriage return. */
function bare(etag: string): string {
  return etag === '-' ? '' : etag.replaceAll(/["\r]/g, '');
}
