import type { BackupId, SignatureCounts } from '../backup/manifest.ts';
import { type Problem, isDamage } from './verify-plan.ts';

/** What `--repair` did about an object; `detail` says how it was mended, or why it was not. */
export interface Mending {
  readonly mended: boolean;
  readonly detail: string;
}

export interface VerifyResult {
  readonly location: string;
  /** What was asked for: an id (`latest` is resolved), or `all`. */
  readonly backup: BackupId;
  /** What was looked at, oldest first: an incremental backup brings its parent and the ones between. */
  readonly backups: readonly BackupId[];
  /** Unfinished runs, of which only the nodes that are whole were looked at. */
  readonly unfinished: readonly BackupId[];
  /** Degraded ones, and the nodes that they lack: what they hold was looked at. */
  readonly degraded: readonly { readonly id: BackupId; readonly missing: readonly string[] }[];
  readonly problems: readonly Problem[];
  /** Components looked at, in all manifests, and the bytes of their objects. */
  readonly objects: number;
  readonly bytes: number;
  /** Objects read to their end, and their bytes. */
  readonly readObjects: number;
  readonly readBytes: number;
  /** How much was to be read, and what chose the sample. */
  readonly sample?: ReadSample;
  /** Where there was a key. */
  readonly signatures?: SignatureCounts | undefined;
  /** What `--repair` did, by the object's key. */
  readonly mendings: ReadonlyMap<string, Mending>;
}

export interface ReadSample {
  /** The share of the stored bytes of every node; 100 reads everything. */
  readonly percent: number;
  readonly seed: string;
}

/** True when nothing is left that would keep data from coming back. */
export function isSound({ problems, mendings }: Pick<VerifyResult, 'problems' | 'mendings'>): boolean {
  return problems.every((problem) => !isDamage(problem) || mendings.get(problem.key)?.mended === true);
}
