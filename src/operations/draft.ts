import type { NodeManifest, StoredFile } from '../model/manifest.ts';
import type { TableId } from '../model/sstable.ts';
import { groupByTable } from '../model/upload-plan.ts';
import type { Repository } from '../storage/repository.ts';

/** A file that is stored, and whose it is. */
export interface DoneFile {
  readonly table: TableId;
  readonly file: StoredFile;
}

/** Seconds between two drafts at least; a draft that takes long to write comes less often. */
const draftSeconds = 5;
const mostOfTheTime = 20;

/**
 * What a node has stored so far, saved every few seconds, so that an interrupted run need not send it again. A draft that
 * cannot be saved is no failure of the backup: it would only have saved work.
 */
export class Draft {
  readonly #repository: Repository;
  readonly #manifest: Omit<NodeManifest, 'tables'>;
  readonly #tables: readonly TableId[];
  readonly #files: DoneFile[];
  #nextSave: number;
  #saving: Promise<void> | undefined;

  constructor(
    repository: Repository,
    manifest: Omit<NodeManifest, 'tables'>,
    tables: readonly TableId[],
    reused: readonly DoneFile[],
  ) {
    this.#repository = repository;
    this.#manifest = manifest;
    this.#tables = tables;
    this.#files = [...reused];
    this.#nextSave = Date.now() + draftSeconds * 1000;
  }

  /** Notes what has just been stored, and saves the draft when it is time to. Does not wait. */
  add(files: readonly DoneFile[], signal: AbortSignal): void {
    this.#files.push(...files);
    if (Date.now() >= this.#nextSave && this.#saving === undefined) {
      this.#saving = this.#save(signal);
    }
  }

  /** The finished manifest; nothing is being saved any more when it is given. */
  async finish(): Promise<NodeManifest> {
    await this.#saving;
    return { ...this.#manifest, tables: groupByTable(this.#tables, this.#files) };
  }

  async #save(signal: AbortSignal): Promise<void> {
    const began = Date.now();
    try {
      await this.#repository.saveDraft({ ...this.#manifest, tables: groupByTable(this.#tables, this.#files) }, signal);
    } catch {
      // The upload itself will meet what is wrong with the store, and say so.
    } finally {
      const spent = Date.now() - began;
      this.#nextSave = Date.now() + Math.max(draftSeconds * 1000, spent * mostOfTheTime);
      this.#saving = undefined;
    }
  }
}
