import { type CqlToken, isMark, isName, isWord, meaningOf } from '../cql-tokens.ts';
import { type SchemaStatement, idIn } from '../cql-statements.ts';
import { headOf } from '../statement-head.ts';
import { definitions, descendingIn, isKeyAt, keyIn, written } from '../definitions.ts';
import { type ColumnType, type UserType, type UserTypes, typeAt, userType } from './column-type.ts';

/** What decides how the bytes of a table's sstables are read: its columns, and not its options. */
export interface TableShape {
  /** With dashes, where the statement names one. */
  readonly id?: string;
  readonly partitionKey: readonly ShapeColumn[];
  readonly clustering: readonly ShapeColumn[];
  /** Of `clustering`, those in descending order, by name. */
  readonly descending: ReadonlySet<string>;
  /** Static and regular columns, by name. */
  readonly columns: ReadonlyMap<string, ShapeColumn>;
  /** Columns that were dropped, by name; one that was added again is in `columns` too. */
  readonly dropped: ReadonlyMap<string, DroppedColumn>;
  readonly isCounter: boolean;
  readonly isCompact: boolean;
  /** A view is filled from its base table. */
  readonly isView: boolean;
}

export interface ShapeColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** As the schema writes it, as `"it's" map<text, int>`. */
  readonly text: string;
  /** Where in `text` the type begins. */
  readonly typeAt: number;
  readonly isStatic: boolean;
}

export interface DroppedColumn extends ShapeColumn {
  /** When, in microseconds since 1970, as DROP … USING TIMESTAMP says it; what is older is hidden. */
  readonly at: string;
}

/**
 * The shape of a table or view, from its CREATE and the ALTERs that follow it. Undefined where the schema has no such table,
 * or says something of it that is not understood.
 */
export function shapeOf(schema: readonly SchemaStatement[], keyspace: string, table: string): TableShape | undefined {
  const own = schema.filter((each) => each.keyspace === keyspace && each.name === table);
  const create = own.find(({ kind }) => kind === 'table' || kind === 'view');
  if (create === undefined) {
    return undefined;
  }
  const types = userTypesOf(schema, keyspace);
  const made = create.kind === 'view' ? viewShape(schema, create) : tableShape(create, types);
  return own
    .filter(({ kind }) => kind === 'alter')
    .reduce<TableShape | undefined>((shape, { text }) => shape && altered(shape, headOf(text)?.rest ?? [], types), made);
}

/** The user types that a schema makes in a keyspace. */
function userTypesOf(schema: readonly SchemaStatement[], keyspace: string): UserTypes {
  const own = schema.filter((each) => each.kind === 'type' && each.keyspace === keyspace);
  return new Map(own.map((each) => [each.name, userTypeOf(each)]));
}

/** What a CREATE TYPE makes; user types among its fields are told by their names alone. */
export function typeMade(create: SchemaStatement): ColumnType {
  return userType(create.name, userTypeOf(create), new Map());
}

function userTypeOf({ text }: SchemaStatement): UserType {
  const head = headOf(text);
  const fields = definitions(head?.rest ?? []).map((tokens) => ({ text: written(tokens), tokens: tokens.slice(1) }));
  return { written: head?.name?.text ?? '', fields };
}

function tableShape(create: SchemaStatement, types: UserTypes): TableShape | undefined {
  const rest = headOf(create.text)?.rest ?? [];
  const columns: ShapeColumn[] = [];
  let key: readonly string[][] = [];
  for (const tokens of definitions(rest)) {
    if (isKeyAt(tokens, 0)) {
      key = keyIn(tokens.slice(2));
      continue;
    }
    const column = columnIn(tokens, types);
    if (column === undefined) {
      return undefined;
    }
    columns.push(column);
    key = tokens.some((_, at) => isKeyAt(tokens, at)) ? [[column.name]] : key;
  }
  return shapeWith(columns, key, { rest, isView: false, id: idIn(create.text) });
}

/** A view has some of its base table's columns, or all of them, under a key of its own. */
function viewShape(schema: readonly SchemaStatement[], create: SchemaStatement): TableShape | undefined {
  const base = create.base === undefined ? undefined : shapeOf(schema, create.keyspace, create.base);
  const rest = headOf(create.text)?.rest ?? [];
  const [select, from] = ['SELECT', 'FROM'].map((word) => rest.findIndex((token) => isWord(token, word)));
  const keyAt = rest.findIndex((token, at) => isWord(token, 'PRIMARY') && isKeyAt(rest, at) && isMark(rest[at + 2], '('));
  if (base === undefined || select === undefined || from === undefined || select < 0 || keyAt < 0) {
    return undefined;
  }
  const named = rest.slice(select + 1, from);
  const chosen = new Set(named.filter(isName).map(meaningOf));
  const key = keyIn(rest.slice(keyAt + 2));
  const all = [...base.partitionKey, ...base.clustering, ...base.columns.values()];
  const columns = all.filter(({ name }) => isMark(named[0], '*') || chosen.has(name) || key.flat().includes(name));
  return shapeWith(columns, key, { rest, isView: true, id: idIn(create.text) });
}

function shapeWith(
  columns: readonly ShapeColumn[],
  key: readonly (readonly string[])[],
  { rest, isView, id }: { readonly rest: readonly CqlToken[]; readonly isView: boolean; readonly id: string | undefined },
): TableShape | undefined {
  const named = new Map(columns.map((column) => [column.name, column]));
  const [partition = [], clustering = []] = key.map((names) => names.map((name) => named.get(name)));
  const isWhole = (found: readonly (ShapeColumn | undefined)[]): found is readonly ShapeColumn[] => !found.includes(undefined);
  if (partition.length === 0 || !isWhole(partition) || !isWhole(clustering)) {
    return undefined;
  }
  const keys = new Set(key.flat());
  return {
    ...(id === undefined ? {} : { id }),
    partitionKey: partition,
    clustering,
    descending: descendingIn(rest),
    columns: new Map([...named].filter(([name]) => !keys.has(name))),
    dropped: new Map(),
    isCounter: columns.some(({ type }) => type.name === 'counter'),
    isCompact: rest.some((token, at) => isWord(token, 'COMPACT') && isWord(rest[at + 1], 'STORAGE')),
    isView,
  };
}

/** One ALTER TABLE: columns dropped, added, or renamed. One that only sets options changes no shape. */
function altered(shape: TableShape, rest: readonly CqlToken[], types: UserTypes): TableShape | undefined {
  const [verb, ...tokens] = rest;
  if (isWord(verb, 'WITH')) {
    return shape;
  }
  const [name, next] = tokens;
  if (isWord(verb, 'DROP') && isName(name) && (next === undefined || isWord(next, 'USING'))) {
    return withoutColumn(shape, meaningOf(name), tokens[3]?.text ?? '');
  }
  if (isWord(verb, 'ADD')) {
    const column = columnIn(tokens, types);
    return column && { ...shape, columns: new Map([...shape.columns, [column.name, column]]) };
  }
  const to = tokens[2];
  return isWord(verb, 'RENAME') && isName(name) && isWord(next, 'TO') && isName(to) && tokens.length === 3
    ? withKeyName(shape, meaningOf(name), meaningOf(to))
    : undefined;
}

function withoutColumn(shape: TableShape, name: string, at: string): TableShape | undefined {
  const column = shape.columns.get(name);
  return (
    column && {
      ...shape,
      columns: new Map([...shape.columns].filter(([other]) => other !== name)),
      dropped: new Map([...shape.dropped, [name, { ...column, at }]]),
    }
  );
}

function withKeyName(shape: TableShape, from: string, to: string): TableShape {
  const renamed = (columns: readonly ShapeColumn[]) =>
    columns.map((column) => (column.name === from ? { ...column, name: to } : column));
  return {
    ...shape,
    partitionKey: renamed(shape.partitionKey),
    clustering: renamed(shape.clustering),
    descending: new Set([...shape.descending].map((name) => (name === from ? to : name))),
  };
}

/** `name type`, and `STATIC`, a mask or a constraint after it. */
function columnIn(tokens: readonly CqlToken[], types: UserTypes): ShapeColumn | undefined {
  const [name] = tokens;
  const parsed = typeAt(tokens, 1, types);
  if (!isName(name) || parsed === undefined) {
    return undefined;
  }
  const isStatic = isWord(tokens[parsed.end], 'STATIC');
  const text = written(tokens.slice(0, parsed.end + (isStatic ? 1 : 0)));
  return { name: meaningOf(name), type: parsed.type, text, typeAt: name.text.length + 1, isStatic };
}
