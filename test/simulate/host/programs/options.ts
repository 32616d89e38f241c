/** The words of a program, as getopt takes them apart. */
export interface Options {
  /** The options that are there, each by its letter or its long name as the description has it. */
  has(name: string): boolean;
  /** The value that an option was given last. */
  value(name: string): string | undefined;
  /** All values, in their order. */
  values(name: string): readonly string[];
  readonly operands: readonly string[];
}

/**
 * Takes the words behind a program's name apart. `known`: letters and `--long` names, with a `:` behind those that take a value; a
 * letter and a long name with a `=` between them are one option. As under POSIXLY_CORRECT the first operand ends the options.
 * Throws Error for an option that is not known: the model has to learn it.
 */
export function options(argv: readonly string[], known: string): Options {
  const [program = '', ...words] = argv;
  const names = namesOf(known);
  const given: (readonly [name: string, value: string])[] = [];
  let at = 0;
  const next = (option: string): string => {
    at += 1;
    const value = words[at];
    if (value === undefined) {
      throw new Error(`${program} ${option} lacks its value in the model`);
    }
    return value;
  };
  const find = (option: string): { readonly name: string; readonly takes: boolean } => {
    const found = names.get(option);
    if (found === undefined) {
      throw new Error(`the model of ${program} does not know ${option}: ${argv.join(' ')}`);
    }
    return found;
  };
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') {
      at += 1;
      break;
    }
    if (word.startsWith('--')) {
      const [long = '', value] = word.split(/=(.*)/s, 2);
      const { name, takes } = find(long);
      given.push([name, takes ? (value ?? next(long)) : '']);
    } else if (word.startsWith('-') && word !== '-') {
      for (let letter = 1; letter < word.length; letter += 1) {
        const option = `-${word[letter]}`;
        const { name, takes } = find(option);
        if (takes) {
          given.push([name, word.slice(letter + 1) || next(option)]);
          break;
        }
        given.push([name, '']);
      }
    } else {
      break;
    }
  }
  const values = (name: string): readonly string[] => given.filter(([each]) => each === name).map(([, value]) => value);
  return { has: (name) => values(name).length > 0, value: (name) => values(name).at(-1), values, operands: words.slice(at) };
}

const described = new Map<string, ReadonlyMap<string, { readonly name: string; readonly takes: boolean }>>();

function namesOf(known: string): ReadonlyMap<string, { readonly name: string; readonly takes: boolean }> {
  const before = described.get(known);
  if (before !== undefined) {
    return before;
  }
  const names = new Map<string, { readonly name: string; readonly takes: boolean }>();
  for (const word of known.split(' ').filter((each) => each !== '')) {
    const takes = word.endsWith(':');
    const both = word.replace(/:$/, '').split('=');
    const [name = ''] = both;
    for (const one of both) {
      names.set(one.startsWith('--') ? one : `-${one}`, { name, takes });
    }
  }
  described.set(known, names);
  return names;
}
