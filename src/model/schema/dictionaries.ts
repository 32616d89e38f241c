import { quotedFault } from './gate/one-statement.ts';
import { cqlString, cqlTokens, isWord, meaningOf, meaningfulTokens } from './cql-tokens.ts';
import { splitStatements } from './split-statements.ts';
import type { TableId } from '../sstable.ts';

/**
 * A zstd dictionary of a table, since Cassandra 6 (CEP-54). Every sstable that is compressed with one carries it in its
 * CompressionInfo.db and can be read anywhere; the row in `system_distributed` is what new sstables are compressed with.
 */
export interface Dictionary {
  readonly keyspace: string;
  readonly table: string;
  /** A number of 64 bits. */
  readonly id: string;
  /** The row as `INSERT … JSON` takes it. */
  readonly json: string;
}

export const dictionaryTable = { keyspace: 'system_distributed', table: 'compression_dictionaries' } as const;

const qualified = `${dictionaryTable.keyspace}.${dictionaryTable.table}`;

/** Without the dictionaries themselves, which are large. The id as text: as a number it is more than JSON readers hold. */
export const dictionaryNames = 'keyspace_name, table_name, CAST(dict_id AS text) AS dict_id';

/** Everything of them. */
export const dictionaryColumns: string = `${dictionaryNames}, table_id, kind, dict, dict_length, dict_checksum, created_at`;

/** The statement that gives them as JSON, a row each. */
export function selectDictionaries(columns: string): string {
  return `SELECT JSON ${columns} FROM ${qualified}`;
}

/** CQL that puts the dictionaries of these tables back; empty when they have none. */
export function dictionaryText(dictionaries: readonly Dictionary[], tables: readonly TableId[]): string {
  const names = new Set(tables.map(nameOf));
  const chosen = dictionaries.filter((dictionary) => names.has(nameOf(dictionary)));
  return chosen.map(({ json }) => `INSERT INTO ${qualified} JSON ${cqlString(json)};\n`).join('');
}

/** The rows that `dictionaryText` put into the text; what is none is left out. Throws IntegrityError for what nobody wrote, by that name. */
export function dictionaryRows(text: string, name = 'the text'): readonly unknown[] {
  return splitStatements(text, name).flatMap((statement) => {
    const [json, word] = meaningfulTokens(statement).toReversed();
    try {
      return isWord(word, 'JSON') && json?.kind === 'string' ? [JSON.parse(meaningOf(json)) as unknown] : [];
    } catch {
      return [];
    }
  });
}

/**
 * Whether a text is nothing but what `dictionaryText` writes, a row a line: people are told to give it to cqlsh, and who can write
 * to the bucket may have put commands there.
 */
export function isDictionaryText(text: string): boolean {
  return text.split('\n').every((line) => {
    const json = line.startsWith(begin) && line.endsWith(end) ? line.slice(begin.length, -end.length) : undefined;
    return line === '' || (json !== undefined && isOneString(json));
  });
}

const begin = `INSERT INTO ${qualified} JSON `;
const end = ';';

function isOneString(text: string): boolean {
  return text.startsWith("'") && cqlTokens(text).length === 1 && quotedFault(text) === undefined;
}

/** Of the backup's dictionaries of these tables, the tables whose ones `live` lacks. */
export function tablesWithout(
  live: readonly Dictionary[],
  backup: readonly Dictionary[],
  tables: readonly TableId[],
): readonly string[] {
  const there = new Set(live.map((each) => `${nameOf(each)} ${each.id}`));
  const chosen = new Set(tables.map(nameOf));
  const lacking = backup.filter((each) => chosen.has(nameOf(each)) && !there.has(`${nameOf(each)} ${each.id}`));
  return [...new Set(lacking.map(nameOf))].toSorted();
}

function nameOf({ keyspace, table }: Pick<TableId, 'keyspace' | 'table'>): string {
  return `${keyspace}.${table}`;
}
