import { type CqlToken, cqlName, meaningOf, namesIn } from './cql-tokens.ts';
import { type Alteration, type SchemaStatement, alterationsOf, idIn } from './cql-statements.ts';
import { headOf } from './statement-head.ts';
import type { TableId } from '../sstable.ts';

/**
 * A table is made by several statements: CREATE TABLE, which names dropped columns as if they lived, ALTERs that drop them
 * (and add those again that came back), its indexes. A run that ends between two of them leaves a table that is there by
 * name and id: its dropped columns would show their old values, and its indexes are not there.
 *
 * These are the statements of `backup` that such tables lack in `live`. A table that `live` does not have,
 * or has with another id, lacks nothing: that one is somebody else's.
 */
export function unfinishedParts(
  backup: readonly SchemaStatement[],
  live: readonly SchemaStatement[],
  tables: readonly Pick<TableId, 'keyspace' | 'table'>[],
): readonly SchemaStatement[] {
  return tables.flatMap((table) => {
    const made = partsOf(live, table);
    const wanted = partsOf(backup, table);
    const create = made.find(({ kind }) => kind === 'table');
    if (create === undefined || !wanted.some((each) => each.kind === 'table' && idIn(each.text) === idIn(create.text))) {
      return [];
    }
    const alterations = lackingAlterations(wanted, made, namesIn(create.text));
    return [...alterations, ...lackingIndexes(wanted, live, made, droppedIn([...made, ...alterations]))];
  });
}

/** Whether one of the tables is made by more than its CREATE TABLE. */
export function hasParts(schema: readonly SchemaStatement[], tables: readonly Pick<TableId, 'keyspace' | 'table'>[]): boolean {
  return tables.some((table) => partsOf(schema, table).some(({ kind }) => kind === 'alter' || kind === 'index'));
}

function partsOf(
  schema: readonly SchemaStatement[],
  { keyspace, table }: Pick<TableId, 'keyspace' | 'table'>,
): readonly SchemaStatement[] {
  return schema.filter((each) => each.keyspace === keyspace && each.name === table);
}

/**
 * A column that was dropped since the backup, or again, has a DROP in `made` too, at another time: it stays as it is. The
 * ADD after a DROP is lacking where the run ended between these very two.
 */
function lackingAlterations(
  wanted: readonly SchemaStatement[],
  made: readonly SchemaStatement[],
  columns: ReadonlySet<string>,
): readonly SchemaStatement[] {
  const dropsMade = alterationsOf(made, 'DROP');
  const addsMade = alterationsOf(made, 'ADD');
  const drops = alterationsOf(wanted, 'DROP');
  const isDropLacking = (column: string) => !dropsMade.has(column) && columns.has(column);
  const lacking = new Set(
    [
      ...[...drops].filter(([column]) => isDropLacking(column)),
      ...[...alterationsOf(wanted, 'ADD')].filter(
        ([column]) =>
          !addsMade.has(column) && (isDropLacking(column) || restOf(dropsMade.get(column)) === restOf(drops.get(column))),
      ),
    ].map(([, { statement }]) => statement),
  );
  return wanted.filter((statement) => lacking.has(statement));
}

function restOf(alteration: Alteration | undefined): string | undefined {
  return alteration && alike(alteration.rest);
}

function droppedIn(statements: readonly SchemaStatement[]): ReadonlySet<string> {
  const added = alterationsOf(statements, 'ADD');
  return new Set([...alterationsOf(statements, 'DROP').keys()].filter((column) => !added.has(column)));
}

/**
 * An index of another name is as good: Cassandra refuses a second one of its kind on one column. One on a column that was
 * dropped since went with it.
 */
function lackingIndexes(
  wanted: readonly SchemaStatement[],
  live: readonly SchemaStatement[],
  made: readonly SchemaStatement[],
  dropped: ReadonlySet<string>,
): readonly SchemaStatement[] {
  const there = new Set(made.filter(({ kind }) => kind === 'index').map(targetOf));
  return wanted.filter(
    (each) =>
      each.kind === 'index' &&
      !there.has(targetOf(each)) &&
      ![...namesIn(targetOf(each))].some((column) => dropped.has(column)) &&
      !live.some(({ keyspace, index }) => keyspace === each.keyspace && index === each.index),
  );
}

/** What comes after the names: column, kind and options. */
function targetOf({ text }: SchemaStatement): string {
  return alike(headOf(text)?.rest ?? []);
}

/** The same text for the same meaning: spaces do not count, nor does whether a name has quotes that it could do without. */
function alike(tokens: readonly CqlToken[]): string {
  return tokens
    .map((token) => (token.kind === 'name' || token.kind === 'word' ? cqlName(meaningOf(token)) : token.text))
    .join(' ');
}
