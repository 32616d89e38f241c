import type { Remote } from '../../cluster/remote.ts';
import type { RateLimit } from '../../flow/rate-limit.ts';
import { NodePart } from './node-part.ts';

/** How the program of each node is to run. */
export interface ProgramParts {
  /** The node's Python 3, as its shell calls it. */
  readonly pythonOf: (remote: Remote) => string;
  /** What all streams of a node share; absent where they may be as fast as they can. */
  readonly limitOf?: (remote: Remote) => RateLimit | undefined;
  /** Of what runs on the node: see `nicely`. */
  readonly niceness?: number;
  /** Certificates (PEM) that are trusted besides those of the node's system. */
  readonly authorities?: string | undefined;
  /** See `NodeSettings`. */
  readonly greetWithinMs?: number | undefined;
}

/** The programs that run on nodes: one each, begun when it is needed, and anew where it has ended. */
export class NodePrograms {
  readonly #parts: ProgramParts;
  readonly #running = new Map<Remote, NodePart>();

  constructor(parts: ProgramParts) {
    this.#parts = parts;
  }

  on(remote: Remote): NodePart {
    const running = this.#running.get(remote);
    if (running?.isAlive === true) {
      return running;
    }
    const { pythonOf, limitOf, niceness = 0, authorities, greetWithinMs } = this.#parts;
    const rate = limitOf?.(remote)?.bytesPerSecond;
    const begun = new NodePart(remote, { python: pythonOf(remote), niceness, rate, authorities, greetWithinMs });
    this.#running.set(remote, begun);
    return begun;
  }

  /** The node needs its program no more. */
  async end(remote: Remote): Promise<void> {
    await this.#running.get(remote)?.close();
    this.#running.delete(remote);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((remote) => this.end(remote)));
  }
}
