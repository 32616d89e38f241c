import { BackupError } from '../../errors.ts';
import { formatComponentName, parseComponentName } from '../../sstable.ts';

/** A file's name in the staging directory, and the one that it gets in the live table directory. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * New names for sstables that join a live table's directory: integer ids begin again after a truncate, so an old name may
 * be in use there. Numbers begin well above those in use, since Cassandra goes on flushing meanwhile; it gives its own
 * numbers in the end. An id that is a time UUID is nobody else's: a file of that name that is there is this very sstable,
 * and is left out. Data.db come last: an sstable without one is no sstable to a node that starts meanwhile.
 * Throws BackupError for names that are not an sstable component's, or of Cassandra before 3.0.
 */
export function refreshMoves(staged: readonly string[], live: readonly string[]): readonly Move[] {
  const used = live.flatMap((name) => {
    const generation = Number(parseComponentName(name)?.generation);
    return Number.isInteger(generation) ? [generation] : [];
  });
  const base = used.reduce((highest, each) => Math.max(highest, each), 0) + 1000;
  const present = new Set(live);
  const numbers = new Map<string, number>();
  const moves = staged.flatMap((from): readonly Move[] => {
    const name = parseComponentName(from);
    if (name === undefined || name.prefix !== undefined) {
      throw new BackupError(`${from} cannot join a live table: it is not an sstable component of Cassandra 3.0 or later`, {
        hint: 'use --method stage',
      });
    }
    if (!/^\d+$/.test(name.generation)) {
      return present.has(from) ? [] : [{ from, to: from }];
    }
    const sstable = `${name.version}-${name.generation}-${name.format}`;
    const number = numbers.get(sstable) ?? base + numbers.size;
    numbers.set(sstable, number);
    return [{ from, to: formatComponentName({ ...name, generation: String(number) }) }];
  });
  return [...moves.filter(({ to }) => !isData(to)), ...moves.filter(({ to }) => isData(to))];
}

function isData(name: string): boolean {
  return name.endsWith('-Data.db');
}
