import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Backup, chainOf } from '../../src/model/backup/backup.ts';
import type { BackupRef, MissingNode, NodeManifest, StoredFile } from '../../src/model/backup/manifest.ts';
import { summaryOf } from '../../src/model/backup/outcome/outcome.ts';
import { olderTag } from '../../src/model/node/snapshot-tag.ts';
import { backupPrefix, componentKey } from '../../src/storage/keys.ts';
import { forgottenPrefix } from '../../src/storage/location-keys.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { Repository } from '../../src/storage/backups/repository.ts';
import { bytesOf } from './bodies.ts';
import { backupManifestOf, nodeManifestOf, nodeOf, progressOf, storedOf, users } from './manifests.ts';
import { never } from './never.ts';
import { everyTable } from '../../src/storage/backups/node-manifest-format.ts';

export interface RunWish {
  readonly id: string;
  readonly parent?: string;
  readonly takenAt: Date;
  /** Files that each node uploads; 2 by default. */
  readonly fresh?: number;
  /** Manifests whose files are pointed at, of the same node. */
  readonly reused?: readonly StoredFile[];
  readonly hosts?: readonly number[];
  readonly policy?: string;
  readonly selection?: readonly string[];
  /** Nodes that a degraded backup lacks. */
  readonly missing?: readonly MissingNode[];
}

/** Stores backups as `backup` does, with small real objects. */
export class LocationHistory {
  readonly repository: Repository;
  readonly #store: ObjectStore;
  /** Has an object be as old as that. */
  readonly setModified: (key: string, time: Date) => Promise<void>;
  #names = 0;

  /** `setModified`: how its objects are made older, where the store is none on a directory. */
  constructor(store: ObjectStore, setModified: LocationHistory['setModified'] = onDirectory(store)) {
    this.#store = store;
    this.setModified = setModified;
    this.repository = new Repository(store);
  }

  /** Mark, objects, node manifests, ring, schema, manifest. */
  async complete(wish: RunWish): Promise<Backup> {
    const manifests = await this.#begin(wish);
    for (const manifest of manifests) {
      await this.repository.saveNodeManifest(manifest, never);
    }
    const ref = refOf(wish);
    const nodes = manifests.map(({ node }) => node);
    await this.repository.saveRing(ref, { cluster: 'Test', partitioner: 'Murmur3', nodes }, 'Datacenter: dc1', never);
    await this.repository.saveSchema(ref, 'CREATE KEYSPACE shop;', never);
    await this.repository.commit(
      backupManifestOf({
        ...ref,
        takenAt: wish.takenAt.toISOString(),
        nodes: manifests.map(summaryOf),
        selection: wish.selection ?? [],
        ...(wish.policy === undefined ? {} : { policy: wish.policy }),
        ...(wish.missing === undefined ? {} : { format: 2, state: 'degraded', missing: wish.missing, thin: [] }),
      }),
      never,
    );
    return (await this.repository.backup(ref, never)) ?? assert.fail();
  }

  /** A run that broke off: mark, objects, drafts, and of the first node already its manifest. */
  async unfinished(wish: RunWish): Promise<Backup> {
    const manifests = await this.#begin(wish);
    for (const [place, manifest] of manifests.entries()) {
      await (place === 0 && manifests.length > 1
        ? this.repository.saveNodeManifest(manifest, never)
        : this.repository.saveDraft(manifest, never));
    }
    return (await this.repository.backup(refOf(wish), never)) ?? assert.fail();
  }

  async put(key: string, text = key): Promise<void> {
    await this.#store.put(key, Buffer.from(text), {}, never);
  }

  /** An object that no manifest names, as a failed attempt leaves it. */
  async orphan(ref: BackupRef): Promise<string> {
    const key = this.#newKey(ref, 1);
    await this.put(key);
    return key;
  }

  /** As if what was forgotten so far had been so for more than a day. */
  async letGraceEnd(): Promise<void> {
    for (const key of await this.keys(forgottenPrefix)) {
      await this.setModified(key, new Date(Date.now() - 25 * 3_600_000));
    }
  }

  /** What a backup's node points at. */
  async filesOf(backup: BackupRef, host = 'node1'): Promise<readonly StoredFile[]> {
    const manifest = await this.repository.nodeManifest(backup, host, everyTable, never);
    return (manifest ?? assert.fail(`no manifest of ${host}`)).tables.flatMap(({ files }) => files);
  }

  async keys(prefix = ''): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const { key } of this.#store.list(prefix, never)) {
      keys.push(key);
    }
    return keys.toSorted();
  }

  /** Every complete backup can be restored: its chain is there, and every object holds what it held. Gives their number. */
  async assertWhole(): Promise<number> {
    const backups = await this.repository.backups(never);
    for (const backup of backups) {
      for (const each of chainOf(backup, backups)) {
        if (each !== backup) {
          assert.ok(each.committed, `${backup.id} stands on ${each.id}`);
        }
      }
      assert.equal(chainOf(backup, backups)[0]?.parent, undefined, `${backup.id} lost its parent`);
      for (const manifest of await this.#manifests(backup)) {
        for (const { key } of manifest.tables.flatMap(({ files }) => files)) {
          assert.equal(String(await bytesOf(this.#store.get(key, {}, never))), key, `${backup.id} points at ${key}`);
        }
      }
      if (backup.committed) {
        assert.ok((await this.repository.ring(backup, never)) && (await this.repository.schema(backup, never)));
      }
    }
    return backups.filter(({ committed }) => committed).length;
  }

  /** Everything that a backup or run points at. */
  async pointedAt(backups: readonly Backup[]): Promise<ReadonlySet<string>> {
    const manifests = await Promise.all(backups.map((backup) => this.#manifests(backup)));
    return new Set(manifests.flat().flatMap(({ tables }) => tables.flatMap(({ files }) => files.map(({ key }) => key))));
  }

  async #manifests(backup: Backup): Promise<readonly NodeManifest[]> {
    if (backup.committed) {
      return Promise.all(
        backup.manifest.nodes.map(async ({ host }) => {
          return (
            (await this.repository.nodeManifest(backup, host, everyTable, never)) ??
            assert.fail(`${backup.id} lost the manifest of ${host}`)
          );
        }),
      );
    }
    const found = await Promise.all(
      backup.progress.nodes.flatMap(({ host }) => [
        this.repository.nodeManifest(backup, host, everyTable, never),
        this.repository.draft(backup, host, never),
      ]),
    );
    return found.filter((manifest) => manifest !== undefined);
  }

  async #begin(wish: RunWish): Promise<readonly NodeManifest[]> {
    const { id, takenAt, fresh = 2, reused = [], hosts = [1], policy, selection = [] } = wish;
    const ref = refOf(wish);
    const startedAt = takenAt.toISOString();
    const nodes = hosts.map((host) => ({ host: `node${host}`, hostId: nodeOf(host).hostId, state: 'running' as const }));
    const mark = progressOf({ ...ref, kind: ref.parent === undefined ? 'snapshot' : 'incremental', startedAt, nodes, selection });
    await this.repository.begin(policy === undefined ? mark : { ...mark, policy }, never);
    const manifests: NodeManifest[] = [];
    for (const host of hosts) {
      const files: StoredFile[] = reused.filter(({ key }) => key.includes(`/node${host}/`));
      for (let file = 0; file < fresh; file += 1) {
        const key = this.#newKey(ref, host);
        await this.put(key);
        files.push(storedOf(key.slice(key.lastIndexOf('/') + 1), { key, since: id, storedBytes: key.length }));
      }
      const { keyspace, table, id: tableId } = users;
      manifests.push(
        nodeManifestOf({
          backup: id,
          ...(ref.parent === undefined ? {} : { parent: ref.parent }),
          host: `node${host}`,
          node: nodeOf(host),
          snapshot: olderTag(id),
          takenAt: startedAt,
          tables: [{ keyspace, table, id: tableId, files }],
        }),
      );
    }
    return manifests;
  }

  #newKey(ref: BackupRef, host: number): string {
    this.#names += 1;
    return componentKey(ref, `node${host}`, users, `nb-${this.#names}-big-Data.db`, 'lzo');
  }
}

function onDirectory({ url }: ObjectStore): LocationHistory['setModified'] {
  return (key, time) => utimes(fileURLToPath(`${url}/${key}`), time, time);
}

/** Where the backup's own objects lie. */
export function prefixOf(backup: BackupRef): string {
  return backupPrefix(backup);
}

function refOf({ id, parent }: BackupRef): BackupRef {
  return parent === undefined ? { id } : { id, parent };
}
