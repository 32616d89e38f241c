import { type SchemaStatement, classify, idIn } from '../cql-statements.ts';
import { statementsIn } from '../split-statements.ts';
import { uuidOf } from '../../sstable.ts';
import { type Fitted, isOf } from './fitting.ts';

interface Placed {
  readonly statement: SchemaStatement;
  readonly from: number;
  /** Where its semicolon is, or the text ends. */
  readonly to: number;
}

/**
 * The schema with other statements for some of its tables, each in the place of those that it has for a table of that name, or at the
 * end. The rest stays as it is written, but for views of a table that has the name and is another: they would be made of the wrong one.
 */
export function withFitted(schema: string, fitted: readonly Fitted[]): string {
  const wanted = fitted.flatMap((each) => (each.statements === undefined ? [] : [{ ...each, statements: each.statements }]));
  if (wanted.length === 0) {
    return schema;
  }
  const placed = Array.from(statementsIn(schema, 'the schema'), ({ text, from, to }): Placed => ({
    statement: classify(text),
    from,
    to,
  }));
  const written = new Map<Placed, string>();
  const appended: Required<Pick<Fitted, 'table' | 'statements'>>[] = [];
  for (const { table, statements } of wanted) {
    const [first, ...rest] = placed.filter(({ statement }) => isOf(table, statement));
    const isOther = first !== undefined && idIn(first.statement.text)?.toLowerCase() !== uuidOf(table.id);
    const others = isOther ? placed.filter(({ statement }) => isViewOf(table.keyspace, table.table, statement)) : [];
    [...rest, ...others].filter((each) => !written.has(each)).forEach((each) => written.set(each, ''));
    if (first === undefined) {
      appended.push({ table, statements });
    } else {
      written.set(first, textOf(statements));
    }
  }
  const kept = placed.filter((each) => written.has(each));
  const parts = kept.map((each, index) => {
    const before = schema.slice(endOf(kept[index - 1], written), each.from);
    return `${before}${written.get(each) ?? ''}`;
  });
  const isEnded = placed.every(({ to }) => to < schema.length);
  const body = [...parts, schema.slice(endOf(kept.at(-1), written)), isEnded ? '' : ';'].join('').trimEnd();
  const [tables, views] = [appended.filter((each) => !isView(each)), appended.filter(isView)];
  return [body, ...[...tables, ...views].map(({ statements }) => `${textOf(statements)};`)].join('\n\n').concat('\n');
}

/** One that goes away takes its semicolon along. */
function endOf(placed: Placed | undefined, written: ReadonlyMap<Placed, string>): number {
  return placed === undefined ? 0 : placed.to + (written.get(placed) === '' ? 1 : 0);
}

function isView({ table, statements }: Required<Pick<Fitted, 'table' | 'statements'>>): boolean {
  return statements.some((each) => each.kind === 'view' && isOf(table, each));
}

function isViewOf(keyspace: string, base: string, statement: SchemaStatement): boolean {
  return statement.kind === 'view' && statement.keyspace === keyspace && statement.base === base;
}

function textOf(statements: readonly SchemaStatement[]): string {
  return statements.map(({ text }) => text).join(';\n\n');
}
