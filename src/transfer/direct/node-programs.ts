import { type Remote } from '../../cluster/remote.ts';
import { NodePart } from './node-part.ts';
import { type DirectParts } from './parts.ts';

/** The programs that run on the nodes of a transfer: one each, begun when it is needed, and anew where it has ended. */
export class NodePrograms {
  readonly #parts: DirectParts;
  readonly #running = new Map<Remote, NodePart>();

  constructor(parts: DirectParts) {
    this.#parts = parts;
  }

  on(remote: Remote): NodePart {
    const running = this.#running.get(remote);
    if (running?.isAlive === true) {
      return running;
    }
    const begun = new NodePart(this.#parts, remote);
    this.#running.set(remote, begun);
    return begun;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((each) => each.close()));
  }
}
