import { createGunzip } from 'node:zlib';
import { IntegrityError } from '../../model/errors.ts';

/** Bytes that a node's manifest has at most when it is unpacked: three million files. */
export const mostPlainBytes: number = 1024 ** 3;

/** Characters that a pattern is held against: a file of a manifest has a few hundred, ten thousand if its names are as long as can be. */
const windowCharacters = 32_768;

/**
 * The text of a gzipped object, unpacked as it is read, of which never more than is asked for is held: three megabytes can hold three
 * gigabytes, and V8 ends the process where a text becomes too long. Throws IntegrityError where it is no gzip file, or too long.
 */
export class ManifestText {
  readonly #key: string;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #held = '';
  #at = 0;
  #bytes = 0;
  #isOver = false;

  constructor(zipped: Uint8Array, key: string) {
    const gunzip = createGunzip({ chunkSize: 64 * 1024 });
    gunzip.end(zipped);
    const chunks: AsyncIterable<Uint8Array> = gunzip;
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#key = key;
  }

  /** The next line, without its end; undefined where there is none any more. */
  async line(mostCharacters: number): Promise<string | undefined> {
    const parts: string[] = [];
    let length = 0;
    for (let ended = false; !ended && (this.#at < this.#held.length || (await this.#more()));) {
      const end = this.#held.indexOf('\n', this.#at);
      ended = end >= 0;
      const part = this.#held.slice(this.#at, ended ? end : undefined);
      length += part.length;
      if (length > mostCharacters) {
        throw new IntegrityError(`${this.#key} is damaged: it has a line of more than ${mostCharacters} characters`);
      }
      parts.push(part);
      this.#at = ended ? end + 1 : this.#held.length;
    }
    return parts.length === 0 ? undefined : parts.join('');
  }

  /** Passes over the rest of a line, however long it is. */
  async skipLine(): Promise<void> {
    while (this.#at < this.#held.length || (await this.#more())) {
      const end = this.#held.indexOf('\n', this.#at);
      this.#at = end >= 0 ? end + 1 : this.#held.length;
      if (end >= 0) {
        return;
      }
    }
  }

  /** What comes next, where a sticky pattern fits it; undefined where it does not, and nothing is taken then. */
  async take(pattern: RegExp): Promise<RegExpExecArray | undefined> {
    while (this.#held.length - this.#at < windowCharacters && (await this.#more())) {
      // Until a window is held, or all that there is.
    }
    const window = this.#held.slice(this.#at, this.#at + windowCharacters);
    pattern.lastIndex = 0;
    const found = pattern.exec(window) ?? undefined;
    this.#at += found?.[0].length ?? 0;
    return found;
  }

  /** Leaves it in the middle. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    if (this.#isOver) {
      return false;
    }
    let next: IteratorResult<Uint8Array>;
    try {
      next = await this.#chunks.next();
    } catch (cause) {
      throw new IntegrityError(`${this.#key} is no gzip file`, { cause });
    }
    if (next.done === true) {
      this.#isOver = true;
      return false;
    }
    this.#bytes += next.value.byteLength;
    if (this.#bytes > mostPlainBytes) {
      throw new IntegrityError(`${this.#key} is damaged: unpacked it is longer than ${mostPlainBytes} bytes`);
    }
    this.#held = this.#held.slice(this.#at) + this.#decoder.decode(next.value, { stream: true });
    this.#at = 0;
    return true;
  }
}
