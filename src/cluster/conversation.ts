import { setImmediate } from 'node:timers/promises';
import { BackupError } from '../model/errors.ts';
import type { Command, Remote } from './remote.ts';

/**
 * A program on a node that asks and is answered: it prints lines, and what is said to it arrives on its standard input. Like
 * any command it has ended well only when `lines` ends without an error (see `cluster/remote.ts`).
 */
export interface Conversation {
  readonly lines: AsyncIterable<string>;
  say(text: string | Uint8Array): void;
  /** Nothing more will be said. To be called when `lines` is left, however that came about. */
  end(): void;
}

export function converse(remote: Remote, command: Command, signal: AbortSignal): Conversation {
  const said = new Sayings();
  return {
    lines: linesOf(remote.read(command, { input: said.read() }, signal)),
    say: (text) => said.add(text),
    end: () => said.end(),
  };
}

/** Characters; far more than a program has to say at once. */
const longestLine = 1 << 20;

/** What a program prints, line by line. Throws BackupError for a line without an end. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) {
      throw new BackupError('a line without an end came from a node');
    }
    yield* lines;
  }
  if (rest !== '') {
    yield rest;
  }
}

/** What is to be said, until it is fetched. */
class Sayings {
  readonly #waiting: (string | Uint8Array)[] = [];
  #over = false;
  #wake = (): void => {};

  add(text: string | Uint8Array): void {
    this.#waiting.push(text);
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    while (true) {
      if (this.#waiting.length > 0) {
        // What is said in one turn goes in one packet: each costs a cipher and a write of its own.
        await setImmediate();
        const texts = this.#waiting.splice(0);
        yield Buffer.concat(texts.map((text) => (typeof text === 'string' ? Buffer.from(text) : text)));
      } else if (this.#over) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}
