import PQueue from 'p-queue';

/** Nodes whose files are all in memory at once: a node of 100,000 components takes some 100 MB while it is planned. */
const wholeNodesAtOnce = 3;
/** Batches of many small files that are on their way at once, over all nodes: up to 500 files each (`batchLimits`). */
const batchesAtOnce = 12;

/**
 * Keeps the memory of a run from growing with the number of its nodes. Every node uploads side by side with the others, but
 * only a few are listed, planned and written down at a time; in between their files are parked.
 */
export class MemoryGate {
  readonly #whole = new PQueue({ concurrency: wholeNodesAtOnce });
  readonly #batches = new PQueue({ concurrency: batchesAtOnce });

  /** Work that holds all files of a node. */
  async wholeNode<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#whole.add(async () => unlessAborted(work, signal));
  }

  /** The same for work that ends a node's part: it goes before what begins another's. */
  async lastOfNode<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#whole.add(async () => unlessAborted(work, signal), { priority: 1 });
  }

  /** Work on a batch of many files. */
  async batch<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#batches.add(async () => unlessAborted(work, signal));
  }
}

/** The queue's own signal is of no use: that one gives up what still runs, and nobody would wait until it has cleared up. */
async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return work();
}
