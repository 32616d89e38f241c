import { type Argument, functions, type Place, regexOf, sprintf } from './functions.ts';
import { type Token, tokensOf } from './lex-awk.ts';
import { AwkExit, type Expression, type Machine, NextRecord, type Rule, type Statement } from './machine.ts';
import { compare, Loose, numberOf, textOf, truthOf, type Value } from './values.ts';

const known = new Map<string, readonly Rule[]>();

/** The rules of an awk program. Throws Error for what the model does not know. */
export function parseAwk(program: string): readonly Rule[] {
  const before = known.get(program);
  if (before !== undefined) {
    return before;
  }
  const rules = new Parser(program).rules();
  known.set(program, rules);
  return rules;
}

const comparisons: Readonly<Record<string, (difference: number) => boolean>> = {
  '==': (difference) => difference === 0,
  '!=': (difference) => difference !== 0,
  '<': (difference) => difference < 0,
  '<=': (difference) => difference <= 0,
  '>': (difference) => difference > 0,
  '>=': (difference) => difference >= 0,
};

const arithmetic: Readonly<Record<string, (one: number, other: number) => number>> = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  '/': (one, other) => one / other,
  '%': (one, other) => one % other,
};

/** Words of the language that no script of ours uses. */
const unknownWords = new Set(['break', 'continue', 'delete', 'do', 'function', 'getline', 'nextfile', 'return', 'while']);

class Parser {
  readonly #program: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  /** Among what is printed, in no parentheses. */
  #bare = false;

  constructor(program: string) {
    this.#program = program;
    this.#tokens = tokensOf(program);
  }

  rules(): readonly Rule[] {
    const rules: Rule[] = [];
    for (this.#ends(); this.#here.kind !== 'end'; this.#ends()) {
      const moment = this.#here.text === 'BEGIN' || this.#here.text === 'END' ? this.#here.text : undefined;
      this.#at += moment === undefined ? 0 : 1;
      const when = moment ?? (this.#here.text === '{' ? undefined : this.#expression());
      const body: Statement =
        this.#here.text === '{'
          ? this.#block()
          : (machine) => {
              machine.output += lineOf(machine, [() => machine.field(0)]);
            };
      rules.push({ when, body });
    }
    return rules;
  }

  get #here(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  #takes(text: string): boolean {
    const here = this.#here.text === text && this.#here.kind !== 'string' && this.#here.kind !== 'expression';
    this.#at += here ? 1 : 0;
    return here;
  }

  #demand(text: string): void {
    if (!this.#takes(text)) {
      this.#fail();
    }
  }

  #fail(): never {
    throw new Error(`the model of awk does not know ${JSON.stringify(this.#here.text)} (token ${this.#at}) in ${this.#program}`);
  }

  #lines(): void {
    while (this.#takes('\n')) {
      // Where a statement goes on they mean nothing.
    }
  }

  #ends(): void {
    while (this.#takes('\n') || this.#takes(';')) {
      // Empty statements.
    }
  }

  #block(): Statement {
    this.#demand('{');
    const statements: Statement[] = [];
    for (this.#ends(); !this.#takes('}'); this.#ends()) {
      statements.push(this.#statement());
    }
    return (machine) => {
      for (const statement of statements) {
        statement(machine);
      }
    };
  }

  #statement(): Statement {
    this.#lines();
    if (this.#here.text === '{' && this.#here.kind === 'mark') {
      return this.#block();
    }
    if (this.#takes('if')) {
      this.#demand('(');
      const condition = this.#expression();
      this.#demand(')');
      const then = this.#statement();
      const mark = this.#at;
      this.#ends();
      if (!this.#takes('else')) {
        this.#at = mark;
        return (machine) => (truthOf(condition(machine)) ? then(machine) : undefined);
      }
      const otherwise = this.#statement();
      return (machine) => (truthOf(condition(machine)) ? then(machine) : otherwise(machine));
    }
    if (this.#takes('next')) {
      return () => {
        throw new NextRecord('next');
      };
    }
    if (this.#takes('exit')) {
      const status = this.#isEnd() ? () => 0 : this.#expression();
      return (machine) => {
        throw new AwkExit(numberOf(status(machine)));
      };
    }
    if (this.#takes('for')) {
      return this.#forEach();
    }
    if (this.#takes('printf')) {
      const [format, ...values] = this.#printed();
      return this.#saying((machine) => sprintf(machine, format, values));
    }
    if (this.#takes('print')) {
      const values = this.#isEnd() || this.#here.text === '>>' ? [(machine: Machine) => machine.field(0)] : this.#printed();
      return this.#saying((machine) => lineOf(machine, values));
    }
    const expression = this.#expression();
    return (machine) => void expression(machine);
  }

  /** `(NAME in ARRAY) STATEMENT`: in the order in which they came, where awk has one of its own. */
  #forEach(): Statement {
    this.#demand('(');
    const name = this.#name();
    this.#demand('in');
    const array = this.#name();
    this.#demand(')');
    const body = this.#statement();
    return (machine) => {
      const keys = [...machine.array(array).keys()];
      for (const key of keys) {
        machine.set(name, new Loose(key));
        body(machine);
      }
    };
  }

  #name(): string {
    const { kind, text } = this.#here;
    if (kind !== 'name') {
      this.#fail();
    }
    this.#at += 1;
    return text;
  }

  /** A list in which a bare `>` is no comparison: it would empty a file, which no script of ours has awk do. */
  #printed(): readonly Argument[] {
    this.#bare = true;
    const list = this.#list();
    this.#bare = false;
    return list;
  }

  #saying(text: (machine: Machine) => string): Statement {
    if (!this.#takes('>>')) {
      return (machine) => {
        machine.output += text(machine);
      };
    }
    const file = this.#joined();
    return (machine) => {
      const name = textOf(file(machine));
      machine.appended.set(name, (machine.appended.get(name) ?? '') + text(machine));
    };
  }

  #isEnd(): boolean {
    return this.#here.kind === 'end' || ['\n', ';', '}'].includes(this.#here.text);
  }

  #list(): readonly Argument[] {
    const values = [this.#expression()];
    while (this.#takes(',')) {
      this.#lines();
      values.push(this.#expression());
    }
    return values;
  }

  #expression(): Argument {
    const value = this.#choice();
    const { place } = value;
    const operator = /^[-+*/%]?=$/.exec(this.#here.text)?.[0];
    if (place === undefined || operator === undefined || this.#here.kind !== 'mark') {
      return value;
    }
    this.#at += 1;
    const by = this.#expression();
    const combine = arithmetic[operator.slice(0, -1)];
    return (machine) => {
      const result = combine === undefined ? by(machine) : combine(numberOf(place.get(machine)), numberOf(by(machine)));
      place.set(machine, result);
      return result;
    };
  }

  #choice(): Argument {
    const condition = this.#either();
    if (!this.#takes('?')) {
      return condition;
    }
    const yes = this.#expression();
    this.#demand(':');
    const no = this.#expression();
    return (machine) => (truthOf(condition(machine)) ? yes(machine) : no(machine));
  }

  #either(): Argument {
    let value = this.#both();
    while (this.#takes('||')) {
      this.#lines();
      const [one, other] = [value, this.#both()];
      value = (machine) => Number(truthOf(one(machine)) || truthOf(other(machine)));
    }
    return value;
  }

  #both(): Argument {
    let value = this.#membership();
    while (this.#takes('&&')) {
      this.#lines();
      const [one, other] = [value, this.#membership()];
      value = (machine) => Number(truthOf(one(machine)) && truthOf(other(machine)));
    }
    return value;
  }

  #membership(): Argument {
    let value = this.#matching();
    while (this.#takes('in')) {
      const [key, array] = [value, this.#name()];
      value = (machine) => Number(machine.array(array).has(textOf(key(machine))));
    }
    return value;
  }

  #matching(): Argument {
    let value = this.#comparison();
    while (this.#here.text === '~' || this.#here.text === '!~') {
      const wanted = this.#here.text === '~';
      this.#at += 1;
      const [one, other] = [value, this.#comparison()];
      value = (machine) => Number(regexOf(machine, other).test(textOf(one(machine))) === wanted);
    }
    return value;
  }

  #comparison(): Argument {
    const one = this.#joined();
    const holds = this.#here.kind === 'mark' ? comparisons[this.#here.text] : undefined;
    if (holds === undefined) {
      return one;
    }
    if (this.#bare && this.#here.text === '>') {
      this.#fail();
    }
    this.#at += 1;
    const other = this.#joined();
    return (machine) => Number(holds(compare(one(machine), other(machine))));
  }

  #joined(): Argument {
    let value = this.#sum(['+', '-'], () => this.#sum(['*', '/', '%'], () => this.#unary()));
    while (this.#beginsValue()) {
      const [one, other] = [value, this.#sum(['+', '-'], () => this.#sum(['*', '/', '%'], () => this.#unary()))];
      value = (machine) => textOf(one(machine)) + textOf(other(machine));
    }
    return value;
  }

  #beginsValue(): boolean {
    const { kind, text } = this.#here;
    return ['number', 'string', 'name', 'call'].includes(kind) ? text !== 'in' : kind === 'mark' && ['(', '$'].includes(text);
  }

  #sum(operators: readonly string[], below: () => Argument): Argument {
    let value = below();
    while (this.#here.kind === 'mark' && operators.includes(this.#here.text)) {
      const combine = arithmetic[this.#here.text];
      this.#at += 1;
      const [one, other] = [value, below()];
      value = (machine) => combine?.(numberOf(one(machine)), numberOf(other(machine)));
    }
    return value;
  }

  #unary(): Argument {
    if (this.#takes('!')) {
      const value = this.#unary();
      return (machine) => Number(!truthOf(value(machine)));
    }
    if (this.#takes('-')) {
      const value = this.#unary();
      return (machine) => -numberOf(value(machine));
    }
    const value = this.#primary();
    const { place } = value;
    const step = place === undefined ? 0 : this.#takes('++') ? 1 : this.#takes('--') ? -1 : 0;
    if (place === undefined || step === 0) {
      return value;
    }
    return (machine) => {
      const before = numberOf(place.get(machine));
      place.set(machine, before + step);
      return before;
    };
  }

  #primary(): Argument {
    const { kind, text } = this.#here;
    this.#at += 1;
    switch (kind) {
      case 'number':
        return () => Number(text);
      case 'string':
        return () => text;
      case 'expression':
        return Object.assign((machine: Machine) => Number(regexOf(machine, undefinedOf(text)).test(textOf(machine.field(0)))), {
          source: text,
        });
      case 'call':
        return this.#call(text);
      case 'name':
        return this.#named(text);
      case 'mark':
      case 'line':
      case 'end':
        break;
      default:
        kind satisfies never;
    }
    if (text === '(') {
      const bare = this.#bare;
      this.#bare = false;
      const value = this.#expression();
      this.#demand(')');
      this.#bare = bare;
      return (machine) => value(machine);
    }
    if (text === '$') {
      const index = this.#primary();
      return placed({
        get: (machine) => machine.field(numberOf(index(machine))),
        set: (machine, value) => machine.setField(numberOf(index(machine)), value),
      });
    }
    this.#at -= 1;
    return this.#fail();
  }

  #call(name: string): Argument {
    const call = functions[name];
    if (call === undefined) {
      this.#at -= 1;
      return this.#fail();
    }
    this.#demand('(');
    const args = this.#takes(')') ? [] : this.#list();
    if (args.length > 0) {
      this.#demand(')');
    }
    return (machine) => call(machine, args);
  }

  #named(name: string): Argument {
    if (unknownWords.has(name)) {
      this.#at -= 1;
      return this.#fail();
    }
    if (!this.#takes('[')) {
      return placed({ get: (machine) => machine.get(name), set: (machine, value) => machine.set(name, value), array: name });
    }
    const index = this.#expression();
    this.#demand(']');
    return placed({
      // What is only asked for is there from then on.
      get: (machine) => {
        const [array, key] = [machine.array(name), textOf(index(machine))];
        if (!array.has(key)) {
          array.set(key, undefined);
        }
        return array.get(key);
      },
      set: (machine, value: Value) => void machine.array(name).set(textOf(index(machine)), value),
    });
  }
}

function placed(place: Place): Argument {
  return Object.assign((machine: Machine) => place.get(machine), { place });
}

/** An expression between slashes, as an argument. */
function undefinedOf(source: string): Argument {
  const nothing: Expression = () => undefined;
  return Object.assign(nothing, { source });
}

function lineOf(machine: Machine, values: readonly Expression[]): string {
  return `${values.map((value) => textOf(value(machine))).join(textOf(machine.get('OFS') ?? ' '))}\n`;
}
