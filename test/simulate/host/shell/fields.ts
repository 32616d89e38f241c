import { asPattern } from './pattern.ts';

export interface Field {
  readonly text: string;
  /** The same as a pattern: what was quoted stands for itself. */
  readonly pattern: string;
  /** Whether anything in it is a pattern. */
  readonly special: boolean;
}

/** The fields that a word becomes, as its parts are put in one after the other. */
export class Fields {
  readonly #done: Field[] = [];
  readonly #separators: string;
  #text = '';
  #pattern = '';
  #special = false;
  #there = false;

  /** `separators`: what `IFS` says. */
  constructor(separators: string) {
    this.#separators = separators;
  }

  /** Text as it is, and there even when it is empty. */
  quoted(text: string): void {
    this.#text += text;
    this.#pattern += asPattern(text);
    this.#there = true;
  }

  /** Text of the word itself, without quotes. */
  plain(text: string): void {
    this.#text += text;
    this.#pattern += text;
    this.#special ||= /[*?[]/.test(text);
    this.#there ||= text !== '';
  }

  /** What was put in without quotes: it is taken apart. */
  split(text: string): void {
    if (this.#separators === '') {
      this.plain(text);
      return;
    }
    let rest = text;
    while (rest !== '') {
      const gap = this.#gap(rest);
      if (gap > 0) {
        const mark = Array.from(rest.slice(0, gap)).some((character) => !isBlank(character));
        this.next(mark);
        rest = rest.slice(gap);
      } else {
        let end = 0;
        while (end < rest.length && !this.#separators.includes(rest[end] ?? '')) {
          end += 1;
        }
        this.plain(rest.slice(0, end));
        rest = rest.slice(end);
      }
    }
  }

  /** Ends a field; one that is not there only where it is said. */
  next(always = false): void {
    if (this.#there || always) {
      this.#done.push({ text: this.#text, pattern: this.#pattern, special: this.#special });
    }
    this.#text = '';
    this.#pattern = '';
    this.#special = false;
    this.#there = false;
  }

  /** Forgets an empty field, as `"$@"` without parameters leaves none. */
  drop(): void {
    this.#there = this.#text !== '';
  }

  end(): readonly Field[] {
    this.next();
    return this.#done;
  }

  /** How much from the start on separates one field from the next: blanks, at most one mark among them. */
  #gap(text: string): number {
    let at = 0;
    let marks = 0;
    for (; at < text.length; at += 1) {
      const character = text[at] ?? '';
      if (!this.#separators.includes(character)) {
        break;
      }
      marks += isBlank(character) ? 0 : 1;
      if (marks > 1) {
        break;
      }
    }
    return at;
  }
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\n';
}

/** As `read` takes a line apart: into so many fields, of which the last has the rest. */
export function readFields(line: string, separators: string, most: number): readonly string[] {
  const isSeparator = (character: string): boolean => character !== '' && separators.includes(character);
  const skipBlanks = (from: number): number => {
    let at = from;
    while (at < line.length && isSeparator(line[at] ?? '') && isBlank(line[at] ?? '')) {
      at += 1;
    }
    return at;
  };
  const fields: string[] = [];
  let at = skipBlanks(0);
  while (fields.length < most - 1 && at < line.length) {
    let end = at;
    while (end < line.length && !isSeparator(line[end] ?? '')) {
      end += 1;
    }
    fields.push(line.slice(at, end));
    at = skipBlanks(end);
    if (at < line.length && isSeparator(line[at] ?? '') && !isBlank(line[at] ?? '')) {
      at = skipBlanks(at + 1);
    }
  }
  let end = line.length;
  while (end > at && isSeparator(line[end - 1] ?? '') && isBlank(line[end - 1] ?? '')) {
    end -= 1;
  }
  fields.push(line.slice(at, end));
  return fields;
}
