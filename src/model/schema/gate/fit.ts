import { cqlString, cqlTokens, isWord, meaningOf, meaningfulTokens, optionAt, withTokens, type CqlToken } from '../cql-tokens.ts';
import type { SchemaStatement } from '../cql-statements.ts';
import { isQuoted, quotedFault } from './one-statement.ts';
import { visibleInLine } from '../../visible.ts';

/** The statement with what it may lose of what cqlsh cannot take: ends of lines and halves of CQL comments in a comment of a table. */
export function fit(statement: SchemaStatement): SchemaStatement {
  return withPlainComment(withPlainBody(statement));
}

/** What people are told of a statement that `fit` has changed. */
export function alteredText(statement: SchemaStatement): string {
  return `${nameOf(statement)}: ends of lines in its comment, and halves of CQL comments, are made blanks: cqlsh takes none`;
}

/** What of a statement, quoted or with its lines, no cqlsh can be given; undefined where it can be given all of it. */
export function unfitReason(statement: SchemaStatement): string | undefined {
  const body = bodyOf(statement);
  const isBroken = cqlTokens(statement.text).some(
    (token) => isQuoted(token) && token.at !== body?.at && token.text.includes('\n'),
  );
  return quotedFault(statement.text) ?? (isBroken ? 'a string with the end of a line' : undefined);
}

/** A comment is for people: it may lose what cqlsh cannot take. */
function withPlainComment(statement: SchemaStatement): SchemaStatement {
  const tokens = statement.kind === 'table' || statement.kind === 'view' ? meaningfulTokens(statement.text) : [];
  const comment = tokens[optionAt(tokens, 'comment') ?? -1];
  if (comment?.kind !== 'string') {
    return statement;
  }
  const plain = meaningOf(comment)
    .replaceAll(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/g, ' ')
    .replaceAll('/*', '/ ')
    .replaceAll('*/', ' /');
  return plain === meaningOf(comment) ? statement : withWritten(statement, comment, cqlString(plain));
}

/** Of the ends of lines of a body cqlsh leaves the second half, as it does for all that it reads. */
function withPlainBody(statement: SchemaStatement): SchemaStatement {
  const body = bodyOf(statement);
  return body?.text.includes('\r\n') === true ? withWritten(statement, body, body.text.replaceAll('\r\n', '\n')) : statement;
}

/** A function's code: the only string that may have several lines. */
function bodyOf({ kind, text }: SchemaStatement): CqlToken | undefined {
  const tokens = kind === 'function' ? meaningfulTokens(text) : [];
  return tokens.find((token, at) => token.kind === 'string' && isWord(tokens[at - 1], 'AS'));
}

function withWritten(statement: SchemaStatement, token: CqlToken, text: string): SchemaStatement {
  return { ...statement, text: withTokens(statement.text, new Map([[token, text]])) };
}

/** A statement's object as a message names it. */
export function nameOf({ keyspace, name }: SchemaStatement): string {
  return visibleInLine(name === '' ? `keyspace ${keyspace}` : `${keyspace}.${name}`);
}
