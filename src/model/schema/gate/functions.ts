import { type CqlToken, isMark, isName, isWord, meaningOf, meaningfulTokens } from '../cql-tokens.ts';
import type { SchemaStatement } from '../cql-statements.ts';
import { UsageError } from '../../errors.ts';
import { headOf } from '../statement-head.ts';
import { visibleInLine } from '../../visible.ts';

/** Statements without functions and aggregates, and what was left out. */
export interface WithoutFunctions {
  readonly statements: readonly SchemaStatement[];
  /** Of these `live` has none: `function shop.price(amount int)`. */
  readonly leftOut: readonly string[];
}

/**
 * Functions and aggregates are code that runs in the server: they are made for who has asked for them. Throws UsageError for a
 * table that cannot be made without one, since it masks a column.
 */
export function withoutFunctions(statements: readonly SchemaStatement[], live: readonly SchemaStatement[]): WithoutFunctions {
  const there = new Set(live.filter(isCode).map(signatureOf));
  const lacking = statements.filter((each) => isCode(each) && !there.has(signatureOf(each)));
  const rest = statements.filter((each) => !isCode(each));
  for (const statement of rest) {
    const needed = masksOf(statement).find(([keyspace, name]) =>
      lacking.some((each) => each.keyspace === keyspace && each.name === name),
    );
    if (needed !== undefined) {
      throw new UsageError(
        `${statement.keyspace}.${statement.name} cannot be created without the function ${needed.join('.')}, which masks a column of it`,
        { hint: `functions are code that runs in the server: look at it (sstash schema show), then add --with-functions` },
      );
    }
  }
  return { statements: rest, leftOut: lacking.map(nameOf) };
}

function isCode({ kind }: SchemaStatement): boolean {
  return kind === 'function' || kind === 'aggregate';
}

/** One name may mean several, which take other arguments. */
function signatureOf(statement: SchemaStatement): string {
  return JSON.stringify([statement.kind, statement.keyspace, statement.name, ...argumentsOf(statement).map(meaningOf)]);
}

function argumentsOf({ text }: SchemaStatement): readonly CqlToken[] {
  const rest = headOf(text)?.rest ?? [];
  return rest.slice(0, rest.findIndex((token) => isMark(token, ')')) + 1);
}

function nameOf(statement: SchemaStatement): string {
  const [first, last] = [argumentsOf(statement)[0], argumentsOf(statement).at(-1)];
  const given = first === undefined || last === undefined ? '' : statement.text.slice(first.at, last.at + 1);
  return visibleInLine(`${statement.kind} ${statement.keyspace}.${statement.name}${given}`);
}

/** The functions of `MASKED WITH`, by keyspace and name: without a keyspace it is the table's own, or one of the server's. */
function masksOf({ keyspace, text }: SchemaStatement): readonly (readonly [keyspace: string, name: string])[] {
  const tokens = meaningfulTokens(text);
  return tokens.flatMap((token, at): (readonly [string, string])[] => {
    const [first, dot, second] = tokens.slice(at + 1);
    if (!isWord(tokens[at - 1], 'MASKED') || !isWord(token, 'WITH') || !isName(first)) {
      return [];
    }
    return isMark(dot, '.') && isName(second) ? [[meaningOf(first), meaningOf(second)]] : [[keyspace, meaningOf(first)]];
  });
}
