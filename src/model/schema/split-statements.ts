import { IntegrityError } from '../errors.ts';
import { isMark, tokensFrom } from './cql-tokens.ts';

/**
 * A text of CQL in statements, one after the other, so that the tokens of no more than one are held: each takes ten times its text
 * or more, and a schema may have 30 MB. What has more than any schema is refused.
 */

/** The widest table that Cassandra puts up with has some thousands of columns, with some tens of tokens each. */
export const mostTokens = 250_000;
/** Characters of a statement. The longest are dictionaries and functions, of 100 KiB at most. */
const mostCharacters = 4 * 1024 ** 2;
/** Tables, types and their alterations, twenty for each of the tables that a large cluster has. */
const mostStatements = 200_000;

export interface PlacedStatement {
  /** Without its semicolon and comments. */
  readonly text: string;
  /** Where it begins, and where its semicolon is or the text ends. */
  readonly from: number;
  readonly to: number;
}

/** Throws IntegrityError, which calls the text by that name. */
export function* statementsIn(schema: string, name: string): Generator<PlacedStatement, undefined> {
  let found = 0;
  let open = new OpenStatement(schema, name);
  for (const token of tokensFrom(schema, 0)) {
    if (!isMark(token, ';')) {
      open.add(token.at, token.text.length, token.kind);
      continue;
    }
    const statement = open.upTo(token.at);
    open = new OpenStatement(schema, name);
    if (statement !== undefined) {
      found += 1;
      if (found > mostStatements) {
        throw tooLarge(name, `more than ${mostStatements} statements`);
      }
      yield statement;
    }
  }
  const last = open.upTo(schema.length);
  if (last !== undefined) {
    yield last;
  }
  return undefined;
}

/** The statements without their semicolons and comments. One within a string, a quoted name or a body ends no statement. */
export function splitStatements(schema: string, name = 'the text'): readonly string[] {
  return Array.from(statementsIn(schema, name), ({ text }) => text);
}

export function tooLarge(name: string, what: string): IntegrityError {
  return new IntegrityError(`${name} is damaged: it has ${what}, which no schema has`, {
    hint: 'it is not what was stored there; find out who else can write to this location',
  });
}

/** A statement that has not ended yet. */
class OpenStatement {
  readonly #schema: string;
  readonly #name: string;
  /** Between comments. */
  readonly #parts: string[] = [];
  #from: number | undefined;
  #partFrom: number | undefined;
  #tokens = 0;

  constructor(schema: string, name: string) {
    this.#schema = schema;
    this.#name = name;
  }

  add(at: number, length: number, kind: string): void {
    this.#tokens += 1;
    if (this.#tokens > mostTokens) {
      throw tooLarge(this.#name, `a statement of more than ${mostTokens} words and marks`);
    }
    if (kind === 'comment') {
      this.#endPart(at);
    } else if (kind !== 'space' || this.#from !== undefined) {
      this.#from ??= at;
      this.#partFrom ??= at;
      if (at + length - this.#from > mostCharacters) {
        throw tooLarge(this.#name, `a statement of more than ${mostCharacters} characters`);
      }
    }
  }

  /** Undefined where there is nothing but white space. */
  upTo(to: number): PlacedStatement | undefined {
    this.#endPart(to);
    const [first = '', ...others] = this.#parts;
    const text = (others.length === 0 ? first : this.#parts.join('')).trim();
    return this.#from === undefined ? undefined : { text, from: this.#from, to };
  }

  #endPart(at: number): void {
    if (this.#partFrom !== undefined) {
      this.#parts.push(this.#schema.slice(this.#partFrom, at));
      this.#partFrom = undefined;
    }
  }
}
