import { formatted } from '../../shell/builtins/format.ts';
import { expressionOf } from '../text/expression.ts';
import { type Expression, type Machine, split } from './machine.ts';
import { Loose, numberOf, textOf, type Value } from './values.ts';

/** Where a value can be put. */
export interface Place {
  readonly get: Expression;
  readonly set: (machine: Machine, value: Value) => void;
  /** Of an array, where the name of one stands alone. */
  readonly array?: string;
}

export type Argument = Expression & { readonly place?: Place; readonly source?: string };

type Call = (machine: Machine, args: readonly Argument[]) => Value;

/** The functions of awk that scripts use. */
export const functions: Readonly<Record<string, Call>> = {
  length: (machine, [text]) => textOf(text === undefined ? machine.field(0) : text(machine)).length,
  substr: (machine, [text, from, count]) => {
    const whole = textOf(text?.(machine));
    const start = Math.round(numberOf(from?.(machine)));
    const end = count === undefined ? Infinity : start + Math.round(numberOf(count(machine)));
    return whole.slice(Math.max(0, start - 1), Math.max(0, end - 1));
  },
  index: (machine, [text, part]) => textOf(text?.(machine)).indexOf(textOf(part?.(machine))) + 1,
  tolower: (machine, [text]) => textOf(text?.(machine)).toLowerCase(),
  toupper: (machine, [text]) => textOf(text?.(machine)).toUpperCase(),
  int: (machine, [number]) => Math.trunc(numberOf(number?.(machine))),
  sprintf: (machine, [format, ...values]) => sprintf(machine, format, values),
  match: (machine, [text, pattern]) => {
    const found = regexOf(machine, pattern).exec(textOf(text?.(machine)));
    machine.set('RSTART', found === null ? 0 : found.index + 1);
    machine.set('RLENGTH', found === null ? -1 : found[0].length);
    return found === null ? 0 : found.index + 1;
  },
  split: (machine, [text, array, separator]) => {
    const name = array?.place?.array;
    if (name === undefined) {
      throw new Error('awk: split wants an array');
    }
    const pieces = split(
      textOf(text?.(machine)),
      separator === undefined ? textOf(machine.get('FS') ?? ' ') : (separator.source ?? textOf(separator(machine))),
    );
    const goal = machine.array(name);
    goal.clear();
    for (const [index, piece] of pieces.entries()) {
      goal.set(String(index + 1), new Loose(piece));
    }
    return pieces.length;
  },
  sub: (machine, args) => replace(machine, args, false),
  gsub: (machine, args) => replace(machine, args, true),
};

/** Numbers go into it with all of their digits; text without a number counts for 0, and once through the format is all. */
export function sprintf(machine: Machine, format: Argument | undefined, values: readonly Argument[]): string {
  const kinds = [...textOf(format?.(machine)).matchAll(/%%|%[-+ 0#]*\d*(?:\.\d+)?([a-zA-Z])/g)].flatMap(([, kind]) => kind ?? []);
  const words = kinds.map((kind, index) => {
    const value = values[index]?.(machine);
    return kind === 's' || kind === 'c' ? textOf(value) : String(numberOf(value));
  });
  return formatted(textOf(format?.(machine)), words).text;
}

/** An expression between slashes, or what the value says. */
export function regexOf(machine: Machine, pattern: Argument | undefined, flags = ''): RegExp {
  return expressionOf(pattern?.source ?? textOf(pattern?.(machine)), 'extended', flags);
}

function replace(machine: Machine, [pattern, by, target]: readonly Argument[], all: boolean): number {
  const expression = regexOf(machine, pattern, all ? 'g' : '');
  const place = target?.place ?? { get: () => machine.field(0), set: (_: Machine, value: Value) => machine.setField(0, value) };
  const text = textOf(by?.(machine));
  let count = 0;
  const result = textOf(place.get(machine)).replace(expression, (found: string) => {
    count += 1;
    return text.replaceAll(/\\&|&/g, (mark) => (mark === '&' ? found : '&'));
  });
  if (count > 0) {
    place.set(machine, result);
  }
  return count;
}
