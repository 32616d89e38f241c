import { isBackupId } from '../model/backup-id.ts';
import type { Backup } from '../model/backup.ts';
import { byTime } from '../model/backup.ts';
import { IntegrityError, NotFoundError } from '../model/errors.ts';
import type { BackupId, BackupManifest, InProgress, NodeManifest } from '../model/manifest.ts';
import type { Ring } from '../model/ring.ts';
import { backupManifestKey, inProgressKey, nodeManifestKey, ringKey, ringTextKey, schemaKey } from './keys.ts';
import {
  decodeBackupManifest,
  decodeInProgress,
  decodeNodeManifest,
  decodeRing,
  encodeJson,
  encodeNodeManifest,
} from './manifest-format.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * The backups of one location. Nothing here is cached: what the bucket holds is the truth.
 *
 * Order of a run: `begin` (the mark) → objects → node manifests → ring, schema → `commit` (the backup's manifest, only if
 * absent; then the mark goes). A crash between any two leaves a backup that `backups` lists as incomplete.
 */
export class Repository {
  readonly store: ObjectStore;

  constructor(store: ObjectStore) {
    this.store = store;
  }

  /** Every backup and every unfinished run, oldest first. */
  async backups(signal?: AbortSignal): Promise<readonly Backup[]> {
    const ids: BackupId[] = [];
    for await (const name of this.store.directories('', signal)) {
      if (isBackupId(name)) {
        ids.push(name);
      }
    }
    const found = await Promise.all(ids.map((id) => this.backup(id, signal)));
    return found.filter((backup) => backup !== undefined).toSorted(byTime);
  }

  /** Undefined when the directory holds neither a manifest nor the mark of a run: then it is no backup. */
  async backup(id: BackupId, signal?: AbortSignal): Promise<Backup | undefined> {
    const manifest = await this.#read(backupManifestKey(id), decodeBackupManifest, signal);
    if (manifest !== undefined) {
      return { id, complete: true, manifest };
    }
    const progress = await this.#read(inProgressKey(id), decodeInProgress, signal);
    return progress === undefined ? undefined : { id, complete: false, progress };
  }

  async nodeManifest(id: BackupId, host: string, signal?: AbortSignal): Promise<NodeManifest | undefined> {
    const manifest = await this.#read(nodeManifestKey(id, host), decodeNodeManifest, signal);
    if (manifest !== undefined && (manifest.backup !== id || manifest.host !== host)) {
      throw new IntegrityError(`${nodeManifestKey(id, host)} belongs to backup ${manifest.backup} of ${manifest.host}`);
    }
    return manifest;
  }

  async ring(id: BackupId, signal?: AbortSignal): Promise<Ring | undefined> {
    return this.#read(ringKey(id), decodeRing, signal);
  }

  async schema(id: BackupId, signal?: AbortSignal): Promise<string | undefined> {
    return this.#read(schemaKey(id), (bytes) => Buffer.from(bytes).toString('utf8'), signal);
  }

  /** Marks a run as begun. Throws ConditionFailedError when a backup of this id has been begun before. */
  async begin(progress: InProgress, signal?: AbortSignal): Promise<void> {
    await this.store.put(inProgressKey(progress.id), encodeJson(progress), { ifAbsent: true }, signal);
  }

  /** The mark is the one object that changes; it says what became of each node. */
  async saveProgress(progress: InProgress, signal?: AbortSignal): Promise<void> {
    await this.store.put(inProgressKey(progress.id), encodeJson(progress), {}, signal);
  }

  /** Returns the size of the manifest object. */
  async saveNodeManifest(manifest: NodeManifest, signal?: AbortSignal): Promise<number> {
    const key = nodeManifestKey(manifest.backup, manifest.host);
    return (await this.store.put(key, await encodeNodeManifest(manifest), {}, signal)).bytes;
  }

  async saveRing(id: BackupId, ring: Ring, ringText: string, signal?: AbortSignal): Promise<void> {
    await this.store.put(ringTextKey(id), Buffer.from(ringText), {}, signal);
    await this.store.put(ringKey(id), encodeJson(ring), {}, signal);
  }

  async saveSchema(id: BackupId, schema: string, signal?: AbortSignal): Promise<void> {
    await this.store.put(schemaKey(id), Buffer.from(schema), {}, signal);
  }

  /** Written last: from here on the backup is complete. */
  async commit(manifest: BackupManifest, signal?: AbortSignal): Promise<void> {
    await this.store.put(backupManifestKey(manifest.id), encodeJson(manifest), { ifAbsent: true }, signal);
    await this.store.delete([inProgressKey(manifest.id)], signal);
  }

  async #read<T>(
    key: string,
    decode: (bytes: Uint8Array, key: string) => T | Promise<T>,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of this.store.get(key, {}, signal)) {
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof NotFoundError) {
        return undefined;
      }
      throw error;
    }
    return decode(Buffer.concat(chunks), key);
  }
}
