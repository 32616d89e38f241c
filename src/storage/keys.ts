import { isBackupId } from '../model/backup/backup-id.ts';
import type { BackupId, BackupRef, Compression } from '../model/backup/manifest.ts';
import { isKey } from './object-store.ts';
import { type TableId, isKnownComponent, parseTableDirectory, tableDirectory, tableName } from '../model/sstable.ts';

/**
 * The bucket layout, format 1, and nothing else. The specification is docs/format.md; no other file builds a key.
 * Keys are relative to the location's base path.
 */

/** It is written last; its presence means that the backup is complete. */
export function backupManifestKey(ref: BackupRef): string {
  return `${backupPrefix(ref)}${names.manifest}`;
}

/** Exists from the first to the last moment of a run. */
export function inProgressKey(ref: BackupRef): string {
  return `${backupPrefix(ref)}${names.inProgress}`;
}

/** `nodetool ring`, as printed. */
export function ringTextKey(ref: BackupRef): string {
  return `${backupPrefix(ref)}ring`;
}

export function ringKey(ref: BackupRef): string {
  return `${backupPrefix(ref)}ring.json`;
}

export function schemaKey(ref: BackupRef): string {
  return `${backupPrefix(ref)}schema.cql`;
}

/** Statements that put the compression dictionaries back; only where there are some. */
export function dictionariesKey(ref: BackupRef): string {
  return `${backupPrefix(ref)}${names.dictionaries}`;
}

export function nodeManifestKey(ref: BackupRef, host: string): string {
  return `${hostPrefix(ref, host)}${names.nodeManifest}`;
}

/** What a node has stored so far, while its part is not finished. */
export function draftKey(ref: BackupRef, host: string): string {
  return `${hostPrefix(ref, host)}${names.draft}`;
}

/** The name of an object below its backup's directory. */
export function nameIn(ref: BackupRef, key: string): string {
  return key.slice(backupPrefix(ref).length);
}

/** What there is of a backup beside its manifest and its nodes. */
export function clusterKeys(ref: BackupRef): readonly string[] {
  return [ringTextKey(ref), ringKey(ref), schemaKey(ref), dictionariesKey(ref)];
}

/** Prefix of all objects of one node in a backup. */
export function hostPrefix(ref: BackupRef, host: string): string {
  return `${backupPrefix(ref)}${host}/`;
}

/** The object of one component; `path` is below the table's snapshot directory, index directories included. */
export function componentKey(ref: BackupRef, host: string, table: TableId, path: string, compression: Compression): string {
  return `${hostPrefix(ref, host)}${tableDirectory(table)}/${path}${compression === 'lzo' ? '.lzo' : ''}`;
}

/**
 * The path of a component that a later attempt at a run stores: each attempt has keys of its own, so that what an earlier one had on its
 * way, from a host that does not know yet that the run was taken over, takes nobody's place.
 */
export function pathOfAttempt(attempt: string | undefined, path: string): string {
  return attempt === undefined ? path : `again-${attempt}/${path}`;
}

/**
 * What every component's key looks like, and no other object's: a directory of a table in that of a node in that of a backup. It is held
 * against each key of a manifest, a million of them; `placeOf` takes a key apart.
 */
export const componentKeyForm: RegExp =
  /^[A-Za-z0-9][\w.:-]*\/(?:incrementals\/[A-Za-z0-9][\w.:-]*\/)?[A-Za-z0-9_][\w.:%-]*\/[\w$][\w.$:!-]*\/[\w$][\w.$:!-]*-[0-9a-f]{32}\/./;

/** Prefix of the node and backup that a component's key lies in: `<backup>/<host>/`, in an incremental one two more. */
export function hostPrefixOf(key: string): string {
  const segments = key.split('/');
  return `${segments.slice(0, segments[1] === names.incrementals ? 4 : 2).join('/')}/`;
}

/** Prefix of everything that a backup wrote. */
export function backupPrefix(ref: BackupRef): string {
  return ref.parent === undefined ? `${ref.id}/` : `${incrementalsPrefix(ref.parent)}${ref.id}/`;
}

/** Prefix below which a snapshot backup's incremental backups lie. */
export function incrementalsPrefix(parent: BackupId): string {
  return `${parent}/${names.incrementals}/`;
}

/** Says that a snapshot backup must not become a parent any more, and why: plain text. */
export function closedKey(parent: BackupId): string {
  return `${parent}/${names.closed}`;
}

/** True when a host's name can stand as one segment of a key. */
export function isHostSegment(host: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/.test(host) && !reserved.has(host);
}

/**
 * Bytes that the object of a key has at most; only for those that are read as a whole. 10,000 tables and 1,000 nodes make a manifest of
 * 2.5 MB, 1,000 nodes of 256 tokens each a ring of 8 MB, 10,000 tables a schema of 30 MB; a dictionary of zstd has 64 KiB, and some
 * tables have several; a node's manifest has 40 bytes for each file.
 */
export function mostBytesAt(key: string): number {
  return mebibyte * (mostMebibytes.get(key.slice(key.lastIndexOf('/') + 1)) ?? 16);
}

const mebibyte = 1024 ** 2;

/** Where a key lies, and what it is there. */
export interface KeyPlace {
  /** The backup whose directory it is. */
  readonly ref: BackupRef;
  /**
   * `cluster`: ring, schema and the like. `file`: it lies below a table's directory and has no name that a component is known to have there,
   * so only a manifest can tell whether it is ours. Undefined for what this program does not write there.
   */
  readonly role: 'manifest' | 'mark' | 'cluster' | 'node-manifest' | 'draft' | 'component' | 'file' | undefined;
}

/** Takes a key apart; undefined when it lies in no directory that can be a backup's, or is none that could be ours. */
export function placeOf(key: string): KeyPlace | undefined {
  if (!isKey(key)) {
    return undefined;
  }
  const [first = '', second, third = '', ...deeper] = key.split('/');
  if (second === undefined || !isBackupId(first)) {
    return undefined;
  }
  if (second === names.incrementals) {
    return isBackupId(third) && deeper.length > 0
      ? placeIn({ id: third, parent: first }, deeper)
      : { ref: { id: first }, role: undefined };
  }
  return placeIn({ id: first }, key.split('/').slice(1));
}

function placeIn(ref: BackupRef, [first = '', second, ...deeper]: readonly string[]): KeyPlace {
  if (second === undefined) {
    // A parent is a snapshot backup: nothing closes an incremental one.
    return { ref, role: first === names.closed && ref.parent !== undefined ? undefined : clusterRoles.get(first) };
  }
  if (!isHostSegment(first)) {
    return { ref, role: undefined };
  }
  if (deeper.length === 0) {
    return { ref, role: nodeRoles.get(second) };
  }
  const [table = '', ...path] = deeper;
  if (path.length === 0 || !tableName.test(second) || parseTableDirectory(second, table) === undefined) {
    return { ref, role: undefined };
  }
  return { ref, role: isComponentPath(path) ? 'component' : 'file' };
}

/** Below a table's directory: what a later attempt has stored lies in one of its own, what is of an index in that of the index. */
function isComponentPath(path: readonly string[]): boolean {
  const inAttempt = /^again-[0-9a-f]{8}$/.test(path[0] ?? '') ? path.slice(1) : path;
  const [file = '', ...more] = /^\.\w+$/.test(inAttempt[0] ?? '') ? inAttempt.slice(1) : inAttempt;
  return more.length === 0 && isKnownComponent(file.replace(/\.lzo$/, ''));
}

const names = {
  manifest: 'manifest.json',
  inProgress: 'in-progress.json',
  nodeManifest: 'manifest.json.gz',
  draft: 'draft.json.gz',
  incrementals: 'incrementals',
  closed: 'chain-closed.txt',
  dictionaries: 'compression-dictionaries.cql',
} as const;

const reserved: ReadonlySet<string> = new Set([
  names.incrementals,
  names.manifest,
  names.inProgress,
  names.closed,
  names.dictionaries,
  'ring',
  'ring.json',
  'schema.cql',
]);

const clusterRoles: ReadonlyMap<string, KeyPlace['role']> = new Map([
  [names.manifest, 'manifest'],
  [names.inProgress, 'mark'],
  [names.closed, 'cluster'],
  [names.dictionaries, 'cluster'],
  ['ring', 'cluster'],
  ['ring.json', 'cluster'],
  ['schema.cql', 'cluster'],
]);

const mostMebibytes: ReadonlyMap<string, number> = new Map([
  [names.closed, 1],
  ['ring.json', 64],
  ['schema.cql', 64],
  [names.dictionaries, 128],
  [names.nodeManifest, 256],
  [names.draft, 256],
]);

const nodeRoles: ReadonlyMap<string, KeyPlace['role']> = new Map([
  [names.nodeManifest, 'node-manifest'],
  [names.draft, 'draft'],
]);
