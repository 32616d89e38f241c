import { ListedOnlyError, readListed } from '../read-listed.ts';
import { lineOf, putSame } from '../read-whole.ts';
import type { Lease } from '../../flow/lease.ts';
import { isBackupId } from '../../model/backup/backup-id.ts';
import { type Backup, type DamagedBackup, type Survey, refOf, refOfNode } from '../../model/backup/backup.ts';
import { IntegrityError } from '../../model/errors.ts';
import type { BackupId, BackupManifest, BackupRef, InProgress, NodeManifest } from '../../model/backup/manifest.ts';
import type { Ring } from '../../model/ring/ring.ts';
import {
  backupManifestKey,
  closedKey,
  dictionariesKey,
  draftKey,
  inProgressKey,
  mostBytesAt,
  nodeManifestKey,
  ringKey,
  ringTextKey,
  schemaKey,
} from '../keys.ts';
import { allReadable, givingUp } from './all-readable.ts';
import { Mark, readMark } from './mark.ts';
import { isForgotten } from './forgotten-records.ts';
import { isNoneOfOurs } from './none-of-ours.ts';
import { type Look, surveyBy } from './survey.ts';
import { belongs, decodeBackupManifest, decodeRing, encodeJson } from './manifest-format.ts';
import { leasedStore } from '../leased-store.ts';
import { joinPages } from './joined-pages.ts';
import type { WantedTables } from './node-manifest-format.ts';
import type { ObjectStore } from '../object-store.ts';
import { SharedTables } from './shared-tables.ts';
import { Signing } from './signing.ts';
import { SignedObjects, type Trust, trusting } from './signed-objects.ts';
import { unlessDamaged } from '../unless-damaged.ts';

/**
 * The backups of one location. Nothing here is cached: what the bucket holds is the truth.
 *
 * Order of a run: `begin` (the mark) → drafts and objects → node manifests → ring, schema → `commit` (the backup's
 * manifest, only if absent; then mark and drafts go). A crash between any two leaves a backup that `backups` lists as
 * incomplete.
 */
export class Repository {
  readonly store: ObjectStore;
  readonly signatures: SignedObjects;
  readonly signing: Signing;
  readonly #tables = new SharedTables();

  constructor(store: ObjectStore, trust: Trust | SignedObjects = trusting) {
    this.store = store;
    this.signatures = trust instanceof SignedObjects ? trust : new SignedObjects(store, trust);
    this.signing = new Signing(store, this.signatures);
  }

  /** For whoever signs what comes of what is read: where there is a key, nothing is taken that is not signed with one. */
  get ofSigned(): Repository {
    const { keys } = this.signatures.trust;
    return new Repository(this.store, this.signatures.by({ keys, required: keys.length > 0 }));
  }

  /** For whoever needs to know all that is referred to, by whom ever: no signature is looked at. */
  get ofAll(): Repository {
    return new Repository(this.store, this.signatures.by(trusting));
  }

  /** The same for the holder of the lock, as long as he has it: see `leasedStore`. */
  heldBy(lease: Lease): Repository {
    return new Repository(leasedStore(this.store, lease), this.signatures.trust);
  }

  /** The moment that everything here is dated by: the store's clock, or this host's where the store does not tell. */
  async now(signal: AbortSignal): Promise<Date> {
    return (await this.store.now(signal)) ?? new Date();
  }

  /**
   * Every backup and every unfinished run, oldest first. Throws IntegrityError when one of them cannot be read: for whoever
   * must know all of them.
   */
  async backups(signal: AbortSignal): Promise<readonly Backup[]> {
    return allReadable(await this.survey(signal)).backups;
  }

  /** The same, and apart from them those that cannot be read: two requests per snapshot backup, one per incremental. */
  async survey(signal: AbortSignal): Promise<Survey> {
    return this.surveyBy((ref) => this.look(ref, signal), signal);
  }

  /** The same by what `look` finds in each directory that can be a backup's. */
  async surveyBy(look: Look, signal: AbortSignal): Promise<Survey> {
    return surveyBy(this.store, look, signal);
  }

  /** The same as `backup`, with the damage of a manifest or mark that cannot be read as what is found. */
  async look(ref: BackupRef, signal: AbortSignal): Promise<Backup | DamagedBackup | undefined> {
    return unlessDamaged(
      () => this.backup(ref, signal),
      ({ message: reason }) => ({ ...refOf(ref), reason }),
    );
  }

  /**
   * The backup that lies there; undefined when there is neither a manifest nor the mark of a run, or one that is none of ours. Throws
   * IntegrityError for one that is damaged, or that a listing shows and nobody can read.
   */
  async backup(ref: BackupRef, signal: AbortSignal): Promise<Backup | undefined> {
    return this.#unlessForeign(ref, () => this.#backup(ref, signal), signal);
  }

  async #backup(ref: BackupRef, signal: AbortSignal): Promise<Backup | undefined> {
    const manifest = await this.signatures.manifest(ref, signal);
    if (manifest !== undefined) {
      belongs(backupManifestKey(ref), manifest, ref);
      return { ...refOf(ref), committed: true, manifest: { ...manifest, tables: this.#tables.share(manifest.tables) } };
    }
    const progress = await readMark(this.store, ref, signal);
    return progress === undefined ? undefined : { ...refOf(ref), committed: false, progress };
  }

  async #unlessForeign(
    ref: BackupRef,
    read: () => Promise<Backup | undefined>,
    signal: AbortSignal,
  ): Promise<Backup | undefined> {
    try {
      return await read();
    } catch (error) {
      // A listing may still show for a while what a prune has taken away, and has said so.
      const isOver = error instanceof ListedOnlyError && (await isForgotten(this.store, ref, signal));
      const isDamage = error instanceof IntegrityError && !isOver;
      if (!isOver && (!isDamage || !(await isNoneOfOurs(this.store, ref, signal)))) {
        throw error;
      }
      return undefined;
    }
  }

  /** The backup of this name wherever it lies; incremental backups lie inside their parents. Throws when it cannot be read. */
  async find(id: BackupId, signal: AbortSignal): Promise<Backup | undefined> {
    if (!isBackupId(id)) {
      return undefined;
    }
    const snapshot = await this.backup({ id }, signal);
    if (snapshot !== undefined) {
      return snapshot;
    }
    const { backups, damaged } = await this.survey(signal);
    const broken = damaged.find((each) => each.id === id);
    if (broken !== undefined) {
      throw new IntegrityError(broken.reason, { hint: givingUp(broken) });
    }
    return backups.find((backup) => backup.id === id);
  }

  /** A node's manifest in pages, see `manifestPages`; none when it is not there. */
  nodeManifestPages(ref: BackupRef, host: string, wanted: WantedTables, signal: AbortSignal): AsyncGenerator<NodeManifest> {
    return this.signatures.nodePages(ref, host, wanted, signal);
  }

  /** The same in one, only with the tables that are `wanted`: one table out of many costs the memory of one. */
  async nodeManifest(ref: BackupRef, host: string, wanted: WantedTables, signal: AbortSignal): Promise<NodeManifest | undefined> {
    return joinPages(this.nodeManifestPages(ref, host, wanted, signal));
  }

  async draft(ref: BackupRef, host: string, signal: AbortSignal): Promise<NodeManifest | undefined> {
    return joinPages(this.signatures.draftPages(ref, host, signal));
  }

  /** Why a snapshot backup must not become a parent any more; undefined while it may. */
  async chainClosed(parent: BackupId, signal: AbortSignal): Promise<string | undefined> {
    const bytes = await readListed(this.store, closedKey(parent), mostBytesAt(closedKey(parent)), signal);
    return bytes === undefined ? undefined : lineOf(bytes);
  }

  async ring(ref: BackupRef, signal: AbortSignal): Promise<Ring | undefined> {
    const bytes = await this.signatures.ofCluster(ref, ringKey(ref), signal);
    return bytes === undefined ? undefined : decodeRing(bytes, ringKey(ref));
  }

  async schema(ref: BackupRef, signal: AbortSignal): Promise<string | undefined> {
    return this.signatures.textOf(ref, schemaKey(ref), signal);
  }

  async dictionaries(ref: BackupRef, signal: AbortSignal): Promise<string | undefined> {
    return this.signatures.textOf(ref, dictionariesKey(ref), signal);
  }

  /** Marks a run as begun. Throws ConditionFailedError when a run of this id has been begun before. */
  begin(progress: InProgress, signal: AbortSignal): Promise<Mark> {
    return Mark.begin(this.store, progress, signal);
  }

  async saveDraft(draft: NodeManifest, signal: AbortSignal): Promise<void> {
    await this.signing.putNode(draftKey(refOfNode(draft), draft.host), draft, signal);
  }

  async saveNodeManifest(manifest: NodeManifest, signal: AbortSignal): Promise<void> {
    await this.signing.putNode(nodeManifestKey(refOfNode(manifest), manifest.host), manifest, signal);
  }

  /**
   * This is written before a backup is deleted that had collected incremental files, to every snapshot backup whose next one
   * would lack them (`chainsBrokenBy`): later nobody could tell.
   */
  async closeChain(parent: BackupId, reason: string, signal: AbortSignal): Promise<void> {
    await this.store.put(closedKey(parent), Buffer.from(`${reason}\n`), {}, signal);
  }

  async saveRing(ref: BackupRef, ring: Ring, ringText: string, signal: AbortSignal): Promise<void> {
    await this.signing.put(ringTextKey(ref), Buffer.from(ringText), signal);
    await this.signing.put(ringKey(ref), encodeJson(ring), signal);
  }

  async saveSchema(ref: BackupRef, schema: string, signal: AbortSignal): Promise<void> {
    await this.signing.put(schemaKey(ref), Buffer.from(schema), signal);
  }

  async saveDictionaries(ref: BackupRef, statements: string, signal: AbortSignal): Promise<void> {
    await this.signing.put(dictionariesKey(ref), Buffer.from(statements), signal);
  }

  /** This is written last, the mark of a run being sealed by then. Gives what was thrown where mark and drafts stay, which count no more. */
  async commit(manifest: BackupManifest, signal: AbortSignal): Promise<unknown> {
    await this.signing.putManifest(manifest, { ifAbsent: true }, signal);
    return this.#tidy(manifest, signal).catch((error: unknown) => error);
  }

  /** The same of a backup that has got more nodes, in the place of its own. Throws ConditionFailedError when that has changed. */
  async amend(manifest: BackupManifest, etag: string, signal: AbortSignal): Promise<unknown> {
    await this.signing.putManifest(manifest, { ifMatch: etag }, signal);
    return this.#tidy(manifest, signal).catch((error: unknown) => error);
  }

  /** Puts the manifest that a run was sealed with, where whoever did it came no further. Gives the backup. */
  async publish({ manifest: text, ...run }: InProgress, signal: AbortSignal): Promise<Backup | undefined> {
    const [key, bytes] = [backupManifestKey(run), Buffer.from(text ?? '')];
    const manifest = decodeBackupManifest(bytes, key);
    belongs(key, manifest, run);
    await putSame(this.store, key, bytes, { ifAbsent: true }, signal);
    await this.#tidy(manifest, signal);
    return this.backup(run, signal);
  }

  async #tidy(manifest: BackupManifest, signal: AbortSignal): Promise<void> {
    await this.store.delete([inProgressKey(manifest), ...manifest.nodes.map(({ host }) => draftKey(manifest, host))], signal);
  }
}
