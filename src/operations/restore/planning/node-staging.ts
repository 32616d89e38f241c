import { randomBytes } from 'node:crypto';
import { type LeftStaging, findStagings, stagingHomes } from '../../../cluster/placing/left-stagings.ts';
import { type Staging, defaultStaging, lookAtStaging } from '../../../cluster/placing/staging.ts';
import type { RestoreMethod } from '../../../model/restore/method.ts';
import type { ClearedStaging } from '../../../model/restore/restore-result.ts';
import type { Member } from '../../nodes/members.ts';
import type { NodeLocks } from '../../nodes/node-locks.ts';
import type { NodeWork, StagingPlace } from '../options.ts';

export interface StagingQuestion {
  readonly method: RestoreMethod;
  /** The directory that was asked for. */
  readonly directory: string | undefined;
  readonly dryRun: boolean;
  /** What the directory of this run is called, the same on all nodes. */
  readonly run: string;
  readonly locks: NodeLocks;
}

/** A name for the directories of a run, as `runPattern` knows it. */
export function newRun(): string {
  return `restore-${randomBytes(6).toString('hex')}`;
}

/** The directory that was named, or the one in which each run makes its own. Throws RemoteError. */
export async function stagingHome(member: Member, { directory, method }: StagingQuestion, signal: AbortSignal): Promise<string> {
  return directory ?? (await defaultStaging(member, method, signal));
}

/**
 * Says where the files of a node are staged, and looks at what is there; changes nothing. What goes into live tables has a directory
 * of its own for each run, which none but the run itself ever clears while it lives. A run that is dead (its node is locked by us)
 * is gone on with where it staged the very same. Throws UsageError where `lookAtStaging` does, and RemoteError.
 */
export async function planStaging(
  member: Member,
  { home, label }: { readonly home: string; readonly label: string },
  question: StagingQuestion,
  signal: AbortSignal,
): Promise<{ readonly place: StagingPlace; readonly staging: Staging }> {
  const { method, directory, dryRun, run, locks } = question;
  const { dataDirectories } = member.config;
  const isOwn = directory === undefined && method !== 'stage';
  const found = isOwn ? await findStagings(member, [home, ...stagingHomes(member)].filter(isFirst), signal) : [];
  const left =
    dryRun || locks.holds(member) ? found.filter(({ state, foreign }) => state === 'free' && foreign === undefined) : [];
  const again = left.find((each) => each.label === label && each.directory !== home);
  const own = again?.directory ?? `${home}/${run}`;
  const request = { directory: isOwn ? own : home, dataDirectories, label };
  const staging = await lookAtStaging(member.files, request, signal);
  return { place: { request, home, left }, staging };
}

/** What goes before this restore begins. */
export function clearedStagings(work: readonly NodeWork[]): { readonly clears?: readonly ClearedStaging[] } {
  const clears = work.flatMap((node): readonly ClearedStaging[] => {
    const { host } = node.member;
    const { directory, other } = node.staging;
    const left = toClear(node).map(({ directory: path, label, bytes }) => ({ host, directory: path, label, bytes }));
    return other === undefined ? left : [...left, { host, directory, label: other }];
  });
  return clears.length === 0 ? {} : { clears };
}

/** What dead runs have left and this one does not go on with. */
export function toClear({ place: { left, request } }: NodeWork): readonly LeftStaging[] {
  return left.filter(({ directory }) => directory !== request.directory);
}

/** What whoever agrees should know of runs that ended at the wrong moment. */
export function leftWarnings(work: readonly NodeWork[]): readonly string[] {
  const emptied = work.flatMap(({ member, place }) =>
    place.left.flatMap(({ label, emptied: names }) => names.map((name) => ({ name, place: `${label} on ${member.host}` }))),
  );
  return [...new Set(emptied.map(({ name }) => name))].map((name) => {
    const places = emptied.filter((each) => each.name === name).map((each) => each.place);
    return `${name} is empty or in part since a restore of ${places.join(', ')}, which ended after TRUNCATE and before all of it was loaded; ${oldRowsHint}`;
  });
}

/** Where the rows from before a TRUNCATE are. */
export const oldRowsHint: string = 'the rows from before are its snapshot truncated-… on every node, where auto_snapshot is on';

function isFirst(path: string, index: number, paths: readonly string[]): boolean {
  return paths.indexOf(path) === index;
}
