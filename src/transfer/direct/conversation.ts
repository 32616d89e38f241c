import { setImmediate } from 'node:timers/promises';
import type { Command, Remote } from '../../cluster/remote.ts';

/**
 * A script on a node that asks and is answered: it prints lines, and what is said to it arrives on its standard input. Like
 * any command it has ended well only when `lines` ends without an error (see `cluster/remote.ts`).
 *
 * What the script prints must be small and few: a line is held until its end.
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

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n');
    rest = lines.pop() ?? '';
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
