import type { ClearWish, Leftover } from '../../model/retention/leftovers/leftover.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import type { MemberParts } from '../nodes/members.ts';

export interface LeftoverOptions {
  /** Nodes; none to look at the location alone. */
  readonly hosts: readonly string[];
  /** A node by which the others are found, where `hosts` is empty. */
  readonly seed?: string | undefined;
  readonly wish: ClearWish;
}

export interface LeftoverParts extends MemberParts {
  readonly repository: Repository;
}

/** What was found, by node and in the location, and what could not be looked at. */
export interface Leftovers {
  readonly location: string;
  readonly found: readonly Leftover[];
  /** Nodes that nobody could look at, and why. */
  readonly absent: readonly { readonly host: string; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/** What became of one of them. */
export interface ClearedLeftover extends Leftover {
  readonly cleared: boolean;
  readonly error?: string;
}

export interface ClearResult extends Omit<Leftovers, 'found'> {
  readonly dryRun: boolean;
  readonly found: readonly ClearedLeftover[];
}
