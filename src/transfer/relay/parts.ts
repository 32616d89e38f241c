import type { Remote } from '../../cluster/remote.ts';
import type { LzoPool } from '../../codec/lzo/pool.ts';
import type { RateLimit } from '../../flow/rate-limit.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export interface RelayParts {
  readonly store: ObjectStore;
  readonly pool: LzoPool;
  /** Whether the node has the `lzop` program; without it the control host compresses and decompresses. */
  readonly hasLzop: (remote: Remote) => boolean;
  /** What all streams of a node share; absent where they may be as fast as they can. */
  readonly limitOf?: (remote: Remote) => RateLimit | undefined;
  /** Whether the SHA-256 of what is stored is wanted too. */
  readonly sha256?: boolean;
  /** The niceness of what compresses on the node: see `nicely`. */
  readonly niceness?: number;
}

/** Small objects of one batch that are put or fetched side by side: with a thousand at once it took 60 MB more. */
export const objectsAtOnce = 16;
