import type { Remote } from '../../../src/cluster/remote.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';

/** What the program reaches through its doors. */
export interface Surroundings {
  /** Throws RemoteError where there is no way to the node. */
  connect(host: string, signal: AbortSignal): Promise<Remote>;
  openStore(base: string, signal: AbortSignal): Promise<ObjectStore>;
  isAlive(host: string, pid: number): boolean;
}

let current: Surroundings | undefined;

export function surroundWith(surroundings: Surroundings): void {
  current = surroundings;
}

export function currentWorld(): Surroundings {
  if (current === undefined) {
    throw new Error('nothing is simulated yet');
  }
  return current;
}
