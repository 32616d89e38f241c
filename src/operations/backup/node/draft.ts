import { type Parked, park } from '../../../flow/parked.ts';
import type { NodeManifest, StoredFile } from '../../../model/backup/manifest.ts';
import type { TableId } from '../../../model/sstable.ts';
import { groupByTable } from '../../../model/backup/upload-plan.ts';
import type { Repository } from '../../../storage/backups/repository.ts';
import type { MemoryGate } from './memory-gate.ts';

/** A file that is stored, and whose it is. */
export interface DoneFile {
  readonly table: TableId;
  readonly file: StoredFile;
}

/** Seconds between two drafts at least; a draft that takes long to write comes less often. */
const draftSeconds = 5;
const mostOfTheTime = 20;
/** Files that are parked together; fewer wait until there are so many. */
const parkedAtOnce = 200;

/**
 * What a node has stored so far, saved every few seconds, so that an interrupted run need not send it again. A draft that
 * cannot be saved is no failure of the backup: it would only have saved work.
 */
export class Draft {
  readonly #repository: Repository;
  readonly #gate: MemoryGate;
  readonly #head: Omit<NodeManifest, 'tables'>;
  readonly #tables: readonly TableId[];
  readonly #parked: Parked<DoneFile>[] = [];
  #files: DoneFile[] = [];
  #nextSave: number;
  #saving: Promise<void> | undefined;

  constructor(repository: Repository, gate: MemoryGate, head: Omit<NodeManifest, 'tables'>, tables: readonly TableId[]) {
    this.#repository = repository;
    this.#gate = gate;
    this.#head = head;
    this.#tables = tables;
    this.#nextSave = performance.now() + draftSeconds * 1000;
  }

  /** Notes what is stored already. */
  note(files: readonly DoneFile[]): void {
    this.#files.push(...files);
    if (this.#files.length >= parkedAtOnce) {
      this.#parked.push(park(this.#files));
      this.#files = [];
    }
  }

  /** Notes what has just been stored, and saves the draft when it is time to. Does not wait. */
  add(files: readonly DoneFile[], signal: AbortSignal): void {
    this.note(files);
    if (performance.now() >= this.#nextSave && this.#saving === undefined) {
      this.#saving = this.#save(signal);
    }
  }

  /** Resolves when nothing is being saved any more. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  manifest(): NodeManifest {
    const files = [...this.#parked.flatMap((parked) => parked.open()), ...this.#files];
    return { ...this.#head, tables: groupByTable(this.#tables, files) };
  }

  async #save(signal: AbortSignal): Promise<void> {
    let began = performance.now();
    try {
      await this.#gate.wholeNode(async () => {
        began = performance.now();
        await this.#repository.saveDraft(this.manifest(), signal);
      }, signal);
    } catch {
      // The upload itself will meet what is wrong with the store, and say so.
    } finally {
      const spent = performance.now() - began;
      this.#nextSave = performance.now() + Math.max(draftSeconds * 1000, spent * mostOfTheTime);
      this.#saving = undefined;
    }
  }
}
