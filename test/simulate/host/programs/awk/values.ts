/** What awk computes with. Text from outside that looks like a number is both: a `Loose`. */
export type Value = string | number | Loose | undefined;

export class Loose {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const numeric = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/;

export function textOf(value: Value): string {
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  }
  return value instanceof Loose ? value.text : (value ?? '');
}

export function numberOf(value: Value): number {
  if (typeof value === 'number') {
    return value;
  }
  return Number.parseFloat(textOf(value)) || 0;
}

export function truthOf(value: Value): boolean {
  if (value instanceof Loose) {
    return numeric.test(value.text) ? Number(value.text) !== 0 : value.text !== '';
  }
  return typeof value === 'number' ? value !== 0 : value !== undefined && value !== '';
}

/** As numbers where both are or look so, else as text. */
export function compare(one: Value, other: Value): number {
  if (isNumeric(one) && isNumeric(other)) {
    return numberOf(one) - numberOf(other);
  }
  const [first, second] = [textOf(one), textOf(other)];
  return first < second ? -1 : first > second ? 1 : 0;
}

function isNumeric(value: Value): boolean {
  return value === undefined || typeof value === 'number' || (value instanceof Loose && numeric.test(value.text));
}
