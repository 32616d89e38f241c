import type { Cursor } from './cursor.ts';
import type { Command, ParameterPart, Word, WordPart } from './syntax.ts';

/** Reads the commands of `$(…)`, up to the parenthesis that closes it. */
export type ReadCommands = (cursor: Cursor) => Command;

const wordEnd = /[\s;&|<>()]/;
const parameterName = /[A-Za-z_][A-Za-z0-9_]*|[0-9]|[@*#?$!-]/y;
const bracedName = /[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]/y;
const operators = /:[-=?+]|[-=?+]|%%|##|%|#/y;

/** Words as a shell takes them apart: text, quotes, and what is put in their place later. */
export class WordReader {
  readonly #cursor: Cursor;
  readonly #readCommands: ReadCommands;

  constructor(cursor: Cursor, readCommands: ReadCommands) {
    this.#cursor = cursor;
    this.#readCommands = readCommands;
  }

  /** The word that begins here; undefined where none does. */
  word(): Word | undefined {
    return this.#cursor.end || wordEnd.test(this.#cursor.peek())
      ? undefined
      : this.#parts((character) => wordEnd.test(character), false);
  }

  /** The text of a here-document, in which only `$`, backquotes and backslashes mean something. */
  document(): Word {
    return this.#parts(() => false, true);
  }

  /** `quoted`: within double quotes. */
  #parts(isEnd: (character: string) => boolean, quoted: boolean): Word {
    const cursor = this.#cursor;
    const parts: WordPart[] = [];
    const add = (text: string, isQuoted: boolean): void => {
      const last = parts.at(-1);
      if (last?.kind === 'text' && last.quoted === isQuoted) {
        parts[parts.length - 1] = { ...last, text: last.text + text };
      } else {
        parts.push({ kind: 'text', text, quoted: isQuoted });
      }
    };
    while (!cursor.end && !isEnd(cursor.peek())) {
      const character = cursor.peek();
      if (character === '\\') {
        this.#escaped(add, quoted);
      } else if (character === '$' || character === '`') {
        const part = this.#dollar(quoted);
        if (part === undefined) {
          add(cursor.next(), quoted);
        } else {
          parts.push(part);
        }
      } else if (character === "'" && !quoted) {
        cursor.next();
        add(this.#until("'"), true);
      } else if (character === '"' && quoted && isEnd('}')) {
        // Quotes within the braces of a quoted expansion: what is between them is quoted either way.
        cursor.next();
      } else if (character === '"' && !quoted) {
        cursor.next();
        // Even where nothing is in it, there is a word.
        add('', true);
        parts.push(...this.#parts((each) => each === '"', true));
        this.#close('"');
      } else if (
        character === '~' &&
        !quoted &&
        parts.length === 0 &&
        /^~(?:\/|$|[\s;&|<>()])/.test(cursor.text.slice(cursor.at, cursor.at + 2))
      ) {
        cursor.next();
        parts.push({ kind: 'home' });
      } else {
        add(cursor.next(), quoted);
      }
    }
    return parts;
  }

  #escaped(add: (text: string, quoted: boolean) => void, quoted: boolean): void {
    const cursor = this.#cursor;
    cursor.next();
    const next = cursor.next();
    if (next === '\n') {
      return;
    }
    add(quoted && !/[$`"\\}]/.test(next) ? `\\${next}` : next, true);
  }

  /** What a `$` or a backquote stands for; undefined where it is one. */
  #dollar(quoted: boolean): WordPart | undefined {
    const cursor = this.#cursor;
    if (cursor.peek() === '`') {
      return cursor.fail('backquotes are not known here: write $(…)');
    }
    if (cursor.takes('$((')) {
      return this.#arithmetic(quoted);
    }
    if (cursor.takes('$(')) {
      const body = this.#readCommands(cursor);
      this.#close(')');
      return { kind: 'command', body, quoted };
    }
    if (cursor.takes('${')) {
      return this.#braced(quoted);
    }
    cursor.next();
    const name = cursor.match(parameterName);
    if (name === undefined) {
      cursor.at -= 1;
      return undefined;
    }
    return { kind: 'parameter', name, quoted };
  }

  #braced(quoted: boolean): ParameterPart {
    const cursor = this.#cursor;
    if (cursor.peek() === '#' && /[A-Za-z_0-9@*]/.test(cursor.peek(1))) {
      cursor.next();
      const name = cursor.match(bracedName) ?? cursor.fail('no name');
      this.#close('}');
      return { kind: 'parameter', name, operator: 'length', quoted };
    }
    const name = cursor.match(bracedName) ?? cursor.fail('no name of a parameter');
    if (cursor.takes('}')) {
      return { kind: 'parameter', name, quoted };
    }
    const operator = cursor.match(operators) ?? cursor.fail('an expansion that is not known here');
    // A pattern is no part of the quotes around the expansion.
    const isPattern = operator.startsWith('%') || operator.startsWith('#');
    const word = this.#parts((character) => character === '}', quoted && !isPattern);
    this.#close('}');
    return { kind: 'parameter', name, operator, word, quoted };
  }

  #arithmetic(quoted: boolean): WordPart {
    let depth = 0;
    const isEnd = (character: string): boolean => {
      if (character === ')' && depth === 0) {
        return true;
      }
      depth += character === '(' ? 1 : character === ')' ? -1 : 0;
      return false;
    };
    const expression = this.#parts(isEnd, true);
    this.#close('))');
    return { kind: 'arithmetic', expression, quoted };
  }

  #until(end: string): string {
    const cursor = this.#cursor;
    const found = cursor.text.indexOf(end, cursor.at);
    if (found < 0) {
      cursor.fail(`no ${end} to the end`);
    }
    const text = cursor.text.slice(cursor.at, found);
    cursor.at = found + end.length;
    return text;
  }

  #close(text: string): void {
    if (!this.#cursor.takes(text)) {
      this.#cursor.fail(`${text} is missing`);
    }
  }
}
