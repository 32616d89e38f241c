import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repeatedTexts } from './awkward.ts';
import { Chance, mutated, repeated, stretched } from './mutate.ts';
import type { Target } from './target.ts';

export const fixtures: string = fileURLToPath(new URL('../fixtures', import.meta.url));

export interface CorpusFile {
  /** Below test/fixtures. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** The files that a target begins with, in an order that is the same everywhere. */
export function corpusOf({ name, corpus }: Pick<Target, 'name' | 'corpus'>): readonly CorpusFile[] {
  return [`fuzz/${name}`, ...corpus].flatMap(filesBelow).map((path) => ({ path, bytes: readFileSync(join(fixtures, path)) }));
}

function filesBelow(path: string): readonly string[] {
  return statSync(join(fixtures, path)).isDirectory()
    ? readdirSync(join(fixtures, path))
        .toSorted()
        .flatMap((name) => filesBelow(`${path}/${name}`))
    : [path];
}

/** Long inputs have a megabyte: what takes time by the square of it takes minutes. */
const megabyte = 1 << 20;

/** How many inputs of each kind; the corpus itself, as it is, comes first. */
export interface Amount {
  /** Inputs of a megabyte that are one short text again and again. */
  readonly repeated: boolean;
  /** Files of the corpus in which a short text comes again and again, up to a megabyte. */
  readonly stretched: number;
  readonly mutated: number;
}

/** The input of a number, always the same for the same seed; undefined when there is none any more. */
export function inputsOf(target: Target, seed: number, amount: Amount): (index: number) => Buffer | undefined {
  const files = corpusOf(target).map(({ bytes }) => bytes);
  const { mutate: change = mutated, longBytes = megabyte } = target;
  return (index) => {
    let at = index;
    if (at < files.length) {
      return files[at];
    }
    at -= files.length;
    const chance = new Chance(seed * 1_000_003 + at);
    if (amount.repeated) {
      if (at < repeatedTexts.length) {
        return repeated(Buffer.from(repeatedTexts[at] ?? ''), longBytes);
      }
      at -= repeatedTexts.length;
    }
    if (at < amount.stretched) {
      return stretched(chance, files, longBytes);
    }
    return at - amount.stretched < amount.mutated ? change(chance, files) : undefined;
  };
}
