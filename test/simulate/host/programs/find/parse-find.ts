import type { Inode, Kind } from '../../files/inode.ts';
import type { Process } from '../../process/process.ts';
import { patternExpression } from '../../shell/pattern.ts';
import { expressionOf, type Grammar } from '../text/expression.ts';
import { basenameOf } from '../looking/names.ts';
import { printfOf } from './find-printf.ts';

/** What a search has come to. */
export interface Entry {
  readonly path: string;
  /** The path that it began with. */
  readonly start: string;
  readonly depth: number;
  /** What is there; with `-L` what a link leads to, if it leads anywhere. */
  readonly inode: Inode;
  /** The same without following a link. */
  readonly own: Inode;
}

/** What an action may do. */
export interface Doing {
  readonly process: Process;
  readonly print: (text: string) => void | Promise<void>;
  readonly prune: () => void;
  readonly quit: () => void;
  readonly exec: (argv: readonly string[]) => Promise<boolean>;
  readonly delete: (path: string) => Promise<boolean>;
}

export type Test = (entry: Entry, doing: Doing) => boolean | Promise<boolean>;

/** What comes behind `-exec … {} +`: it runs at the end. */
export interface Batch {
  readonly argv: readonly string[];
  readonly paths: string[];
}

export interface Search {
  readonly paths: readonly string[];
  /** `-L`. */
  readonly follows: boolean;
  /** `-ignore_readdir_race`. */
  readonly bearsRaces: boolean;
  readonly mindepth: number;
  readonly maxdepth: number;
  readonly depthFirst: boolean;
  readonly test: Test;
  readonly batches: readonly Batch[];
}

/** Reads the words of find. Throws Error for what the model does not know. */
export function parseFind(argv: readonly string[]): Search {
  return new Parser(argv).search();
}

const typeLetters: Readonly<Record<string, Kind>> = { f: 'file', d: 'directory', l: 'link', p: 'pipe', c: 'device', s: 'socket' };

class Parser {
  readonly #argv: readonly string[];
  #at = 1;
  #acts = false;
  #bearsRaces = false;
  #depthFirst = false;
  #mindepth = 0;
  #maxdepth = Infinity;
  #follows = false;
  #grammar: Grammar = 'basic';
  readonly #batches: Batch[] = [];

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  search(): Search {
    for (; /^-[LPH]$/.test(this.#here); this.#at += 1) {
      this.#follows = this.#here === '-L';
    }
    const paths: string[] = [];
    for (; this.#at < this.#argv.length && !/^(?:-.|[(!])/.test(this.#here); this.#at += 1) {
      paths.push(this.#here);
    }
    const test = this.#at < this.#argv.length ? this.#either() : () => true;
    if (this.#at < this.#argv.length) {
      this.#fail();
    }
    const printing: Test = (entry, doing) =>
      after(test(entry, doing), (holds) => (holds ? after(doing.print(`${entry.path}\n`), () => true) : false));
    return {
      paths: paths.length === 0 ? ['.'] : paths,
      follows: this.#follows,
      bearsRaces: this.#bearsRaces,
      mindepth: this.#mindepth,
      maxdepth: this.#maxdepth,
      depthFirst: this.#depthFirst,
      test: this.#acts ? test : printing,
      batches: this.#batches,
    };
  }

  get #here(): string {
    return this.#argv[this.#at] ?? '';
  }

  #takes(...words: readonly string[]): boolean {
    const here = this.#at < this.#argv.length && words.includes(this.#here);
    this.#at += here ? 1 : 0;
    return here;
  }

  #next(): string {
    const word = this.#argv[this.#at] ?? this.#fail();
    this.#at += 1;
    return word;
  }

  #fail(): never {
    throw new Error(`the model of find does not know ${this.#here || 'what is missing at the end'}: ${this.#argv.join(' ')}`);
  }

  #either(): Test {
    let test = this.#both();
    while (this.#takes('-o', '-or')) {
      const [first, second] = [test, this.#both()];
      test = (entry, doing) => after(first(entry, doing), (holds) => holds || second(entry, doing));
    }
    return test;
  }

  #both(): Test {
    let test = this.#one();
    while (this.#at < this.#argv.length && !['-o', '-or', ')'].includes(this.#here)) {
      this.#takes('-a', '-and');
      const [first, second] = [test, this.#one()];
      test = (entry, doing) => after(first(entry, doing), (holds) => holds && second(entry, doing));
    }
    return test;
  }

  #one(): Test {
    if (this.#takes('!', '-not')) {
      const test = this.#one();
      return (entry, doing) => after(test(entry, doing), (holds) => !holds);
    }
    if (this.#takes('(')) {
      const test = this.#either();
      return this.#takes(')') ? test : this.#fail();
    }
    const word = this.#here;
    this.#at += 1;
    switch (word) {
      case '-ignore_readdir_race':
        this.#bearsRaces = true;
        return () => true;
      case '-depth':
        this.#depthFirst = true;
        return () => true;
      case '-maxdepth':
        this.#maxdepth = Number(this.#next());
        return () => true;
      case '-mindepth':
        this.#mindepth = Number(this.#next());
        return () => true;
      case '-regextype':
        this.#grammar = /extended|egrep/.test(this.#next()) ? 'extended' : 'basic';
        return () => true;
      case '-name': {
        const pattern = patternExpression(this.#next());
        return ({ path, depth }) => pattern.test(depth === 0 ? basenameOf(path) : path.slice(path.lastIndexOf('/') + 1));
      }
      case '-path':
      case '-wholename': {
        const pattern = patternExpression(this.#next());
        return ({ path }) => pattern.test(path);
      }
      case '-regex': {
        const whole = new RegExp(`^(?:${expressionOf(this.#next(), this.#grammar).source})$`);
        return ({ path }) => whole.test(path);
      }
      case '-type': {
        const kinds = this.#kinds();
        return ({ inode }) => kinds.has(inode.kind);
      }
      case '-xtype': {
        const kinds = this.#kinds();
        const follows = this.#follows;
        // Of a link that is followed it asks what the link is, and the other way round.
        return ({ own, path }, { process }) => kinds.has(follows ? own.kind : (process.files.look(path)?.kind ?? 'link'));
      }
      case '-empty':
        return ({ inode }) =>
          inode.kind === 'directory' ? inode.entries?.size === 0 : inode.kind === 'file' && inode.size === 0;
      case '-prune':
        return (_, doing) => {
          doing.prune();
          return true;
        };
      case '-quit':
        this.#acts = true;
        return (_, doing) => {
          doing.quit();
          return true;
        };
      default:
        return this.#action(word);
    }
  }

  #action(word: string): Test {
    this.#acts = true;
    switch (word) {
      case '-print':
      case '-print0': {
        const end = word === '-print' ? '\n' : '\0';
        return ({ path }, { print }) => after(print(path + end), () => true);
      }
      case '-printf': {
        const text = printfOf(this.#next());
        return (entry, { print }) => after(print(text(entry)), () => true);
      }
      case '-delete':
        this.#depthFirst = true;
        return ({ path }, doing) => doing.delete(path);
      case '-exec':
        return this.#exec();
      default:
        this.#at -= 1;
        return this.#fail();
    }
  }

  #exec(): Test {
    const words: string[] = [];
    for (let word = this.#next(); word !== ';'; word = this.#next()) {
      if (word === '+' && words.at(-1) === '{}') {
        const batch: Batch = { argv: words.slice(0, -1), paths: [] };
        this.#batches.push(batch);
        return ({ path }) => {
          batch.paths.push(path);
          return true;
        };
      }
      words.push(word);
    }
    return ({ path }, { exec }) => exec(words.map((word) => word.replaceAll('{}', () => path)));
  }

  #kinds(): ReadonlySet<Kind> {
    return new Set(
      this.#next()
        .split(',')
        .map((letter) => typeLetters[letter] ?? this.#fail()),
    );
  }
}

/** Goes on with an answer, now where it is there. */
function after<T, R>(answer: T | Promise<T>, then: (value: T) => R | Promise<R>): R | Promise<R> {
  return answer instanceof Promise ? answer.then(then) : then(answer);
}
