import { cqlString, cqlTokens, isWord, meaningOf, meaningfulTokens, optionAt, withTokens, type CqlToken } from '../cql-tokens.ts';
import { type SchemaStatement, ifNotExists } from '../cql-statements.ts';
import { UsageError } from '../../errors.ts';
import { refuseForged, shown } from './forged.ts';
import { withoutFunctions } from './functions.ts';
import { isQuoted, quotedFault } from './one-statement.ts';
import { visibleInLine } from '../../visible.ts';

/** What of a backup's schema is run. */
export interface AdmittedSchema {
  /** So that running one again, or beside what is there, is no error. */
  readonly statements: readonly string[];
  /** Functions and aggregates that nobody has asked for: `function shop.price(amount int)`. */
  readonly leftOut: readonly string[];
  /** What people should know before they agree. */
  readonly warnings: readonly string[];
}

export const nothingToRun: AdmittedSchema = { statements: [], leftOut: [], warnings: [] };

interface Admission {
  /** All of the backup's, of which the statements are some. */
  readonly schema: readonly SchemaStatement[];
  readonly live: readonly SchemaStatement[];
  readonly withFunctions: boolean;
}

/**
 * The statements as they may go to cqlsh. Throws IntegrityError where the schema, of which these are a part, is none that a
 * backup writes; UsageError for what cannot be made by cqlsh, or without the functions that were not asked for.
 */
export function admitted(wanted: readonly SchemaStatement[], { schema, live, withFunctions }: Admission): AdmittedSchema {
  if (wanted.length === 0) {
    return nothingToRun;
  }
  refuseForged([...schema, ...wanted]);
  const { statements, leftOut } = withFunctions ? { statements: wanted, leftOut: [] } : withoutFunctions(wanted, live);
  const fitted = statements.map((statement) => ({ statement, fit: fittedFor(statement) }));
  const altered = fitted.filter(({ statement, fit }) => fit.text !== statement.text && statement.kind !== 'function');
  return {
    statements: fitted.map(({ fit }) => ifNotExists(fit)),
    leftOut,
    warnings: [
      ...altered.map(
        ({ statement }) =>
          `${nameOf(statement)}: ends of lines in its comment, and halves of CQL comments, are made blanks: cqlsh takes none`,
      ),
      ...(leftOut.length === 0
        ? []
        : [
            `left out, since they are code that runs in the server: ${leftOut.join(', ')}. To create them too, look at them (sstash schema show) and add --with-functions`,
          ]),
    ],
  };
}

/** Throws UsageError for what cqlsh cannot be given. */
function fittedFor(statement: SchemaStatement): SchemaStatement {
  const fit = withPlainComment(withPlainBody(statement));
  const body = bodyOf(fit);
  const isBroken = cqlTokens(fit.text).some((token) => isQuoted(token) && token.at !== body?.at && token.text.includes('\n'));
  const fault = quotedFault(fit.text) ?? (isBroken ? 'a string with the end of a line' : undefined);
  if (fault !== undefined) {
    throw new UsageError(`cqlsh cannot be given ${fault}, and the backup's schema has one: ${shown(statement)}`, {
      hint: `create ${nameOf(statement)} by hand, then run this again`,
    });
  }
  return fit;
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

function nameOf({ keyspace, name }: SchemaStatement): string {
  return visibleInLine(name === '' ? `keyspace ${keyspace}` : `${keyspace}.${name}`);
}
