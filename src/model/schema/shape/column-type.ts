import { BackupError } from '../../errors.ts';
import { type CqlToken, isMark, isName, isWord, meaningOf } from '../cql-tokens.ts';

/**
 * A column's type, as far as it decides how bytes are read. Frozen or not matters where the type stands by itself: then a
 * collection or user type has a cell for each element. Within another type everything is frozen, whether that is written
 * or not (https://cassandra.apache.org/doc/stable/cassandra/cql/types.html).
 */
export interface ColumnType {
  /** Of a native type or collection, of a class in quotes, or of a user type. */
  readonly name: string;
  /** The types between the angle brackets, the size of a vector too; of a user type its fields' in order. */
  readonly of: readonly ColumnType[];
  /** Of a user type: its name and fields as the schema writes them, as `"Street" text`. */
  readonly user?: { readonly written: string; readonly fields: readonly string[] };
  /** Whether each element is a cell of its own. */
  readonly multicell: boolean;
}

export interface UserType {
  /** Its name as the schema writes it. */
  readonly written: string;
  /** In order: how the schema writes each, and the tokens of its type. */
  readonly fields: readonly { readonly text: string; readonly tokens: readonly CqlToken[] }[];
}

/** The user types of a keyspace, by name. */
export type UserTypes = ReadonlyMap<string, UserType>;

interface Parsed {
  readonly type: ColumnType;
  /** The place of the token after it. */
  readonly end: number;
}

const collections: ReadonlySet<string> = new Set(['list', 'set', 'map']);

/**
 * What a text may ask for: types that are made of each other twice are a million parts after twenty of them, and brackets in
 * brackets end in the stack. Neither is a schema of Cassandra's.
 */
interface Bounds {
  readonly types: UserTypes;
  readonly depth: number;
  /** How many types were read so far. */
  readonly read: { count: number };
}

const deepest = 64;
const mostTypes = 10_000;

/**
 * The type that begins at this token; undefined where none does. A name that no user type has is taken for a native one's.
 * Throws BackupError for one that is deeper, or made of more types, than any is.
 */
export function typeAt(tokens: readonly CqlToken[], at: number, types: UserTypes): Parsed | undefined {
  return parsedAt(tokens, at, { types, depth: 0, read: { count: 0 } });
}

function parsedAt(tokens: readonly CqlToken[], at: number, bounds: Bounds): Parsed | undefined {
  const { types, read, depth } = bounds;
  read.count += 1;
  if (depth > deepest || read.count > mostTypes) {
    throw new BackupError('the schema has a type that is made of more types than Cassandra would take');
  }
  const [token, next] = [tokens[at], tokens[at + 1]];
  if (token?.kind === 'string') {
    return { type: leaf(meaningOf(token).replace(/^org\.apache\.cassandra\.db\.marshal\./, '')), end: at + 1 };
  }
  if (!isName(token)) {
    return undefined;
  }
  if (isMark(next, '<')) {
    return genericAt(tokens, at, { ...bounds, depth: depth + 1 });
  }
  // A type of another keyspace would be written with it; there are none.
  const [own, end] = isMark(next, '.') && isName(tokens[at + 2]) ? [tokens[at + 2], at + 3] : [token, at + 1];
  const name = meaningOf(own ?? token);
  const user = types.get(name);
  return { type: user === undefined ? leaf(aliases.get(name) ?? name) : userTypeIn(name, user, bounds), end };
}

function genericAt(tokens: readonly CqlToken[], at: number, bounds: Bounds): Parsed | undefined {
  const of: ColumnType[] = [];
  let end = at + 1;
  do {
    const part = parsedAt(tokens, end + 1, bounds);
    if (part === undefined) {
      return undefined;
    }
    of.push(part.type);
    end = part.end;
  } while (isMark(tokens[end], ','));
  const [first] = of;
  if (!isMark(tokens[end], '>') || first === undefined) {
    return undefined;
  }
  end += 1;
  return isWord(tokens[at], 'frozen')
    ? { type: { ...first, multicell: false }, end }
    : { type: { name: nameAt(tokens, at), of, multicell: collections.has(nameAt(tokens, at)) }, end };
}

function nameAt(tokens: readonly CqlToken[], at: number): string {
  const token = tokens[at];
  return token === undefined ? '' : meaningOf(token);
}

/** A user type, made of these others. */
export function userType(name: string, type: UserType, types: UserTypes): ColumnType {
  return userTypeIn(name, type, { types, depth: 0, read: { count: 0 } });
}

/** No type can have itself as a field, in Cassandra; in a text that says so, the inner one has none. */
function userTypeIn(name: string, { written, fields }: UserType, { types, depth, read }: Bounds): ColumnType {
  const others = new Map([...types].filter(([other]) => other !== name));
  const within = { types: others, depth: depth + 1, read };
  return {
    name,
    of: fields.map((field) => parsedAt(field.tokens, 0, within)?.type ?? leaf(field.text)),
    user: { written, fields: fields.map(({ text }) => text) },
    multicell: true,
  };
}

/** The names of the user types that a type is made of, its own too. */
export function userTypesIn({ name, of, user }: ColumnType): readonly string[] {
  return [...(user === undefined ? [] : [name]), ...of.flatMap(userTypesIn)];
}

function leaf(name: string): ColumnType {
  return { name, of: [], multicell: false };
}

const aliases: ReadonlyMap<string, string> = new Map([['varchar', 'text']]);

/** A user type that has fewer fields now: values with all of them could not be read. */
export interface LackingFields {
  readonly type: string;
  /** Its name as a statement writes it. */
  readonly written: string;
  /** As the backup's schema writes them. */
  readonly fields: readonly string[];
}

/**
 * What keeps values of the type `was` from being read as `now`: fields that a user type lacks, or `other` for another type
 * altogether. Undefined where nothing does: it is the same type, or its user types have got other names for their fields, or
 * more fields at the end.
 */
export function unreadableAs(now: ColumnType, was: ColumnType): LackingFields | 'other' | undefined {
  return now.multicell === was.multicell ? unreadableParts(now, was) : 'other';
}

function unreadableParts(now: ColumnType, was: ColumnType): LackingFields | 'other' | undefined {
  const areUserTypes = now.user !== undefined && was.user !== undefined;
  const isSameKind = areUserTypes || (now.user === was.user && now.name === was.name && now.of.length === was.of.length);
  if (!isSameKind) {
    return 'other';
  }
  const faults = was.of.slice(0, now.of.length).map((part, at) => unreadableParts(now.of[at] ?? part, part));
  const fields = was.user?.fields.slice(now.of.length) ?? [];
  const lacking = fields.length === 0 ? undefined : { type: now.name, written: now.user?.written ?? '', fields };
  return faults.includes('other') ? 'other' : (faults.find((fault) => fault !== undefined) ?? lacking);
}

/** The type as Cassandra remembers it of a column that was dropped: a user type, which may go too, is a tuple then. */
export function asDropped(type: ColumnType): ColumnType {
  const { name, of, user, multicell } = type;
  return { name: user === undefined ? name : 'tuple', of: of.map(asDropped), multicell };
}

/** Types that read the values of others as they lie: what ALTER TABLE allowed once, and ADD allows for a column that was dropped. */
const readers: ReadonlyMap<string, readonly string[]> = new Map([
  ['text', ['ascii']],
  ['varint', ['int', 'bigint', 'timestamp']],
  ['bigint', ['timestamp']],
  ['timestamp', ['bigint']],
  ['uuid', ['timeuuid']],
  ['date', ['int']],
  ['time', ['bigint']],
]);

/** `isValueCompatibleWith` of Cassandra's types (src/java/org/apache/cassandra/db/marshal). */
export function readsValuesOf(now: ColumnType, was: ColumnType): boolean {
  return (
    !now.multicell &&
    !was.multicell &&
    was.name !== 'counter' &&
    (now.name === 'blob' || readers.get(now.name)?.includes(was.name) === true)
  );
}
