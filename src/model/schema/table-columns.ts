import { type CqlToken, isMark, isName, isWord, meaningOf, meaningfulTokens, optionAt } from './cql-tokens.ts';
import type { SchemaStatement } from './cql-statements.ts';
import { headOf } from './statement-head.ts';

/** What the text of a CREATE TABLE says of its columns. */
export interface TableColumns {
  /** By name, whether it is a column of the primary key, and a counter. */
  readonly columns: ReadonlyMap<string, { readonly key: boolean; readonly counter: boolean }>;
}

/**
 * The columns that a table has in a schema: those of its CREATE TABLE, without what an ALTER drops and with what one adds.
 * Undefined where the schema does not have the table.
 */
export function columnsIn(
  schema: readonly SchemaStatement[],
  { keyspace, table }: { readonly keyspace: string; readonly table: string },
): TableColumns['columns'] | undefined {
  const statements = schema.filter((each) => each.keyspace === keyspace && each.name === table);
  const create = statements.find(({ kind }) => kind === 'table');
  if (create === undefined) {
    return undefined;
  }
  const columns = new Map(columnsOfCreate(create));
  for (const { kind, text } of statements) {
    const [verb, column, ...type] = kind === 'alter' ? (headOf(text)?.rest ?? []) : [];
    if (isWord(verb, 'DROP') && isName(column)) {
      columns.delete(meaningOf(column));
    } else if (isWord(verb, 'ADD') && isName(column)) {
      columns.set(meaningOf(column), { key: false, counter: isWord(type[0], 'counter') });
    }
  }
  return columns;
}

/** A column a line between the outermost brackets: its name, its type and more; then PRIMARY KEY with names in brackets. */
function columnsOfCreate({ text }: SchemaStatement): TableColumns['columns'] {
  const lines = linesIn(headOf(text)?.rest ?? []);
  const inKey = new Set(lines.filter(isPrimaryKey).flatMap(([, , ...names]) => names.filter(isName).map(meaningOf)));
  return new Map(
    lines
      .filter((line) => !isPrimaryKey(line))
      .flatMap((line) => {
        const [name, ...type] = line;
        const key =
          isName(name) && (inKey.has(meaningOf(name)) || type.some((token, at) => isPrimaryKey([token, ...type.slice(at + 1)])));
        return isName(name) ? [[meaningOf(name), { key, counter: isWord(type[0], 'counter') }] as const] : [];
      }),
  );
}

/** `"primary" key` would be a column; the keyword has no quotes. */
function isPrimaryKey([first, second]: readonly CqlToken[]): boolean {
  return isWord(first, 'PRIMARY') && isWord(second, 'KEY');
}

function linesIn(rest: readonly CqlToken[]): readonly (readonly CqlToken[])[] {
  const lines: CqlToken[][] = [[]];
  let depth = 0;
  for (const token of rest) {
    const opens = isMark(token, '(') || isMark(token, '<') || isMark(token, '{');
    const closes = isMark(token, ')') || isMark(token, '>') || isMark(token, '}');
    depth += opens ? 1 : closes ? -1 : 0;
    if (depth === 0) {
      break;
    }
    if (depth === 1 && isMark(token, ',')) {
      lines.push([]);
    } else if (!(depth === 1 && opens)) {
      lines.at(-1)?.push(token);
    }
  }
  return lines;
}

/** Seconds after which rows go that say no time of their own; undefined where they stay. */
export function defaultTimeToLive({ text }: SchemaStatement): number | undefined {
  const tokens = meaningfulTokens(text);
  const value = Number(tokens[optionAt(tokens, 'default_time_to_live') ?? -1]?.text ?? 0);
  return value > 0 ? value : undefined;
}

/** Whether changes of a table's rows are kept for others to read; ScyllaDB writes a map. */
export function keepsChanges({ text }: SchemaStatement): boolean {
  const tokens = meaningfulTokens(text);
  const [value, key, , enabled] = tokens.slice(optionAt(tokens, 'cdc') ?? tokens.length);
  return (
    isWord(value, 'true') ||
    (isMark(value, '{') && key?.kind === 'string' && meaningOf(key) === 'enabled' && /^'?true'?$/i.test(enabled?.text ?? ''))
  );
}
