/** What a system call fails with, as Linux names it. */
export type Code = keyof typeof texts;

/** As strerror says it in the C locale. */
const texts = {
  EACCES: 'Permission denied',
  EBADF: 'Bad file descriptor',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  EINVAL: 'Invalid argument',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMLINK: 'Too many links',
  ENAMETOOLONG: 'File name too long',
  ENOENT: 'No such file or directory',
  ENOEXEC: 'Exec format error',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  ENOTEMPTY: 'Directory not empty',
  ENXIO: 'No such device or address',
  EPERM: 'Operation not permitted',
  EPIPE: 'Broken pipe',
  EROFS: 'Read-only file system',
  ESRCH: 'No such process',
  EXDEV: 'Invalid cross-device link',
} as const;

/** A system call that failed. Programs say it in their own words and go on or end; it never leaves the host. */
export class Errno extends Error {
  override readonly name = 'Errno';
  readonly code: Code;

  constructor(code: Code) {
    super(texts[code]);
    this.code = code;
  }
}

/** As strerror says it. */
export function errorText(code: Code): string {
  return texts[code];
}
