import type { Node } from '../ring/ring.ts';
import type { TableId } from '../sstable.ts';
import type { StoredSum } from './stored-sum.ts';
import type { Owner } from '../lock.ts';

/** Name of a backup: its directory below the base path, and part of the nodetool tag. */
export type BackupId = string;

export type BackupKind = 'snapshot' | 'incremental';

/** Where a backup lies: an incremental backup is stored inside its parent snapshot backup. */
export interface BackupRef {
  readonly id: BackupId;
  readonly parent?: BackupId;
}

/** How an object's bytes relate to the component's: an `lzop` container, or the bytes themselves. */
export type Compression = 'lzo' | 'none';

/** A component and the object that holds it. */
export interface StoredFile extends StoredSum {
  /** Path below the table directory, as in Component. */
  readonly path: string;
  readonly bytes: number;
  readonly modified: string;
  readonly disk: number;
  /** Key below the location's base; in an earlier backup's directory when the component was not uploaded again. */
  readonly key: string;
  readonly compression: Compression;
  readonly storedBytes: number;
  readonly etag: string;
  /** The backup that uploaded the object: the manifest's own, or an earlier one where it is reused. */
  readonly since: BackupId;
  /** Cassandra's own Digest of a Data.db, the CRC-32 of its bytes on disk, 8 hexadecimal digits. */
  readonly digest?: string;
}

export interface StoredTable extends TableId {
  readonly files: readonly StoredFile[];
}

/** One per node and backup; immutable once written (`<backup>/<host>/manifest.json.gz`). */
export interface NodeManifest {
  readonly format: 1;
  readonly backup: BackupId;
  readonly kind: BackupKind;
  readonly parent?: BackupId;
  readonly host: string;
  readonly node: Node;
  readonly cassandra: string;
  /** The nodetool tag. */
  readonly snapshot: string;
  /** When the snapshot was taken, ISO 8601 UTC. */
  readonly takenAt: string;
  readonly dataDirectories: readonly string[];
  readonly tables: readonly StoredTable[];
  /** Whether Cassandra kept incremental files when a snapshot backup was taken; only then can a chain begin here. */
  readonly keepsIncrementals?: boolean;
  /**
   * What lay in Cassandra's `backups/` directories before the snapshot of a snapshot backup was taken. It belongs to an
   * older chain and never joins this one's incremental backups.
   */
  readonly setAside?: readonly SetAsideFile[];
}

/** A file in a `backups/` directory; `path` is `<keyspace>/<table>-<id>/<component>`. */
export interface SetAsideFile {
  readonly path: string;
  readonly bytes: number;
  readonly modified: string;
}

/** What a finished backup says of one node. */
export interface NodeSummary {
  readonly host: string;
  readonly hostId: string;
  readonly address: string;
  readonly dc: string;
  readonly rack: string;
  readonly cassandra: string;
  readonly files: number;
  readonly bytes: number;
  /** What this backup itself uploaded. */
  readonly newFiles: number;
  readonly newBytes: number;
  readonly storedBytes: number;
  /** When its own snapshot was taken, where `--resume` added the node to a degraded backup later. */
  readonly takenAt?: string;
}

/** A node that a backup was to hold and does not. */
export interface MissingNode {
  readonly host: string;
  /** Empty where nobody could say which member of the ring it is. */
  readonly hostId: string;
  /** In one line. */
  readonly reason: string;
}

/** A keyspace of which a backup does not hold every replica. */
export interface ThinKeyspace {
  readonly keyspace: string;
  /** Percent of the ring where replicas are lacking. */
  readonly share: number;
}

/**
 * The backup's own manifest (`<backup>/manifest.json`), written last: its presence means that the backup is committed. Format
 * 1 is a complete one. Format 2 is a degraded one, so that a reader that knows nothing of missing nodes refuses it.
 */
export interface BackupManifest {
  readonly format: 1 | 2;
  /** Format 2 only, as the two after it. */
  readonly state?: 'degraded';
  readonly missing?: readonly MissingNode[];
  readonly thin?: readonly ThinKeyspace[];
  readonly id: BackupId;
  readonly kind: BackupKind;
  readonly parent?: BackupId;
  readonly cluster: string;
  readonly partitioner: string;
  /** When the snapshots were taken (the first node's), ISO 8601 UTC. */
  readonly takenAt: string;
  readonly finishedAt: string;
  /** The nodetool tag of its snapshots. Absent in incremental backups, and in those of older versions: `tagOf`. */
  readonly snapshot?: string;
  /** The `-K` patterns as given; empty means everything. */
  readonly selection: readonly string[];
  /** The series that it belongs to (`--policy`); each has a retention of its own. */
  readonly policy?: string;
  readonly tables: readonly TableId[];
  readonly nodes: readonly NodeSummary[];
  /** How many nodes the ring has, when not all of them were named: their data is not in the backup. */
  readonly ringNodes?: number;
  /** Name and version of the program that wrote it. */
  readonly writtenBy: string;
  /**
   * Of an incremental backup: the ids of what it is nothing without, its parent first. Absent in older ones. That one of them was
   * taken away would not show otherwise.
   */
  readonly standsOn?: readonly BackupId[];
  /** Where it was signed; last, as the signature is of everything before it. */
  readonly signed?: Signed;
}

/** Who vouches for a backup, and for which objects besides its own manifest. */
export interface Signed {
  /**
   * By their names below the backup's directory: the SHA-256 of their bytes, in hexadecimal; two while one is being replaced. What
   * is not named here is no part of the backup.
   */
  readonly objects: Readonly<Record<string, readonly string[]>>;
  readonly keyId: string;
  readonly hmac: string;
}

/** How many of the objects that say what a backup is had a signature, which was right, and how many had none. */
export interface SignatureCounts {
  readonly checked: number;
  readonly unsigned: number;
}

/** A run that is not finished (`<backup>/in-progress.json`); it stays when a run failed, and says what happened. */
export interface InProgress {
  readonly format: 1;
  readonly id: BackupId;
  readonly kind: BackupKind;
  readonly parent?: BackupId;
  readonly startedAt: string;
  readonly updatedAt: string;
  /** As in `BackupManifest`. */
  readonly snapshot?: string;
  readonly owner: Owner;
  readonly selection: readonly string[];
  readonly policy?: string;
  /** When it ended with nodes that failed; absent while it is at work, and where it was killed or interrupted. */
  readonly endedAt?: string;
  readonly nodes: readonly NodeProgress[];
  readonly writtenBy: string;
  /** Whose attempt at the run it is: the token of the lock that it has; absent in older marks. */
  readonly token?: string;
  /** The text of `manifest.json`, as it is to be put: with it the run is committed. */
  readonly manifest?: string;
}

export interface NodeProgress {
  readonly host: string;
  readonly hostId: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly error?: string;
}
