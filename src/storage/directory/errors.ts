import { BackupError, NotFoundError, StorageError, messageOf } from '../../model/errors.ts';

/** The errno name of a failed system call (`ENOENT`), empty for anything else. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const advice: Readonly<Record<string, { readonly hint?: string; readonly transient?: boolean }>> = {
  EACCES: { hint: 'check who may write and read this directory' },
  EPERM: { hint: 'check who may write and read this directory' },
  EROFS: { hint: 'the file system is mounted read-only' },
  ENOSPC: {
    hint: 'the file system is full, of data or of files (df, df -i): prune old backups; where not even a lock can be written any more, free 100 KiB by hand first',
  },
  EDQUOT: {
    hint: 'the quota is used up: prune old backups; where not even a lock can be written any more, free 100 KiB by hand first',
  },
  ENAMETOOLONG: { hint: 'file systems take names of at most 255 bytes' },
  EEXIST: { hint: 'part of the path is a file where a directory must be' },
  ENOTDIR: { hint: 'part of the path is a file where a directory must be' },
  EISDIR: { hint: 'there is a directory where a file must be' },
  EXDEV: { hint: 'the directories below the location must lie on one file system' },
  EMFILE: { hint: 'too many open files: raise the limit (ulimit -n) or transfer fewer at once', transient: true },
  ENFILE: { hint: 'too many open files on this host', transient: true },
  // What network file systems answer while their server is away or has moved a file.
  EIO: { transient: true },
  ESTALE: { transient: true },
  ETIMEDOUT: { transient: true },
  EAGAIN: { transient: true },
  EBUSY: { transient: true },
};

/** The error the core throws for a failed system call; errors that are not one are given back unchanged. */
export function directoryError(error: unknown, doing: string, url: string, key: string): unknown {
  const code = codeOf(error);
  if (code === '' || error instanceof BackupError) {
    return error;
  }
  const what = key === '' ? url : `${url}/${key}`;
  if (code === 'ENOENT') {
    return new NotFoundError(`${what} does not exist`, { cause: error });
  }
  return new StorageError(`cannot ${doing} ${what}: ${messageOf(error)}`, { key, cause: error, ...advice[code] });
}

/** Whether nothing more can be written: no room, no inode, no quota. */
export function isFull(error: unknown): boolean {
  return (
    ['ENOSPC', 'EDQUOT'].includes(codeOf(error)) || (error instanceof Error && error.cause !== undefined && isFull(error.cause))
  );
}
