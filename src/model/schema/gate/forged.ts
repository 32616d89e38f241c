import type { SchemaStatement } from '../cql-statements.ts';
import { IntegrityError } from '../../errors.ts';
import { tokenFault } from './one-statement.ts';
import { beginsWith, headOf } from '../statement-head.ts';
import { isWord } from '../cql-tokens.ts';
import { visibleInLine } from '../../visible.ts';

/**
 * Throws IntegrityError where a schema is none that a backup writes: who can write to a bucket is not trusted with a command
 * of the node's, nor with any statement that he likes.
 */
export function refuseForged(schema: readonly SchemaStatement[]): void {
  for (const statement of schema) {
    const fault = tokenFault(statement.text) ?? kindFault(statement);
    if (fault !== undefined) {
      throw new IntegrityError(`the backup's schema is not one that a backup writes: ${fault} in ${shown(statement)}`, {
        hint: 'none of its statements is run. Find out who can write to the bucket; what is missing can be created by hand',
      });
    }
  }
}

/** A statement as a message names it. */
export function shown({ text }: Pick<SchemaStatement, 'text'>): string {
  const [first = ''] = text.split(/[\n\r]/);
  return visibleInLine(first.length > mostShown ? `${first.slice(0, mostShown)} …` : first);
}

const mostShown = 160;

function kindFault({ kind, name, text }: SchemaStatement): string | undefined {
  if (kind === 'other') {
    return known.some((words) => beginsWith(text, ...words)) ? undefined : 'a statement of a kind that no schema has';
  }
  if (kind === 'alter') {
    const [verb] = headOf(text)?.rest ?? [];
    const isKnown = verbs.some((word) => isWord(verb, word)) || (isWord(verb, 'WITH') && name.endsWith('_scylla_cdc_log'));
    return isKnown ? undefined : 'a change that no schema has';
  }
  return beginsWith(text, 'CREATE', 'OR') ? 'a statement that could replace what is there' : undefined;
}

/** What is described so that a table becomes what it was; and by ScyllaDB the options of its own tables. */
const verbs = ['ADD', 'DROP', 'RENAME'] as const;

/** What servers describe besides, and nobody runs: ScyllaDB roles and service levels, Cassandra 6 comments and labels. */
const known: readonly (readonly string[])[] = [
  ['CREATE', 'ROLE'],
  ['CREATE', 'USER'],
  ['GRANT'],
  ['CREATE', 'SERVICE'],
  ['CREATE', 'SERVICE_LEVEL'],
  ['ATTACH', 'SERVICE'],
  ['ATTACH', 'SERVICE_LEVEL'],
  ['COMMENT', 'ON'],
  ['SECURITY', 'LABEL'],
];
