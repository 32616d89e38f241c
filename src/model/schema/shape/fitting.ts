import { type TableId, uuidOf } from '../../sstable.ts';
import { type SchemaStatement, idIn, keyspacesIn } from '../cql-statements.ts';
import { cqlName } from '../cql-tokens.ts';
import { compareShapes } from './shape-difference.ts';
import { type TableShape, shapeOf } from './table-shape.ts';

/** A table of a backup, and what its files were written by. */
export interface WrittenTable {
  readonly table: TableId;
  /** What the snapshots of the nodes say of the table themselves, each another schema: with the types that it uses. */
  readonly written: readonly (readonly SchemaStatement[])[];
}

/** How the files of one table are described best. */
export interface Fitted {
  readonly table: TableId;
  /** The statements that take the place of the described ones, with types that the schema lacks; absent where those stay. */
  readonly statements?: readonly SchemaStatement[];
  /** Why no schema would bring the rows of all nodes back; absent where one does. */
  readonly fault?: string;
  /** What does not come back all the same. */
  readonly notes: readonly string[];
}

/**
 * A schema that was asked for after the data was fixed may be of another table than the files: it was dropped and made again, or
 * altered, in between; and nodes fix their data one after the other. Of each table that description is chosen which reads the files
 * of all nodes and hides nothing of them: the one of the cluster, else that of one of the snapshots. Where all hide something, the
 * cluster's stands, and it is said. Gives the tables of which there is anything to say.
 *
 * What is not understood (`shapeOf`), tables of the old interface, of which servers do not always say the same, and what has no id
 * where it was written (Scylla leaves it out there, and dropped columns too) are told by the ids alone that the cluster describes.
 */
export function fitTables(
  tables: readonly WrittenTable[],
  described: readonly SchemaStatement[],
  isDescribed: (table: TableId) => boolean,
): readonly Fitted[] {
  const keyspaces = keyspacesIn(described);
  const [types, byTable] = [new Map<string, SchemaStatement[]>(), new Map<string, SchemaStatement[]>()];
  for (const statement of described) {
    const { kind, keyspace, name } = statement;
    const [group, key] = kind === 'type' ? [types, keyspace] : [byTable, nameKey(keyspace, name)];
    if (kind === 'type' || ofTable.has(kind)) {
      const own = group.get(key) ?? [];
      own.push(statement);
      group.set(key, own);
    }
  }
  return tables
    .map((written) => {
      const { keyspace, table } = written.table;
      const own = byTable.get(nameKey(keyspace, table)) ?? [];
      // A view has the columns of its base table.
      const bases = own.flatMap(({ base }) => (base === undefined ? [] : (byTable.get(nameKey(keyspace, base)) ?? [])));
      const around = { types: types.get(keyspace) ?? [], own: [...bases, ...own], exists: keyspaces.has(keyspace) };
      return fitTable(written, around, isDescribed(written.table));
    })
    .filter(({ statements, fault, notes }) => statements !== undefined || fault !== undefined || notes.length > 0);
}

/** What the cluster says of the table and of its keyspace. */
interface Around {
  readonly types: readonly SchemaStatement[];
  /** Those of the table; of a view those of its base table too. */
  readonly own: readonly SchemaStatement[];
  readonly exists: boolean;
}

function fitTable({ table, written }: WrittenTable, around: Around, isDescribed: boolean): Fitted {
  const shapes = written
    .flatMap((statements) => shapeOf(statements, table.keyspace, table.table) ?? [])
    .filter((shape) => isTold(shape) && shape.id?.toLowerCase() === uuidOf(table.id));
  const asDescribed = isDescribed ? judged(table, [...around.types, ...around.own], shapes) : undefined;
  if (asDescribed !== undefined && asDescribed.fault === undefined && asDescribed.notes.length === 0) {
    return { table, notes: [] };
  }
  const others = around.exists ? written.flatMap((statements) => inItsPlace(table, statements, around, shapes) ?? []) : [];
  const best = others.find(({ fault, notes }) => fault === undefined && notes.length === 0);
  if (best !== undefined) {
    return best;
  }
  if (asDescribed !== undefined && asDescribed.fault === undefined) {
    return { table, notes: asDescribed.notes };
  }
  const readable = others.find(({ fault }) => fault === undefined);
  const fault = asDescribed?.fault ?? whyNone(around, others);
  return readable ?? { table, fault, notes: [] };
}

function whyNone({ exists }: Around, others: readonly Fitted[]): string {
  if (!exists) {
    return 'the schema has no keyspace of that name any more';
  }
  return others[0]?.fault ?? 'the schema has no table with its id, and no snapshot says what it was';
}

/** How the table would be with the statements of one snapshot; undefined where they do not make it. */
function inItsPlace(
  table: TableId,
  theirs: readonly SchemaStatement[],
  { types: described }: Around,
  shapes: readonly TableShape[],
): Fitted | undefined {
  const own = theirs.filter((each) => isOf(table, each));
  if (!own.some(({ kind, text }) => (kind === 'table' || kind === 'view') && idIn(text)?.toLowerCase() === uuidOf(table.id))) {
    return undefined;
  }
  const isLacking = (type: SchemaStatement) => !described.some(({ name }) => name === type.name);
  const types = theirs.filter((each) => each.kind === 'type' && each.keyspace === table.keyspace && isLacking(each));
  return { ...judged(table, [...described, ...types, ...own], shapes), statements: [...types, ...own] };
}

/** Whether a schema reads what has these shapes. */
function judged(table: TableId, schema: readonly SchemaStatement[], shapes: readonly TableShape[]): Fitted {
  const { keyspace, table: name } = table;
  const shape = shapes.length === 0 ? undefined : shapeOf(schema, keyspace, name);
  if (shape === undefined || !isTold(shape)) {
    return { table, notes: [] };
  }
  const living = { shape, keyspace: cqlName(keyspace), table: cqlName(name), sameId: true };
  const found = shapes.map((was) => compareShapes(was, living));
  const refused = [...new Set(found.flatMap((each) => each.refused.map(({ text }) => text)))];
  const notes = [...new Set(found.flatMap((each) => each.notes))];
  return refused.length > 0 ? { table, fault: refused.join(', '), notes } : { table, notes };
}

function isTold({ isCompact }: TableShape): boolean {
  return !isCompact;
}

function nameKey(keyspace: string, name: string): string {
  return `${keyspace}\0${name}`;
}

/** Whether a statement makes the table or view, or a part of it. */
export function isOf({ keyspace, table }: TableId, statement: SchemaStatement): boolean {
  return ofTable.has(statement.kind) && statement.keyspace === keyspace && statement.name === table;
}

const ofTable: ReadonlySet<SchemaStatement['kind']> = new Set(['table', 'view', 'alter', 'index']);
