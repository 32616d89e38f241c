import type { BackupId, NodeManifest, StoredFile } from '../backup/manifest.ts';
import { type TableId, dataPathFor, tableDirectory } from '../sstable.ts';

/**
 * What can be wrong with a backup. A listing shows `manifest` (one is missing or unreadable), `table` (not every node's part has
 * it, so rows of it may be in none), `schema` (the stored schema does not make a table with its id, so it cannot be restored), `missing` (an object of this
 * backup), `dangling` (an object of another backup that this one points at is missing), `size`, `etag` (the object was
 * written again), `orphan` (an object that no manifest names: waste, no damage), `foreign` (what somebody else has laid there). Reading shows `unreadable`, `checksum` (the
 * object's own), `container` (a block of it), `plain-size`, `digest` (Cassandra's).
 */
export type ProblemKind =
  | 'manifest'
  | 'table'
  | 'schema'
  | 'missing'
  | 'dangling'
  | 'size'
  | 'etag'
  | 'orphan'
  | 'foreign'
  | 'unreadable'
  | 'checksum'
  | 'container'
  | 'plain-size'
  | 'digest';

export interface Problem {
  readonly kind: ProblemKind;
  /** The backup that suffers from it. */
  readonly backup: BackupId;
  /** The node's name in the backup; empty for what belongs to no node. */
  readonly host: string;
  /** `<keyspace>/<table>-<id>/<component>`; empty for what is no component. */
  readonly path: string;
  readonly key: string;
  readonly detail: string;
  /** What the object should hold; absent for manifests and orphans. */
  readonly component?: WantedComponent;
}

/** A component whose object is in doubt: enough to find it again on its node and to store it again. */
export interface WantedComponent extends NamedFile {
  readonly hostId: string;
  /** The etag of the object that lies under the key now. */
  readonly etag?: string;
}

/** A line of a node's manifest, the table it stands under, and the digest of the sstable that it belongs to. */
export interface NamedFile {
  readonly table: TableId;
  readonly file: StoredFile;
  readonly digest?: string;
}

export interface SeenObject {
  readonly bytes: number;
  readonly etag: string;
}

/** How the objects of a node's part are judged. */
export interface Rules {
  /** Whether a key lies in the backup's own directory of this node. */
  readonly isOwn: (key: string) => boolean;
  /** Whether an etag proves anything (see ObjectStore.etagsOfContent). */
  readonly etags: boolean;
}

export function filesOf(manifest: NodeManifest): readonly NamedFile[] {
  return manifest.tables.flatMap(({ keyspace, table: name, id, files }) => {
    const table = { keyspace, table: name, id };
    const digests = new Map(files.map(({ path, digest }) => [path, digest]));
    return files.map((file) => {
      const digest = digests.get(dataPathFor(file.path) ?? '');
      return digest === undefined ? { table, file } : { table, file, digest };
    });
  });
}

/** Holds every file of a node's manifest against the objects that a listing showed. */
export function listedProblems(
  manifest: NodeManifest,
  files: readonly NamedFile[],
  objects: ReadonlyMap<string, SeenObject>,
  rules: Rules,
): readonly Problem[] {
  return files.flatMap((named) => {
    const { key, storedBytes, etag } = named.file;
    const object = objects.get(key);
    if (object === undefined) {
      return rules.isOwn(key)
        ? [componentProblem('missing', 'the object is missing', manifest, named)]
        : [componentProblem('dangling', `the object of backup ${named.file.since} is missing`, manifest, named)];
    }
    if (object.bytes !== storedBytes) {
      return [
        componentProblem(
          'size',
          `the object has ${object.bytes} bytes, its manifest says ${storedBytes}`,
          manifest,
          named,
          object.etag,
        ),
      ];
    }
    return rules.etags && object.etag !== etag
      ? [
          componentProblem(
            'etag',
            'the object was written again; --read-data tells whether it is right',
            manifest,
            named,
            object.etag,
          ),
        ]
      : [];
  });
}

/** Objects in the node's own directory that its manifest does not name. `known` are those that are no components. */
export function orphanProblems(
  manifest: NodeManifest,
  files: readonly NamedFile[],
  objects: ReadonlyMap<string, SeenObject>,
  isOwn: (key: string) => boolean,
  known: ReadonlySet<string>,
): readonly Problem[] {
  const named = new Set(files.map(({ file }) => file.key));
  return [...objects]
    .filter(([key]) => isOwn(key) && !named.has(key) && !known.has(key))
    .map(([key, { bytes }]) => ({
      kind: 'orphan',
      backup: manifest.backup,
      host: manifest.host,
      path: '',
      key,
      detail: `${bytes} bytes that no manifest of this backup names`,
    }));
}

export function componentProblem(
  kind: ProblemKind,
  detail: string,
  manifest: NodeManifest,
  named: NamedFile,
  etag?: string,
): Problem {
  const { table, file } = named;
  return {
    kind,
    backup: manifest.backup,
    host: manifest.host,
    path: `${tableDirectory(table)}/${file.path}`,
    key: file.key,
    detail,
    component: { ...named, hostId: manifest.node.hostId, ...(etag === undefined ? {} : { etag }) },
  };
}

/**
 * A sample of at least `percent` of the stored bytes, one file at least. Which files is decided by the seed and their keys
 * alone, so that the same seed chooses the same ones again.
 */
export function sampleFiles(files: readonly NamedFile[], percent: number, seed: string): readonly NamedFile[] {
  if (percent >= 100) {
    return files;
  }
  const wanted = (files.reduce((sum, { file }) => sum + file.storedBytes, 0) * percent) / 100;
  const shuffled = files
    .map((named) => ({ named, order: hash(`${seed}/${named.file.key}`) }))
    .toSorted((a, b) => a.order - b.order || (a.named.file.key < b.named.file.key ? -1 : 1));
  const sample: NamedFile[] = [];
  let bytes = 0;
  for (const { named } of shuffled) {
    if (sample.length > 0 && bytes >= wanted) {
      break;
    }
    sample.push(named);
    bytes += named.file.storedBytes;
  }
  return sample;
}

/** Problems that mean that data cannot be restored as it was; orphans only take room, and what is not ours means nothing. */
export function isDamage(problem: Problem): boolean {
  return problem.kind !== 'orphan' && problem.kind !== 'foreign';
}

/** FNV-1a with MurmurHash3's last mixing, without which keys that differ at their ends stay neighbours. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
