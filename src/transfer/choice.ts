import { BackupError, UsageError } from '../model/errors.ts';
import type { Remote } from '../cluster/remote.ts';
import type { DirectParts } from './direct/parts.ts';
import type { Source, Target, Transfer } from './transfer.ts';
import { type Candidate, tryOut } from './direct/probe.ts';

export type TransferMode = 'direct' | 'relay' | 'auto';

/** Which way a node's bytes go, and why. */
export interface TransferChoice {
  readonly name: 'direct' | 'relay';
  readonly reason: string;
  /** What whoever runs it should know besides. */
  readonly note?: string;
}

export interface ChoiceOptions {
  readonly mode: TransferMode;
  /** Absent where the location signs no requests. */
  readonly direct?: DirectParts | undefined;
  /** False where nothing is compressed. */
  readonly needsLzop: boolean;
  /** Whether the node will send objects, and not only fetch them. */
  readonly writes: boolean;
}

/**
 * The choice is direct where a node can: it has the programs, and an answer of the store to a signed request that it sent
 * itself. Throws UsageError when direct is asked for and impossible; what else goes wrong with the node is thrown as it is.
 */
export async function chooseTransfer(
  candidate: Candidate,
  { mode, direct, needsLzop, writes }: ChoiceOptions,
  signal: AbortSignal,
): Promise<TransferChoice> {
  if (mode === 'relay') {
    return { name: 'relay', reason: 'asked for' };
  }
  const { host } = candidate.remote;
  const { obstacle, note } =
    direct === undefined
      ? { obstacle: 'the location is a directory of this host' }
      : await tryOut(direct, candidate, { needsLzop, writes }, signal);
  if (obstacle === undefined) {
    return { name: 'direct', reason: `${host} reaches the store`, ...(note === undefined ? {} : { note }) };
  }
  if (mode === 'auto') {
    return { name: 'relay', reason: obstacle, ...(note === undefined ? {} : { note }) };
  }
  throw new UsageError(`${host} cannot transfer directly: ${obstacle}`, {
    hint: 'leave out --transfer direct: bytes then go through this host where they must',
  });
}

/** Each node's units go the way that was chosen for it. */
export function chosenTransfer(ways: ReadonlyMap<Remote, Transfer>): Transfer {
  const wayOf = (remote: Remote): Transfer => {
    const way = ways.get(remote);
    if (way === undefined) {
      throw new BackupError(`no transfer was chosen for ${remote.host}`);
    }
    return way;
  };
  return {
    upload: (from, unit: readonly Source[], signal) => wayOf(from).upload(from, unit, signal),
    download: (unit: readonly Target[], landing, to, signal) => wayOf(to).download(unit, landing, to, signal),
  };
}
