import { Loose, numberOf, textOf, type Value } from './values.ts';

/** A part of a program that has a value. */
export type Expression = (machine: Machine) => Value;

/** A part that does something. */
export type Statement = (machine: Machine) => void;

export interface Rule {
  /** `BEGIN`, `END`, or what must hold of a record; every record if undefined. */
  readonly when: 'BEGIN' | 'END' | Expression | undefined;
  readonly body: Statement;
}

/** `next`. */
export class NextRecord extends Error {}

/** `exit`. */
export class AwkExit extends Error {
  readonly status: number;

  constructor(status: number) {
    super('exit');
    this.status = status;
  }
}

/** A running awk program: its variables, its arrays, the record and its fields. */
export class Machine {
  readonly #variables = new Map<string, Value>();
  readonly #arrays = new Map<string, Map<string, Value>>();
  #fields: Value[] = [];
  output = '';
  /** What is printed behind the end of files, by their names. */
  readonly appended = new Map<string, string>();

  get(name: string): Value {
    return name === 'NF' ? this.#fields.length - 1 : this.#variables.get(name);
  }

  set(name: string, value: Value): void {
    this.#variables.set(name, value);
  }

  array(name: string): Map<string, Value> {
    const known = this.#arrays.get(name);
    if (known !== undefined) {
      return known;
    }
    const made = new Map<string, Value>();
    this.#arrays.set(name, made);
    return made;
  }

  record(text: string): void {
    this.#fields = [new Loose(text), ...split(text, textOf(this.get('FS') ?? ' ')).map((field) => new Loose(field))];
  }

  field(index: number): Value {
    return this.#fields[index] ?? '';
  }

  setField(index: number, value: Value): void {
    if (index === 0) {
      this.record(textOf(value));
      return;
    }
    while (this.#fields.length <= index) {
      this.#fields.push('');
    }
    this.#fields[index] = value;
    this.#fields[0] = new Loose(
      this.#fields
        .slice(1)
        .map(textOf)
        .join(textOf(this.get('OFS') ?? ' ')),
    );
  }

  /** One record through all the rules. */
  run(rules: readonly Rule[], moment: 'BEGIN' | 'END' | 'record'): void {
    for (const { when, body } of rules) {
      if (typeof when === 'string' ? when === moment : moment === 'record' && (when === undefined || isTrue(when(this)))) {
        try {
          body(this);
        } catch (error) {
          if (!(error instanceof NextRecord)) {
            throw error;
          }
          return;
        }
      }
    }
  }
}

function isTrue(value: Value): boolean {
  return typeof value === 'string'
    ? value !== ''
    : value instanceof Loose
      ? value.text !== '' && !(numberOf(value) === 0 && /^[\s\d.+-]+$/.test(value.text))
      : value !== undefined && value !== 0;
}

/** As awk cuts a record: blanks of any number, or one character, or an expression. */
export function split(text: string, separator: string): readonly string[] {
  if (separator === ' ') {
    const trimmed = text.replaceAll(/^[ \t\n]+|[ \t\n]+$/g, '');
    return trimmed === '' ? [] : trimmed.split(/[ \t\n]+/);
  }
  return text === '' ? [] : text.split(separator.length === 1 ? separator : new RegExp(separator));
}
