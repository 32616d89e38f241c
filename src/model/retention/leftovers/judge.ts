import { holderText, lockTimes, looksSilent, type SeenLock } from '../../lock.ts';
import { isHalfDone, undoCommand } from '../../restore/restart-plan.ts';
import {
  type ClearWish,
  type FileRemains,
  type Leftover,
  type NodeRemains,
  type StagingRemains,
  type StoredRemains,
  type UndoRemains,
  justNowSeconds,
} from './leftover.ts';
import { judgeSnapshot, type KnownRuns } from './snapshots.ts';

type Verdict = Pick<Leftover, 'belongsTo' | 'remove' | 'because'>;

/** All that one node has of ours, and what is to become of it: snapshots first, then by name. */
export function judgeNode(node: NodeRemains, known: KnownRuns, wish: ClearWish): readonly Leftover[] {
  const { host } = node;
  return [
    ...node.snapshots.flatMap(({ name, bytes, ageSeconds }) => {
      const verdict = judgeSnapshot(node, name, known, wish);
      const all = { kind: 'snapshot' as const, host, name, bytes, ageSeconds };
      return verdict === undefined ? [] : [{ ...all, ...(node.hostId === undefined ? withoutServer(verdict) : verdict) }];
    }),
    ...node.undo.map((each) => ({ kind: 'undo' as const, host, ...figures(each), ...judgeUndo(node, each, wish) })),
    ...node.staging.map((each) => ({ kind: 'staging' as const, host, ...figures(each), ...judgeStaging(node, each, wish) })),
    ...node.files.map((each) => ({ kind: each.kind, host, ...figures(each), ...judgeFile(node, each) })),
  ];
}

/** Only its server clears a snapshot: what it knows of them it keeps in mind. */
function withoutServer(verdict: Verdict): Verdict {
  return verdict.remove
    ? { ...verdict, remove: false, because: 'Cassandra gives no answer there, and only it clears snapshots' }
    : verdict;
}

function figures({ name, bytes, ageSeconds }: Pick<Required<Leftover>, 'name' | 'bytes' | 'ageSeconds'>) {
  return { name, bytes, ageSeconds };
}

/** Why nothing of a restore may be touched on a node at this moment. */
function atWork({ busy }: Pick<NodeRemains, 'busy'>): string | undefined {
  return busy === 'yes'
    ? 'a restore is at work on the node'
    : busy === 'unknown'
      ? 'nobody can say whether a restore is at work there: flock (util-linux) is not there, or its file cannot be written'
      : undefined;
}

function judgeUndo(node: NodeRemains, { name, phase, isDown }: UndoRemains, { undoData }: ClearWish): Verdict {
  const belongsTo = phase === undefined ? `restore ${name}, whose journal is gone` : `restore ${name} (${phase})`;
  const keep = (because: string) => ({ belongsTo, remove: false, because });
  const reason = atWork(node);
  if (reason !== undefined) {
    return keep(reason);
  }
  if (isDown || (phase !== undefined && isHalfDone(phase))) {
    return keep(`it broke off in the middle: ${undoCommand(name, [node.host])}, with all its nodes, takes it back`);
  }
  if (undoData.includes(name)) {
    return { belongsTo, remove: true, because: 'given up by --undo-data' };
  }
  return keep(
    phase === 'placed'
      ? `restore --undo ${name} needs it; --undo-data ${name} gives it up`
      : `rows may be there that nothing else has; --undo-data ${name} gives them up`,
  );
}

function judgeStaging(
  node: NodeRemains,
  { name, label, foreign, busy, ageSeconds }: StagingRemains,
  { staged }: ClearWish,
): Verdict {
  const belongsTo = label === '' ? 'a restore' : `a restore of ${label}`;
  const keep = (because: string) => ({ belongsTo, remove: false, because });
  const reason = atWork(node) ?? atWork({ busy });
  if (reason !== undefined) {
    return keep(reason);
  }
  if (foreign !== undefined) {
    return keep(`it belongs to ${foreign}: remove it as that user`);
  }
  const half = node.undo.find(({ phase, isDown }) => isDown || (phase !== undefined && isHalfDone(phase)));
  if (half !== undefined) {
    return keep(`restore ${half.name} broke off in the middle and may need it`);
  }
  if (ageSeconds < justNowSeconds) {
    return keep('it was changed a moment ago');
  }
  // What a person has asked to be fetched waits for that person.
  return isStagedForPeople(name) && !staged
    ? keep('it is to be put in place by hand; --staged removes it')
    : { belongsTo, remove: true, because: 'it can be fetched again' };
}

/** The directory of `restore --method stage`. */
function isStagedForPeople(path: string): boolean {
  return path.startsWith('/tmp/cassandra_restore');
}

function judgeFile(node: NodeRemains, { kind, used, ageSeconds, inData }: FileRemains): Verdict {
  const belongsTo = kind === 'login' ? 'a program that was given a login' : 'a run that was killed';
  const keep = (because: string) => ({ belongsTo, remove: false, because });
  const reason = inData ? atWork(node) : undefined;
  return reason !== undefined
    ? keep(reason)
    : used
      ? keep('a program that runs was given it')
      : ageSeconds < justNowSeconds
        ? keep('it was made a moment ago')
        : { belongsTo, remove: true, because: 'whoever made it is gone' };
}

/** Unfinished uploads may be of runs to other locations in the same bucket, which no lock of this one keeps out. */
export const uploadSeconds = 86_400;
/** So long after it was stored nobody is at work any more on what is stored for moments. */
export const storedSeconds = 3600;

/** What lies in a location, and what is to become of it. */
export function judgeStored({ kind, key, bytes, ageSeconds }: StoredRemains): Leftover {
  const limit = kind === 'upload' ? uploadSeconds : kind === 'mark' ? 0 : storedSeconds;
  const remove = ageSeconds >= limit;
  const [belongsTo, why, whyNot] = ofStored[kind];
  return { kind, name: key, bytes, ageSeconds, belongsTo, remove, because: remove ? why : whyNot };
}

const ofStored: Readonly<Record<StoredRemains['kind'], readonly [belongsTo: string, why: string, whyNot: string]>> = {
  upload: [
    'an upload that was never finished',
    'nothing can read it, and it takes room',
    'younger than a day: somebody may be sending it',
  ],
  mark: ['a run that has become a backup', 'the backup is committed', ''],
  reading: ['a restore that reads here', 'it has said nothing for an hour', 'a restore may be reading'],
  probe: ['a node that tried out the store', 'it is of no use any more', 'a node may be trying out the store'],
};

/** The lock of a location that somebody seems to have left. */
export function judgeLock(lock: SeenLock, now: Date): Leftover {
  const remove = looksSilent(lock, lockTimes.staleSeconds * 1000, now);
  return {
    kind: 'lock',
    name: 'lock.json',
    ageSeconds: Math.max(0, Math.round((now.getTime() - Date.parse(lock.modified)) / 1000)),
    belongsTo: holderText(lock, now),
    remove,
    because: remove
      ? 'it is taken over when it does not change for a minute'
      : 'somebody is at work here: nothing is cleared meanwhile',
  };
}

/** What somebody wants to be rid of, and nobody has found. */
export function unmetWishes(found: readonly Leftover[], { unfinished, undoData }: ClearWish): readonly string[] {
  const runs = unfinished.filter(
    (id) => id !== 'all' && !found.some(({ kind, belongsTo }) => kind === 'snapshot' && belongsTo.includes(id)),
  );
  const restores = undoData.filter((id) => !found.some(({ kind, name }) => kind === 'undo' && name === id));
  return [
    ...runs.map((id) => `no snapshot of an unfinished run ${id} was found`),
    ...restores.map((id) => `nothing of a restore ${id} was found`),
  ];
}
