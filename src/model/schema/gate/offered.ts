import type { SchemaStatement } from '../cql-statements.ts';
import { UsageError } from '../../errors.ts';
import { beginsWith } from '../statement-head.ts';
import { alteredText, fit, nameOf, unfitReason } from './fit.ts';
import { shown } from './forged.ts';
import { onFewestLines, tokenFault } from './one-statement.ts';

/** What of a backup's schema is offered to people, who give it to a cqlsh of their own. */
export interface OfferedSchema {
  /** In the order of the schema; in the place of one that is not offered stands what kind it was. */
  readonly parts: readonly OfferedPart[];
  /** Those that are not offered, with the reason. */
  readonly leftOut: readonly string[];
  /** What people should know before they use it. */
  readonly warnings: readonly string[];
}

export type OfferedPart = { readonly statement: string } | { readonly leftOut: string };

/**
 * The statements as any cqlsh reads them, whichever its version: what is shown is run by people. A function that cqlsh would cut
 * to pieces is left out, since honest ones have CQL comments in their code; and so is who may do what, which nobody takes from a
 * bucket. Throws UsageError for anything else that cqlsh cannot be given. `refuseForged` comes first.
 */
export function offered(statements: readonly SchemaStatement[]): OfferedSchema {
  const looked = statements.map(lookedAt);
  const leftOut = looked.flatMap(({ statement, reason }) => (reason === undefined ? [] : [`${titleOf(statement)}: ${reason}`]));
  const altered = looked.filter(
    ({ statement, text, reason }) => reason === undefined && isTable(statement) && text !== statement.text,
  );
  return {
    parts: looked.map(({ statement, text, reason }) =>
      reason === undefined ? { statement: text } : { leftOut: kindText(statement) },
    ),
    leftOut,
    warnings: [...altered.map(({ statement }) => alteredText(statement)), ...leftOut.map((each) => `left out: ${each}`)],
  };
}

interface Looked {
  readonly statement: SchemaStatement;
  readonly text: string;
  readonly reason?: string;
}

function lookedAt(statement: SchemaStatement): Looked {
  const { text } = fit(statement);
  if (rights.some((words) => beginsWith(text, ...words))) {
    return { statement, text, reason: 'who may do what is not taken from a backup' };
  }
  const fault = tokenFault(text) ?? unfitReason({ ...statement, text });
  if (fault === undefined) {
    return { statement, text: withPlainLines(text) };
  }
  if (mayBeLeftOut.has(statement.kind)) {
    return { statement, text, reason: `cqlsh cannot be given ${fault}` };
  }
  throw new UsageError(`cqlsh cannot be given ${fault}, and the backup's schema has one: ${shown(statement)}`, {
    hint: `choose other tables (-K), and create ${nameOf(statement)} by hand`,
  });
}

/** An end of a line outside strings stays only where what follows is set in or closes a bracket, as servers write it. */
function withPlainLines(text: string): string {
  return /\n(?![ )])/.test(text) ? onFewestLines(text) : text;
}

/** What ScyllaDB describes of people: a superuser could be among them. */
const rights = [
  ['CREATE', 'ROLE'],
  ['CREATE', 'USER'],
  ['GRANT'],
  ['CREATE', 'SERVICE'],
  ['CREATE', 'SERVICE_LEVEL'],
  ['ATTACH'],
];

const mayBeLeftOut: ReadonlySet<SchemaStatement['kind']> = new Set(['function', 'aggregate', 'other']);

function isTable({ kind }: SchemaStatement): boolean {
  return kind === 'table' || kind === 'view';
}

function titleOf(statement: SchemaStatement): string {
  return statement.kind === 'other' ? shown(statement) : `${statement.kind} ${nameOf(statement)}`;
}

/** No text of the backup's: half of a comment in a name would be one to an older cqlsh, even here. */
function kindText({ kind }: SchemaStatement): string {
  return kind === 'other' ? 'statement' : kind;
}
