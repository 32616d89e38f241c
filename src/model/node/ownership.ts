import { visibleInLine } from '../visible.ts';

/** A file, directory or link on the way to a path, itself included, as it was found. */
export interface Step {
  readonly path: string;
  /** The mode with the type of the file: `st_mode` of stat(2). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user: string;
  readonly group: string;
  /** The first group of the user whom it belongs to, where he is known there. */
  readonly ownGroup?: number | undefined;
}

/** A path, and everything that decides what lies there: all directories above it, and those of the links on the way. */
export interface Way {
  readonly path: string;
  /** The path itself first, or what is nearest above it. */
  readonly steps: readonly Step[];
  /** It is not there (yet). */
  readonly missing: boolean;
  /** A part of the way that the login may not look at. */
  readonly unseen?: string | undefined;
}

const types = { mask: 0o170000, link: 0o120000, directory: 0o040000 };
const [byGroup, byAll, sticky] = [0o020, 0o002, 0o1000];

/** What the path leads to in the end: the first step that is no link. Undefined where that is not there. */
function endOf({ steps, missing }: Way): Step | undefined {
  return missing ? undefined : steps.find(({ mode }) => (mode & types.mask) !== types.link);
}

/** The user whom the data belong to: the first of the directories that is there and is not root's; of none root, if one is there. */
export function dataOwnerOf(directories: readonly Way[]): Step | undefined {
  const there = directories.flatMap((way) => endOf(way) ?? []);
  return there.find(({ uid }) => uid !== 0) ?? there[0];
}

/** Who may have a say in what lies at the end of a way, besides root. */
interface Trusted {
  readonly uids: ReadonlySet<number>;
  readonly groups: ReadonlySet<number>;
}

/**
 * Why what lies there may be another's choice than that of root and of the trusted users; undefined when it is theirs alone. Each step of
 * the way must belong to one of them. What everybody may write is everybody's, but in a sticky directory (`/tmp`) each has his own, and
 * that the next step belongs to a trusted user is asked anyway. What a group may write is that group's: root's and a trusted user's own
 * first group let in whom root or that user has let in, any other is refused.
 */
function wayTrouble({ path, steps }: Way, { uids, groups }: Trusted): string | undefined {
  for (const [index, step] of steps.entries()) {
    const what = step.path === path ? visibleInLine(path) : `${visibleInLine(step.path)}, on the way to ${visibleInLine(path)},`;
    if (step.uid !== 0 && !uids.has(step.uid)) {
      return `${what} belongs to ${visibleInLine(step.user)}`;
    }
    const type = step.mode & types.mask;
    // In one that is shared itself everybody has his own, and whoever is the first to make what is not there yet has it.
    const isShared = type === types.directory && (step.mode & sticky) !== 0 && index > 0;
    if (type === types.link || isShared) {
      continue;
    }
    if ((step.mode & byAll) !== 0) {
      return `${what} may be written by everybody`;
    }
    if ((step.mode & byGroup) !== 0 && step.gid !== 0 && !groups.has(step.gid)) {
      return `${what} may be written by the group ${visibleInLine(step.group)}`;
    }
  }
  return undefined;
}

/** What is known of a node's configuration file and directories. */
export interface NodeWays {
  /** User ids that count as root's: the login, which can do what we do. */
  readonly logins: readonly number[];
  /** Of the users that packages make for a server. */
  readonly packageUsers: readonly number[];
  /** Of the processes that read the file. */
  readonly serverUsers: readonly number[];
  readonly file: Way;
  /** Data directories first. */
  readonly directories: readonly Way[];
}

/**
 * Why the configuration of a node is not believed; undefined when it is. All directories belong to one user or to root, that user is the
 * one that the server runs as, and nobody but he, root and the login has a say in the file and in which directories those are.
 */
export function ownershipTrouble({ logins, packageUsers, serverUsers, file, directories }: NodeWays): string | undefined {
  const owner = dataOwnerOf(directories);
  // Where root will work, nobody but root has a say in where; where nothing is there yet, nobody works.
  const data = owner === undefined ? [...packageUsers, ...serverUsers] : [owner.uid];
  if (
    owner !== undefined &&
    owner.uid !== 0 &&
    serverUsers.length > 0 &&
    !serverUsers.some((uid) => uid === 0 || uid === owner.uid)
  ) {
    return `${visibleInLine(owner.path)} belongs to ${visibleInLine(owner.user)}, and the server that reads ${visibleInLine(file.path)} runs as another user (uid ${serverUsers.join(', ')})`;
  }
  const uids = new Set([...logins, ...data]);
  const foreign = directories.flatMap((way) => endOf(way) ?? []).find(({ uid }) => !uids.has(uid) && uid !== 0);
  if (foreign !== undefined && owner !== undefined) {
    return `${visibleInLine(foreign.path)} belongs to ${visibleInLine(foreign.user)}, and ${visibleInLine(owner.path)} to ${visibleInLine(owner.user)}`;
  }
  const steps = [file, ...directories].flatMap((way) => way.steps);
  const groups = new Set(steps.flatMap(({ uid, ownGroup }) => (ownGroup !== undefined && uids.has(uid) ? [ownGroup] : [])));
  return [file, ...directories].map((way) => wayTrouble(way, { uids, groups })).find((trouble) => trouble !== undefined);
}

/** The parts of all ways that the login may not look at. */
export function unseenParts({ file, directories }: NodeWays): readonly string[] {
  return [...new Set([file, ...directories].flatMap(({ unseen }) => (unseen === undefined ? [] : [unseen])))];
}
