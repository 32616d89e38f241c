import type { Backup } from '../../model/backup/backup.ts';
import { type PartTables, unevenTables } from '../../model/backup/uneven-tables.ts';
import { tableDirectory } from '../../model/sstable.ts';
import type { Problem } from '../../model/verify/verify-plan.ts';
import { backupManifestKey } from '../../storage/keys.ts';
import type { ListedPart } from './listing.ts';

/** Holds the tables of all nodes of a backup against each other. The parts come backup by backup, so that one is held at a time. */
export class TableParts {
  #backup: Backup | undefined;
  #parts: PartTables[] = [];

  /** Takes a node's part, and gives what is wrong with the backup before when it is the first one of another. */
  add({ part: { backup, host }, manifest }: ListedPart): readonly Problem[] {
    const problems = backup === this.#backup ? [] : this.end();
    this.#backup = backup;
    if (manifest !== undefined) {
      // Without the files, which are many.
      this.#parts.push({ host, tables: manifest.tables.map(({ keyspace, table, id }) => ({ keyspace, table, id })) });
    }
    return problems;
  }

  /** What is wrong with the last one. Of an unfinished run nobody says that its nodes hold the same tables. */
  end(): readonly Problem[] {
    const [backup, parts] = [this.#backup, this.#parts];
    this.#parts = [];
    if (backup?.committed !== true) {
      return [];
    }
    return unevenTables(backup.manifest.tables, parts).map(({ table, lacking, holding }) => ({
      kind: 'table',
      backup: backup.id,
      host: lacking.join(', '),
      path: tableDirectory(table),
      key: backupManifestKey(backup),
      detail:
        holding.length === 0
          ? 'the backup names the table, and no node has it'
          : `${holding.join(', ')} has the table, and not every node of the backup`,
    }));
  }
}
