import { pathOf } from '../../model/backup/backup-id.ts';
import { refOfNode } from '../../model/backup/backup.ts';
import { ConditionFailedError, UsageError } from '../../model/errors.ts';
import type { BackupManifest, NodeManifest, Signed } from '../../model/backup/manifest.ts';
import { backupManifestKey, clusterKeys, nameIn, nodeManifestKey } from '../keys.ts';
import { encodeJson } from './manifest-format.ts';
import { encodeNodeManifest } from './node-manifest-format.ts';
import type { ObjectStore } from '../object-store.ts';
import { type Condition, putOnce, putSame } from '../read-whole.ts';
import { sealGzip, sealManifest, sha256Of } from './seals.ts';
import { type SignedObjects, bareFile } from './signed-objects.ts';

/** Puts of one object that find another there than they expect: more than one is odd. */
const mostPuts = 3;

/** Writes the objects that say what a backup is; signed, where there is a key. */
export class Signing {
  readonly #store: ObjectStore;
  readonly #objects: SignedObjects;
  /** What was put here last, by key. */
  readonly #etags = new Map<string, string>();

  constructor(store: ObjectStore, objects: SignedObjects) {
    this.#store = store;
    this.#objects = objects;
  }

  /**
   * In the place of what lies there, and of nothing else: a put of somebody who had the lock before, and that comes only now, finds
   * another object than it expects. Who has the lock puts again.
   */
  async put(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const etag = this.#etags.get(key) ?? (await this.#store.stat(key, signal))?.etag;
      const condition: Condition = etag === undefined ? { ifAbsent: true } : { ifMatch: etag };
      try {
        this.#etags.set(key, await putOnce(this.#store, key, bytes, condition, signal));
        break;
      } catch (error) {
        this.#etags.delete(key);
        if (!(error instanceof ConditionFailedError) || attempt === mostPuts) {
          throw error;
        }
      }
    }
    this.#objects.note(key, bytes);
  }

  /** A draft, or a node's manifest. Throws RangeError where something in it has no sum that a signature could vouch for. */
  async putNode(key: string, manifest: NodeManifest, signal: AbortSignal): Promise<void> {
    await this.put(key, await this.#encoded(key, manifest), signal);
  }

  /**
   * A backup's own manifest: of a new one, or of one that has changed. That is signed only if it was before, since nobody here knows
   * who made the rest of it. Throws UsageError where it was, and there is no key.
   */
  async putManifest(changed: BackupManifest, condition: Condition, signal: AbortSignal): Promise<void> {
    // What a run was sealed with others may have published.
    const put = condition.ifMatch === undefined ? putSame : putOnce;
    await put(this.#store, backupManifestKey(changed), this.manifestBytes(changed, condition), condition, signal);
    this.#objects.forget(changed);
  }

  /** What `putManifest` puts. */
  manifestBytes(changed: BackupManifest, condition: Condition): Uint8Array {
    const { signed: before, ...manifest } = changed;
    this.refuseUnsigning(changed);
    const [key] = this.#objects.trust.keys;
    const isSigned = key !== undefined && (condition.ifMatch === undefined || before !== undefined);
    const objects = isSigned ? this.#objectsOf(manifest, before?.objects) : undefined;
    const name = backupManifestKey(manifest);
    return isSigned && objects !== undefined ? sealManifest(manifest, objects, key, name) : encodeJson(manifest);
  }

  /** Puts a node's manifest in the place of another. At every moment the backup's manifest vouches for the one that is there. */
  async replaceNode(manifest: NodeManifest, signal: AbortSignal): Promise<void> {
    const ref = refOfNode(manifest);
    const key = nodeManifestKey(ref, manifest.host);
    const own = backupManifestKey(ref);
    const etag = (await this.#store.stat(own, signal))?.etag;
    const backup = await this.#objects.manifest(ref, signal);
    if (backup?.signed === undefined || etag === undefined) {
      await this.put(key, await encodeNodeManifest(manifest), signal);
      return;
    }
    this.refuseUnsigning(backup);
    const bytes = await this.#encoded(key, manifest);
    const { signed } = backup;
    const name = nameIn(ref, key);
    const naming = (...sums: readonly string[]): BackupManifest => {
      return { ...backup, signed: { ...signed, objects: { ...signed.objects, [name]: sums } } };
    };
    await this.putManifest(naming(...(signed.objects[name] ?? []), sha256Of(bytes)), { ifMatch: etag }, signal);
    await this.put(key, bytes, signal);
    const now = (await this.#store.stat(own, signal))?.etag ?? etag;
    await this.putManifest(naming(sha256Of(bytes)), { ifMatch: now }, signal);
  }

  /** Throws UsageError where a signed backup is to be changed and there is no key to sign it again. */
  refuseUnsigning(backup: BackupManifest): void {
    if (backup.signed !== undefined && this.#objects.trust.keys.length === 0) {
      throw new UsageError(`backup ${pathOf(backup)} is signed, and to change it takes the key: --manifest-key`);
    }
  }

  async #encoded(name: string, manifest: NodeManifest): Promise<Uint8Array> {
    const [key] = this.#objects.trust.keys;
    const bytes = await encodeNodeManifest(manifest);
    const bare = bareFile(manifest.tables);
    if (key !== undefined && bare !== undefined) {
      throw new RangeError(`${bare.key} was stored without a SHA-256, and cannot be signed for`);
    }
    return key === undefined ? bytes : sealGzip(bytes, key, name);
  }

  /** What was signed before stays so; the rest this run has written or proved. */
  #objectsOf(manifest: BackupManifest, before: Signed['objects'] = {}): Signed['objects'] {
    const nodes = manifest.nodes.map(({ host }) => nodeManifestKey(manifest, host));
    const stranger = nodes.find((key) => before[nameIn(manifest, key)] === undefined && this.#objects.sumOf(key) === undefined);
    if (stranger !== undefined) {
      throw new RangeError(`nobody can vouch for ${stranger}`);
    }
    const keys = [...clusterKeys(manifest), ...nodes];
    const entries = keys.map((key): readonly [string, readonly string[]] => {
      const sum = this.#objects.sumOf(key);
      return [nameIn(manifest, key), before[nameIn(manifest, key)] ?? (sum === undefined ? [] : [sum])];
    });
    return Object.fromEntries(entries.filter(([, sums]) => sums.length > 0));
  }
}
