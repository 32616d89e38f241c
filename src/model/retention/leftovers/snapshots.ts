import { type Backup, byTime, isDegraded, missingFrom, nodesOf, type Survey, takenAtOf } from '../../backup/backup.ts';
import { resumedUntilSeconds, seriesOf } from '../../chain/unfinished-run.ts';
import { parseTag, tagOf } from '../../node/snapshot-tag.ts';
import type { ClearWish, Leftover, NodeRemains } from './leftover.ts';

/** What a location says of snapshots. */
export interface KnownRuns {
  readonly locationId: string;
  readonly survey: Survey;
  /** By the location's clock. */
  readonly now: Date;
}

type Verdict = Pick<Leftover, 'belongsTo' | 'remove' | 'because'>;

/**
 * What is to become of a snapshot of ours; undefined for one that is none of ours. What a finished backup or a run that is gone has left
 * goes. What a run could go on with stays, unless it is given up, and so does what may be another location's.
 */
export function judgeSnapshot(
  { host, hostId }: Pick<NodeRemains, 'host' | 'hostId'>,
  tag: string,
  known: KnownRuns,
  wish: ClearWish,
): Verdict | undefined {
  const ours = parseTag(tag);
  if (ours === undefined) {
    return undefined;
  }
  const { id, location } = ours;
  const byHand = `nodetool clearsnapshot -t ${tag} clears it`;
  const backup = known.survey.backups.find((each) => each.parent === undefined && each.id === id);
  // What a mark or manifest here names is this location's, by whatever endpoint it was reached then.
  if (backup !== undefined && tagOf(backup) === tag) {
    return ofBackup(backup, { host, hostId }, known, wish);
  }
  if (location !== undefined && location !== known.locationId) {
    return {
      belongsTo: `${id} of another location (${location})`,
      remove: false,
      because: `clear with that location; ${byHand}`,
    };
  }
  if (location === undefined) {
    const because = `an older version took it, maybe for another location; ${byHand}`;
    return { belongsTo: `${id}, of which this location does not know it`, remove: false, because };
  }
  if (known.survey.damaged.some((each) => each.parent === undefined && each.id === id)) {
    return { belongsTo: id, remove: false, because: 'what this location says of it cannot be read' };
  }
  if (backup === undefined) {
    // The digits of the location are in no other tag: a run of it has taken this, or somebody who wants it to be taken for one.
    return { belongsTo: `${id} of this location`, remove: true, because: 'no backup or run of that name is there (any more)' };
  }
  return ofBackup(backup, { host, hostId }, known, wish);
}

function ofBackup(backup: Backup, node: Pick<NodeRemains, 'host' | 'hostId'>, known: KnownRuns, wish: ClearWish): Verdict {
  const { id } = backup;
  const isNode = (each: { readonly host: string; readonly hostId: string }) =>
    each.hostId === '' || node.hostId === undefined ? each.host === node.host : each.hostId === node.hostId;
  if (backup.committed && !(isDegraded(backup) && missingFrom(backup).some(isNode))) {
    return { belongsTo: `backup ${id}`, remove: true, because: 'the backup has the data of this node' };
  }
  const belongsTo = backup.committed ? `degraded backup ${id}, which lacks this node` : `unfinished run ${id}`;
  if (!backup.committed && backup.progress.nodes.some((each) => each.state === 'done' && isNode(each))) {
    return { belongsTo, remove: true, because: 'the run has stored the data of this node' };
  }
  const later = laterThan(backup, known.survey.backups);
  if (later !== undefined) {
    return { belongsTo, remove: true, because: `${later.id} came after it: it cannot be gone on with` };
  }
  if (backup.committed && known.now.getTime() - Date.parse(takenAtOf(backup)) > resumedUntilSeconds * 1000) {
    return { belongsTo, remove: true, because: 'the backup is too old to be given another node' };
  }
  return wish.unfinished.includes(id) || wish.unfinished.includes('all')
    ? { belongsTo, remove: true, because: 'given up by --unfinished' }
    : { belongsTo, remove: false, because: `backup --resume can go on with it; --unfinished ${id} gives it up` };
}

/** What came after a backup or run on nodes of it, in its series: then nobody goes on with it. */
function laterThan(backup: Backup, backups: readonly Backup[]): Backup | undefined {
  const { selection, policy } = backup.committed ? backup.manifest : backup.progress;
  const hosts = [...nodesOf(backup), ...missingFrom(backup)].map(({ host }) => host);
  return seriesOf(backups, { selection, policy, hosts }).find((other) => byTime(other, backup) > 0);
}
