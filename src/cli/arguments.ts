import type { Options } from 'yargs';
import { UsageError } from '../model/errors.ts';

/** Options of a command, by name. */
export type OptionSet = Readonly<Record<string, Options>>;

/** What yargs made of the command line, read with the type that each place expects; a repeated or odd value is a UsageError. */
export class Arguments {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #words: readonly string[];

  /** `words` is the command line itself; values may also come from the environment or the config file. */
  constructor(values: Readonly<Record<string, unknown>>, words: readonly string[] = []) {
    this.#values = values;
    this.#words = words;
  }

  /** Whether the option stands on the command line itself. */
  isOnCommandLine(name: string, letter?: string): boolean {
    return this.#words.some(
      (word) => word === `--${name}` || word.startsWith(`--${name}=`) || (letter !== undefined && word.startsWith(`-${letter}`)),
    );
  }

  optionalText(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined) {
      return undefined;
    }
    if (value === '') {
      // A shell variable that is not set gives it, more often than not; and without `-K` or `--local` a command does far more.
      throw new UsageError(`${name} is empty`, { hint: `give --${name} a value, or leave it out` });
    }
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw new UsageError(`give --${name} once, with a value`);
    }
    return String(value);
  }

  /** Whether an option was given at all, with a value or without. */
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** What follows an option that may stand alone, or nothing. Undefined when it was not given at all. */
  valueIfAny(name: string): string | undefined {
    return this.#values[name] === '' ? '' : this.optionalText(name);
  }

  text(name: string): string {
    return this.optionalText(name) ?? '';
  }

  flag(name: string): boolean {
    return this.optionalFlag(name) ?? false;
  }

  optionalFlag(name: string): boolean | undefined {
    const value = this.#values[name];
    if (value !== undefined && typeof value !== 'boolean') {
      throw new UsageError(`give --${name} once, as true or false`);
    }
    return value;
  }

  /** A whole number of at least `least`. */
  number(name: string, least: number, most: number = Infinity): number {
    const value = this.#values[name];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
      throw new UsageError(`--${name} must be a whole number ${range}`);
    }
    return value;
  }

  /**
   * The items of `a,b` and of repeated options alike; an option that is not given has none, one that holds none is a
   * mistake.
   */
  list(name: string): readonly string[] {
    const given = [this.#values[name]].flat().filter((value) => value !== undefined);
    const values = given
      .flatMap((value) => (typeof value === 'string' || typeof value === 'number' ? String(value).split(',') : []))
      .map((value) => value.trim())
      .filter((value) => value !== '');
    if (given.length > 0 && values.length === 0) {
      throw new UsageError(`${name} is empty`, { hint: `give --${name} a value, or leave it out` });
    }
    return values;
  }
}
