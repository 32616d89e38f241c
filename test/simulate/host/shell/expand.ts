import { arithmetic } from './arithmetic.ts';
import { type Field, Fields } from './fields.ts';
import { glob } from './glob.ts';
import { asPattern, patternExpression } from './pattern.ts';
import type { Shell } from './shell.ts';
import type { ParameterPart, Word, WordPart } from './syntax.ts';

/** Words as arguments: expanded, taken apart, and names of files put for patterns. */
export async function expandWords(shell: Shell, words: readonly Word[]): Promise<string[]> {
  const all: string[] = [];
  for (const word of words) {
    const [only] = word;
    if (word.length === 1 && only?.kind === 'text' && (only.quoted || !/[*?[]/.test(only.text))) {
      all.push(only.text);
      continue;
    }
    const separators = shell.variable('IFS') ?? ' \t\n';
    for (const { text, pattern, special } of fieldsAtOnce(shell, word, separators) ?? (await fieldsOf(shell, word, separators))) {
      const paths = special && !shell.options.has('f') ? glob(shell.process.files, pattern) : [];
      if (paths.length > 0) {
        all.push(...paths);
      } else {
        all.push(text);
      }
    }
  }
  return all;
}

/** A word as one text: in an assignment, behind a redirection, in a here-document. */
export async function expandText(shell: Shell, word: Word): Promise<string> {
  return (await wholeOf(shell, word)).text;
}

/** A word as a pattern, in which what was quoted stands for itself. */
export async function expandPattern(shell: Shell, word: Word): Promise<string> {
  return (await wholeOf(shell, word)).pattern;
}

async function wholeOf(shell: Shell, word: Word): Promise<Pick<Field, 'text' | 'pattern'>> {
  const [only] = word;
  if (word.length === 1 && only?.kind === 'text') {
    return { text: only.text, pattern: only.quoted ? asPattern(only.text) : only.text };
  }
  const fields = fieldsAtOnce(shell, word, '') ?? (await fieldsOf(shell, word, ''));
  // Without separators only `$@` makes several.
  return { text: fields.map(({ text }) => text).join(' '), pattern: fields.map(({ pattern }) => pattern).join(' ') };
}

async function fieldsOf(shell: Shell, word: Word, separators: string): Promise<readonly Field[]> {
  const fields = new Fields(separators);
  await addWord(shell, word, fields);
  return fields.end();
}

/** Of a word in which nothing runs and nothing can fail, as most are: without a promise for each of its parts. */
function fieldsAtOnce(shell: Shell, word: Word, separators: string): readonly Field[] | undefined {
  const isAtOnce = (part: WordPart): boolean =>
    part.kind === 'text' ||
    part.kind === 'home' ||
    (part.kind === 'parameter' && part.operator === undefined && (!shell.options.has('u') || isSet(shell, part)));
  if (!word.every(isAtOnce)) {
    return undefined;
  }
  const fields = new Fields(separators);
  for (const part of word) {
    if (part.kind === 'text') {
      addText(part, fields);
    } else if (part.kind === 'home') {
      addHome(shell, fields);
    } else if (part.kind === 'parameter') {
      putValue(shell, part, fields);
    }
  }
  return fields.end();
}

async function addWord(shell: Shell, word: Word, fields: Fields): Promise<void> {
  for (const part of word) {
    await addPart(shell, part, fields);
  }
}

async function addPart(shell: Shell, part: WordPart, fields: Fields): Promise<void> {
  switch (part.kind) {
    case 'text':
      return addText(part, fields);
    case 'home':
      return addHome(shell, fields);
    case 'command':
      return add(fields, await shell.substitute(part.body), part.quoted);
    case 'arithmetic': {
      const text = await expandText(shell, part.expression);
      return add(fields, String(arithmetic(text, (name) => shell.variable(name) ?? '')), part.quoted);
    }
    case 'parameter':
      return addParameter(shell, part, fields);
    default:
      return part satisfies never;
  }
}

function addText({ text, quoted }: Extract<WordPart, { readonly kind: 'text' }>, fields: Fields): void {
  if (quoted) {
    fields.quoted(text);
  } else {
    fields.plain(text);
  }
}

function addHome(shell: Shell, fields: Fields): void {
  fields.quoted(shell.variable('HOME') ?? '~');
}

function add(fields: Fields, text: string, quoted: boolean): void {
  if (quoted) {
    fields.quoted(text);
  } else {
    fields.split(text);
  }
}

async function addParameter(shell: Shell, part: ParameterPart, fields: Fields): Promise<void> {
  const { name, operator = '', word = [], quoted } = part;
  const value = shell.parameter(name);
  if (operator === 'length') {
    add(fields, String(name === '@' || name === '*' ? shell.parameters.length : (value ?? '').length), quoted);
    return;
  }
  const isMissing = value === undefined || (operator.startsWith(':') && value === '');
  switch (operator.replace(':', '')) {
    case '-':
      return isMissing ? addWord(shell, word, fields) : addValue(shell, part, fields);
    case '+':
      return isMissing ? undefined : addWord(shell, word, fields);
    case '=': {
      if (isMissing) {
        shell.set(name, await expandText(shell, word));
      }
      return add(fields, shell.variable(name) ?? '', quoted);
    }
    case '?':
      return isMissing
        ? shell.fail(2, `${name}: ${(await expandText(shell, word)) || 'parameter not set'}`)
        : addValue(shell, part, fields);
    case '':
      return addValue(shell, part, fields);
    default:
      return add(fields, trimmed(value ?? '', operator, await expandPattern(shell, word)), quoted);
  }
}

async function addValue(shell: Shell, part: ParameterPart, fields: Fields): Promise<void> {
  if (shell.options.has('u') && !isSet(shell, part)) {
    await shell.fail(2, `${part.name}: parameter not set`);
  }
  putValue(shell, part, fields);
}

/** What `set -u` asks; `$@` and `$*` always are. */
function isSet(shell: Shell, { name }: ParameterPart): boolean {
  return name === '@' || name === '*' || shell.parameter(name) !== undefined;
}

function putValue(shell: Shell, { name, quoted }: ParameterPart, fields: Fields): void {
  if (name === '@' || (name === '*' && !quoted)) {
    if (shell.parameters.length === 0) {
      fields.drop();
    }
    for (const [index, parameter] of shell.parameters.entries()) {
      if (index > 0) {
        fields.next(quoted);
      }
      add(fields, parameter, quoted);
    }
    return;
  }
  add(fields, shell.parameter(name) ?? '', quoted);
}

/** `%` and `%%` take from the end, `#` and `##` from the start; the doubled ones as much as they can. */
function trimmed(value: string, operator: string, pattern: string): string {
  const expression = patternExpression(pattern);
  const lengths = Array.from({ length: value.length + 1 }, (_, index) => (operator.length === 1 ? index : value.length - index));
  const atEnd = operator.startsWith('%');
  for (const length of lengths) {
    const piece = atEnd ? value.slice(value.length - length) : value.slice(0, length);
    if (expression.test(piece)) {
      return atEnd ? value.slice(0, value.length - length) : value.slice(length);
    }
  }
  return value;
}
