import { IntegrityError } from '../../model/errors.ts';
import type { NodeManifest, StoredTable } from '../../model/backup/manifest.ts';

/** Files and tables that are held of all manifests that are read together; half a kilobyte each, and V8 has four gigabytes at most. */
const mostHeld = 4_000_000;

/**
 * The room that manifests have together, of one read or of many side by side: each of them may have three million files, and four
 * such would end the process.
 */
export class ManifestRoom {
  #left: number;

  constructor(most: number = mostHeld) {
    this.#left = most;
  }

  /** Throws IntegrityError where there is no room any more. */
  take({ host, backup, tables }: NodeManifest): void {
    this.#left -= tables.reduce((sum, { files }) => sum + 1 + files.length, 0);
    if (this.#left < 0) {
      throw new IntegrityError(
        `the manifest of ${host} in backup ${backup} has more files than can be held with those read before`,
        {
          hint: 'choose fewer tables, with -K',
        },
      );
    }
  }
}

/** What the pages make together; undefined of none. */
export async function joinPages(
  pages: AsyncIterable<NodeManifest>,
  room: ManifestRoom = new ManifestRoom(),
): Promise<NodeManifest | undefined> {
  let head: NodeManifest | undefined;
  const tables: StoredTable[] = [];
  for await (const page of pages) {
    room.take(page);
    head = page;
    // One by one: a page may have more tables than a call can have arguments.
    for (const each of page.tables) {
      tables.push(each);
    }
  }
  return head === undefined ? undefined : { ...head, tables };
}
