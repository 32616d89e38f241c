import type { Inode } from './inode.ts';

/** Who asks. */
export interface Who {
  readonly uid: number;
  readonly gid: number;
  /** Further groups. */
  readonly groups: readonly number[];
}

export const superuser: Who = { uid: 0, gid: 0, groups: [0] };

export const mayRead = 4;
export const mayWrite = 2;
export const mayEnter = 1;

/** Whether somebody may do this to it: the sum of what is wanted. */
export function allows(inode: Inode, who: Who, wanted: number): boolean {
  if (who.uid === 0) {
    return (wanted & mayEnter) === 0 || inode.kind === 'directory' || (inode.mode & 0o111) !== 0;
  }
  const shift = inode.uid === who.uid ? 6 : isOfGroup(who, inode.gid) ? 3 : 0;
  return ((inode.mode >> shift) & wanted) === wanted;
}

export function isOfGroup(who: Who, gid: number): boolean {
  return who.gid === gid || who.groups.includes(gid);
}

/** Whether somebody may take a name away from a directory that he may write to: of a sticky one only its owner, or the file's. */
export function mayUnname(directory: Inode, inode: Inode, who: Who): boolean {
  return (directory.mode & 0o1000) === 0 || who.uid === 0 || who.uid === inode.uid || who.uid === directory.uid;
}
