import type { Remote } from '../cluster/remote.ts';
import type { StoredFile } from '../model/backup/manifest.ts';
import type { StoredBytes, Upload } from '../model/backup/upload-plan.ts';

/** A component on a node and where its bytes lie there. */
export interface Source {
  readonly upload: Upload;
  /** Absolute path on the node. */
  readonly path: string;
}

/** An object of the store and the path below the landing's directory that its plain bytes get. */
export interface Target {
  readonly file: StoredFile;
  readonly path: string;
}

/** Where on a node the files of a unit land: they are whoever's the commands there run as, with modes 640 and 750. */
export interface Landing {
  /** Absolute; it exists. */
  readonly directory: string;
  /** Its device and inode, in decimal with a colon between: nothing is written where another has its name. */
  readonly identity: string;
  /** Below `directory`, for this unit alone: what is fetched lies there until all of it is proved. */
  readonly incoming: string;
}

/**
 * How bytes travel between a node and the store. A unit is one large file or a batch of small ones (see
 * `model/backup/batches.ts`); it succeeds or fails as a whole and may be repeated.
 *
 * - `upload` stores every file of the unit under its key and gives what was stored, in order. It has proved that exactly the
 *   number of plain bytes was read that the listing promised and that every program on the way ended well; for a Data.db
 *   whose plain bytes could be seen (`docs/direct.md` says when), that they have Cassandra's digest. An object that fails the
 *   proof is never left in the store.
 * - `download` writes the plain bytes of each file to its path, whose directories it makes. It has proved the object's size,
 *   the container's own checksums and, for a Data.db, Cassandra's digest, for others the object's checksum; what lies under a
 *   file's own path is whole. On failure files of this unit may be left half-written where they came in.
 *
 * Throws RemoteError, StorageError or IntegrityError.
 */
export interface Transfer {
  upload(from: Remote, unit: readonly Source[], signal: AbortSignal): Promise<readonly StoredBytes[]>;
  download(unit: readonly Target[], landing: Landing, to: Remote, signal: AbortSignal): Promise<void>;
}
