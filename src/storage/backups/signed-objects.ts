import { IntegrityError } from '../../model/errors.ts';
import { pathOf } from '../../model/backup/backup-id.ts';
import { refOfNode } from '../../model/backup/backup.ts';
import type {
  BackupManifest,
  BackupRef,
  NodeManifest,
  SignatureCounts,
  Signed,
  StoredFile,
  StoredTable,
} from '../../model/backup/manifest.ts';
import { backupManifestKey, backupPrefix, clusterKeys, draftKey, mostBytesAt, nameIn, nodeManifestKey } from '../keys.ts';
import { belongs, decodeBackupManifest } from './manifest-format.ts';
import { type WantedTables, everyTable, manifestPages } from './node-manifest-format.ts';
import type { ObjectStore } from '../object-store.ts';
import { readListed } from '../read-listed.ts';
import { textOf } from '../read-whole.ts';
import { type ManifestKey, type Seal, changedHint, proveSeal, sealOfGzip, sealOfJson, sha256Of } from './seals.ts';

/** Whom to believe. */
export interface Trust {
  /** The first one signs, all are accepted. Without any, nothing is signed and no signature looked at. */
  readonly keys: readonly ManifestKey[];
  /** Whether what is not signed is refused. */
  readonly required: boolean;
}

export const trusting: Trust = { keys: [], required: false };

/** What a run has found out about the signatures of a location. */
interface Found {
  /** By prefix of a backup: what its manifest vouches for; undefined of one that has none or is not signed. */
  readonly signatures: Map<string, Signed | undefined>;
  /** SHA-256 of objects that were written here, or proved by their own signature: what a commit vouches for. */
  readonly sums: Map<string, string>;
  readonly checked: Set<string>;
  readonly unsigned: Set<string>;
}

/**
 * The objects of a location that say what a backup is. Where there is a key, what is read has
 * been held against its signature as a whole before anybody sees a part of it. `Signing` writes them.
 *
 * A backup's manifest is signed, and names the SHA-256 of every other one of these objects. Drafts and manifests of nodes are signed
 * by themselves besides: of an unfinished run nothing else vouches for them.
 */
export class SignedObjects {
  readonly #store: ObjectStore;
  readonly #trust: Trust;
  readonly #found: Found;

  constructor(store: ObjectStore, trust: Trust, found?: Found) {
    this.#store = store;
    this.#trust = trust;
    this.#found = found ?? { signatures: new Map(), sums: new Map(), checked: new Set(), unsigned: new Set() };
  }

  get trust(): Trust {
    return this.#trust;
  }

  /** Whether what is written is signed. */
  get signs(): boolean {
    return this.#isAsked;
  }

  /** The same objects by another rule. */
  by(trust: Trust): SignedObjects {
    return new SignedObjects(this.#store, trust, this.#found);
  }

  /** What has been read so far; undefined where there is no key. */
  get counts(): SignatureCounts | undefined {
    const { checked, unsigned } = this.#found;
    return this.#isAsked ? { checked: checked.size, unsigned: unsigned.size } : undefined;
  }

  /** Whether an object that was read has been proved by a signature, where there is a key to prove it by. */
  vouchesFor(key: string): boolean {
    return !this.#isAsked || this.#found.checked.has(key);
  }

  async manifest(ref: BackupRef, signal: AbortSignal): Promise<BackupManifest | undefined> {
    const key = backupManifestKey(ref);
    const bytes = await readListed(this.#store, key, mostBytesAt(key), signal);
    const isProved = bytes !== undefined && this.#prove(key, sealOfJson(bytes));
    const manifest = bytes === undefined ? undefined : decodeBackupManifest(bytes, key);
    if (this.#isAsked && (manifest?.signed !== undefined) !== isProved) {
      throw new IntegrityError(`${key} has its signature in the wrong place`, { hint: changedHint });
    }
    if (this.#isAsked) {
      this.#found.signatures.set(backupPrefix(ref), isProved ? manifest?.signed : undefined);
    }
    return manifest;
  }

  /** A node's manifest in pages, see `manifestPages`; none when it is not there. */
  async *nodePages(ref: BackupRef, host: string, wanted: WantedTables, signal: AbortSignal): AsyncGenerator<NodeManifest> {
    const key = nodeManifestKey(ref, host);
    const signed = await this.#signatureOf(ref, signal);
    // A node that a degraded backup lacks is not named: what there is of it is of a run that wants to add it.
    const isNamed = signed !== undefined && Object.hasOwn(signed.objects, nameIn(ref, key));
    const bytes = await (isNamed ? this.#vouchedFor(ref, key, signed, signal) : this.#bySelf(key, signal));
    yield* this.#pagesIn(bytes, key, { ref, host, wanted });
  }

  /** What an unfinished run has stored of a node so far. */
  async *draftPages(ref: BackupRef, host: string, signal: AbortSignal): AsyncGenerator<NodeManifest> {
    const key = draftKey(ref, host);
    yield* this.#pagesIn(await this.#bySelf(key, signal), key, { ref, host, wanted: everyTable });
  }

  async *#pagesIn(
    bytes: Uint8Array | undefined,
    key: string,
    { ref, host, wanted }: { readonly ref: BackupRef; readonly host: string; readonly wanted: WantedTables },
  ): AsyncGenerator<NodeManifest> {
    for await (const page of bytes === undefined ? [] : manifestPages(bytes, key, wanted)) {
      belongs(key, refOfNode(page), ref);
      if (page.host !== host) {
        throw new IntegrityError(`${key} is the manifest of ${page.host}`);
      }
      this.#refuseBare(page, key);
      yield page;
    }
  }

  /** What has a signature of its own: a draft, or the manifest of a node while the run is not finished. */
  async #bySelf(key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const bytes = await readListed(this.#store, key, mostBytesAt(key), signal);
    if (bytes !== undefined && this.#prove(key, sealOfGzip(bytes))) {
      this.note(key, bytes);
    }
    return bytes;
  }

  /** Ring, schema and the like. What the signature of the backup does not name is not there. */
  async ofCluster(ref: BackupRef, key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const signed = await this.#signatureOf(ref, signal);
    if (signed !== undefined) {
      return Object.hasOwn(signed.objects, nameIn(ref, key)) ? this.#vouchedFor(ref, key, signed, signal) : undefined;
    }
    const bytes = await readListed(this.#store, key, mostBytesAt(key), signal);
    if (bytes !== undefined) {
      this.#prove(key, undefined);
    }
    return bytes;
  }

  /** The same as text. */
  async textOf(ref: BackupRef, key: string, signal: AbortSignal): Promise<string | undefined> {
    const bytes = await this.ofCluster(ref, key, signal);
    return bytes === undefined ? undefined : textOf(bytes);
  }

  /** What is wrong with objects that the signature names, those of nodes apart; undefined of those that are right. */
  async clusterProblems(
    ref: BackupRef,
    signal: AbortSignal,
  ): Promise<readonly { readonly key: string; readonly error: IntegrityError }[]> {
    const signed = await this.#signatureOf(ref, signal);
    const problems: { readonly key: string; readonly error: IntegrityError }[] = [];
    for (const key of signed === undefined
      ? []
      : clusterKeys(ref).filter((each) => Object.hasOwn(signed.objects, nameIn(ref, each)))) {
      await this.ofCluster(ref, key, signal).catch((error: unknown) => {
        if (!(error instanceof IntegrityError)) {
          throw error;
        }
        problems.push({ key, error });
      });
    }
    return problems;
  }

  /** Throws IntegrityError where signatures are wanted and a file has no sum that one could vouch for. */
  #refuseBare({ tables }: NodeManifest, key: string): void {
    const bare = this.#trust.required ? bareFile(tables) : undefined;
    if (bare !== undefined) {
      throw new IntegrityError(`${key} names ${bare.key} without its SHA-256, so nothing vouches for what it holds`);
    }
  }

  /** What was written here: a commit vouches for it. */
  note(key: string, bytes: Uint8Array): void {
    if (this.#isAsked) {
      this.#found.sums.set(key, sha256Of(bytes));
    }
  }

  /** The SHA-256 of what was written here, or proved by its own signature. */
  sumOf(key: string): string | undefined {
    return this.#found.sums.get(key);
  }

  /** What was written is read again before it is believed. */
  forget(ref: BackupRef): void {
    this.#found.signatures.delete(backupPrefix(ref));
  }

  get #isAsked(): boolean {
    return this.#trust.keys.length > 0;
  }

  /** What the backup's manifest vouches for, once that is proved. */
  async #signatureOf(ref: BackupRef, signal: AbortSignal): Promise<Signed | undefined> {
    const { signatures } = this.#found;
    if (this.#isAsked && !signatures.has(backupPrefix(ref))) {
      await this.manifest(ref, signal);
    }
    return this.#isAsked ? signatures.get(backupPrefix(ref)) : undefined;
  }

  async #vouchedFor(ref: BackupRef, key: string, { objects }: Signed, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await readListed(this.#store, key, mostBytesAt(key), signal);
    if (bytes === undefined || objects[nameIn(ref, key)]?.includes(sha256Of(bytes)) !== true) {
      const what = bytes === undefined ? 'is missing' : 'was changed';
      throw new IntegrityError(`${key} ${what} since backup ${pathOf(ref)} was signed`, { hint: changedHint });
    }
    this.#found.checked.add(key);
    return bytes;
  }

  /** Whether it has a signature, which is right then. Throws IntegrityError for another, and where one is wanted and there is none. */
  #prove(name: string, seal: Seal | undefined): boolean {
    if (!this.#isAsked) {
      return false;
    }
    if (seal === undefined) {
      if (this.#trust.required) {
        throw new IntegrityError(`${name} is not signed`, { hint: 'without --require-signed it is taken as it is' });
      }
      this.#found.unsigned.add(name);
      return false;
    }
    proveSeal(seal, name, this.#trust.keys);
    this.#found.checked.add(name);
    return true;
  }
}

/** The first file of these that no signature can vouch for. */
export function bareFile(tables: readonly StoredTable[]): StoredFile | undefined {
  return tables.flatMap(({ files }) => files).find(({ storedSha256 }) => storedSha256 === undefined);
}
