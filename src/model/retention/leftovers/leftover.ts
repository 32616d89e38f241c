import type { PlacingPhase } from '../../restore/restart-plan.ts';

/** What a run that was killed, or that nobody went on with, can leave behind. */
export type LeftoverKind =
  /** A snapshot of ours on a node. */
  | 'snapshot'
  /** A directory that a restore fetches files into. */
  | 'staging'
  /** What a restore by node restart moved aside, and its journal: what `restore --undo` needs. */
  | 'undo'
  /** A file with a login for nodetool or cqlsh. */
  | 'login'
  /** A file that never got its name, or was to be gone a moment later. */
  | 'temporary'
  /** An object that was never finished: it is in no listing and takes room. */
  | 'upload'
  /** The mark of a run that is over. */
  | 'mark'
  | 'lock'
  /** Says that somebody reads a backup. */
  | 'reading'
  /** An object by which a node tried out whether it reaches the store. */
  | 'probe';

/** One of them, and what is to become of it. */
export interface Leftover {
  readonly kind: LeftoverKind;
  /** The node; absent for what lies in the location. */
  readonly host?: string;
  /** The tag of a snapshot, the id of a restore, a path on the node, or a key of the location. */
  readonly name: string;
  /** Undefined where it is not known. Of a snapshot: what the disk gets back at least, as the live tables do not hold it any more. */
  readonly bytes?: number | undefined;
  /** By the clock of where it lies. */
  readonly ageSeconds?: number | undefined;
  /** In words. */
  readonly belongsTo: string;
  readonly remove: boolean;
  /** Why, and what would have it removed that is kept. */
  readonly because: string;
}

/** What a person asked for besides what is safe anyway. */
export interface ClearWish {
  /** Unfinished runs that nobody will go on with, by id; `all` for all of them. */
  readonly unfinished: readonly string[];
  /** Restores that nobody will take back, by id. */
  readonly undoData: readonly string[];
  /** Files that `restore --method stage` has fetched. */
  readonly staged: boolean;
}

/** What was found on one node. Times are seconds by the node's own clock. */
export interface NodeRemains {
  readonly host: string;
  /** Undefined where Cassandra gives no answer. */
  readonly hostId: string | undefined;
  /** A restore is at work there at this moment; or nobody can say whether one is. */
  readonly busy: 'no' | 'yes' | 'unknown';
  readonly snapshots: readonly Remains[];
  readonly undo: readonly UndoRemains[];
  readonly staging: readonly StagingRemains[];
  readonly files: readonly FileRemains[];
}

/** A tag, an id or a path, with what it holds. */
export interface Remains {
  readonly name: string;
  readonly bytes: number;
  readonly ageSeconds: number;
}

export interface UndoRemains extends Remains {
  /** What the journal says; undefined where there is none. */
  readonly phase: PlacingPhase | undefined;
  /** Whether the restore took the node down and has not seen it up again. */
  readonly isDown: boolean;
}

export interface StagingRemains extends Remains {
  /** What is staged there, as the restore called it; empty where it was ended before it said so. */
  readonly label: string;
  /** Who owns it, where that is somebody else than the owner of the data. */
  readonly foreign: string | undefined;
  /** Whether a run is at work in it. */
  readonly busy: NodeRemains['busy'];
}

export interface FileRemains extends Remains {
  readonly kind: 'login' | 'temporary';
  /** Whether a program that runs was given its name. */
  readonly used: boolean;
  /** Whether it lies in a data directory. */
  readonly inData: boolean;
}

/** An object, or one that was never finished. */
export interface StoredRemains {
  readonly kind: 'upload' | 'mark' | 'reading' | 'probe';
  readonly key: string;
  readonly bytes?: number | undefined;
  readonly ageSeconds: number;
}

/** Seconds in which what a program was just making is not taken for left behind. */
export const justNowSeconds = 600;

export function idOf({ kind, host = '', name }: Pick<Leftover, 'kind' | 'host' | 'name'>): string {
  return [kind, host, name].join('\n');
}
