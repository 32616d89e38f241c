import { expressionOf, type Grammar } from '../text/expression.ts';

/** A line by its number, the last one, or those that match. */
export type Address = number | 'last' | RegExp;

interface Addressed {
  readonly from: Address | undefined;
  readonly to: Address | undefined;
  /** For all other lines. */
  readonly not: boolean;
}

export type SedCommand = Addressed &
  (
    | { readonly kind: 'p' | 'd' | 'q' | 'n' }
    | { readonly kind: 's'; readonly expression: RegExp; readonly by: string; readonly prints: boolean }
    | { readonly kind: 'block'; readonly body: readonly SedCommand[] }
  );

const known = new Map<string, readonly SedCommand[]>();

/** Reads a script of sed. Throws Error for what the model does not know. */
export function parseSed(script: string, grammar: Grammar): readonly SedCommand[] {
  const key = `${grammar} ${script}`;
  const before = known.get(key);
  if (before !== undefined) {
    return before;
  }
  const parser = new Parser(script, grammar);
  const commands = parser.commands();
  parser.atEnd();
  known.set(key, commands);
  return commands;
}

class Parser {
  readonly #script: string;
  readonly #grammar: Grammar;
  #at = 0;

  constructor(script: string, grammar: Grammar) {
    this.#script = script;
    this.#grammar = grammar;
  }

  atEnd(): void {
    if (this.#at < this.#script.length) {
      this.#fail();
    }
  }

  commands(): readonly SedCommand[] {
    const commands: SedCommand[] = [];
    for (this.#match(/[\s;]*/y); this.#at < this.#script.length && this.#script[this.#at] !== '}'; this.#match(/[\s;]*/y)) {
      commands.push(this.#command());
    }
    return commands;
  }

  #command(): SedCommand {
    const from = this.#address();
    const to = this.#match(/,/y) === undefined ? undefined : this.#address();
    const not = this.#match(/\s*!\s*/y) !== undefined;
    this.#match(/\s*/y);
    const letter = this.#match(/[pdqns{]/y) ?? this.#fail();
    const addressed = { from, to, not };
    if (letter === 's') {
      return { ...addressed, kind: 's', ...this.#substitution() };
    }
    if (letter === '{') {
      const body = this.commands();
      return this.#match(/\}/y) === undefined ? this.#fail() : { ...addressed, kind: 'block', body };
    }
    return letter === 'p' || letter === 'd' || letter === 'q' || letter === 'n' ? { ...addressed, kind: letter } : this.#fail();
  }

  #address(): Address | undefined {
    const number = this.#match(/\d+/y);
    if (number !== undefined) {
      return Number(number);
    }
    if (this.#match(/\$/y) !== undefined) {
      return 'last';
    }
    return this.#match(/\//y) === undefined ? undefined : expressionOf(this.#until('/'), this.#grammar);
  }

  #substitution(): { readonly expression: RegExp; readonly by: string; readonly prints: boolean } {
    const mark = this.#script[this.#at] ?? this.#fail();
    this.#at += 1;
    const source = this.#until(mark);
    const by = this.#until(mark);
    const flags = this.#match(/[gp]*/y) ?? '';
    return { expression: expressionOf(source, this.#grammar, flags.includes('g') ? 'g' : ''), by, prints: flags.includes('p') };
  }

  /** Up to the mark, which stands for itself behind a backslash, or in brackets. */
  #until(mark: string): string {
    let text = '';
    for (; this.#at < this.#script.length; this.#at += 1) {
      const character = this.#script[this.#at] ?? '';
      if (character === mark) {
        this.#at += 1;
        return text;
      }
      if (character === '\\') {
        this.#at += 1;
        const next = this.#script[this.#at] ?? '';
        text += next === mark && mark !== '\\' && !/[()|{}]/.test(mark) ? next : `\\${next}`;
      } else {
        text += character;
      }
    }
    return this.#fail();
  }

  #match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#script)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #fail(): never {
    throw new Error(`the model of sed does not know ${JSON.stringify(this.#script.slice(this.#at))} in ${this.#script}`);
  }
}
