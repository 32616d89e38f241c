/**
 * The errors that the core throws. Each says what failed and where; `hint` says what to do about it; `cause` keeps the
 * reason. A kind of its own stands only where a caller branches on it or the exit code differs.
 */
export interface ErrorOptions {
  readonly cause?: unknown;
  readonly hint?: string | undefined;
}

/** Anything that ended an operation; exit code 1 unless a subclass says otherwise. */
export class BackupError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number = 1;

  constructor(message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.hint = options.hint;
  }
}

/** The user asked for something that cannot be done as asked: a bad flag, a filter that matches nothing. Exit 2. */
export class UsageError extends BackupError {
  override readonly exitCode: number = 2;
}

/** A backup, location or bucket that is not there. Exit 10. */
export class NotFoundError extends BackupError {
  override readonly exitCode: number = 10;
}

/** Somebody else works on the location, or took our lock away. Exit 11. */
export class LockedError extends BackupError {
  override readonly exitCode: number = 11;
}

/** What a stored component was held against: its object's size and checksum, its own size, Cassandra's digest. */
export type IntegrityCheck = 'size' | 'checksum' | 'plain-size' | 'digest';

export interface IntegrityFailure extends ErrorOptions {
  /** Which check of a stored component failed; absent for anything else, such as damage within a container. */
  readonly check?: IntegrityCheck;
}

/** Bytes are not what they should be: a checksum, a size or a structure differs. Exit 4. */
export class IntegrityError extends BackupError {
  override readonly exitCode: number = 4;
  readonly check: IntegrityCheck | undefined;

  constructor(message: string, failure: IntegrityFailure = {}) {
    super(message, failure);
    this.check = failure.check;
  }
}

export interface RemoteFailure extends ErrorOptions {
  readonly host: string;
  /** What was run, for the message; empty when the connection itself failed. */
  readonly command?: string;
  /** Exit status, or undefined when none was seen (signal, lost connection). */
  readonly status?: number | undefined;
  /** Last lines of stderr. */
  readonly stderr?: string;
  /** True when trying again may help (a lost connection, a refused channel). */
  readonly transient?: boolean;
}

/** A host could not be reached, or a command on it failed. */
export class RemoteError extends BackupError {
  readonly host: string;
  readonly command: string;
  readonly status: number | undefined;
  readonly stderr: string;
  readonly transient: boolean;

  constructor(message: string, failure: RemoteFailure) {
    super(message, failure);
    this.host = failure.host;
    this.command = failure.command ?? '';
    this.status = failure.status;
    this.stderr = failure.stderr ?? '';
    this.transient = failure.transient ?? false;
  }
}

/** A command was given up because it took longer than it may: see `--command-timeout`. */
export class OverdueError extends RemoteError {}

export interface StorageFailure extends ErrorOptions {
  /** Key below the location's base, or the location itself. */
  readonly key: string;
  readonly transient?: boolean;
}

/** The object store refused or failed a request. */
export class StorageError extends BackupError {
  readonly key: string;
  readonly transient: boolean;

  constructor(message: string, failure: StorageFailure) {
    super(message, failure);
    this.key = failure.key;
    this.transient = failure.transient ?? false;
  }
}

/** However often it was asked, nothing came back that a store says: the way to it is cut, or something else answers there. */
export class UnreachedError extends StorageError {}

/** A conditional put found the object already there, or changed. */
export class ConditionFailedError extends StorageError {}

/** The server does not know something that was asked for, such as a condition. */
export class UnsupportedError extends StorageError {}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error in one line: what failed, and what to do about it where somebody knows. */
export function reasonOf(error: unknown): string {
  if (error instanceof BackupError && error.hint !== undefined) {
    return `${error.message} (${error.hint})`;
  }
  return error instanceof Error ? error.message : String(error);
}

/**
 * A text without what makes a signed URL worth something: for as long as it is valid, whoever has all of it may send the request.
 * Proxies and libraries like to quote the URL that they have trouble with.
 */
export function withoutSignatures(text: string): string {
  return text.replaceAll(/(X-Amz-[\w-]+|AWSAccessKeyId|Signature)(=|%3D)[^&\s"'<>]*/gi, '$1$2…');
}
