import { Cursor } from './cursor.ts';
import { WordReader } from './read-word.ts';
import type { Assignment, CaseItem, Command, Redirection, Word } from './syntax.ts';

const known = new Map<string, Command>();

/** A whole shell program, read once however often it runs. Throws ShellSyntaxError. */
export function parse(text: string): Command {
  const before = known.get(text);
  if (before !== undefined) {
    return before;
  }
  const parser = new Parser(new Cursor(text));
  const command = parser.commands([]);
  parser.atEnd();
  known.set(text, command);
  return command;
}

const reserved = new Set([
  'if',
  'then',
  'else',
  'elif',
  'fi',
  'do',
  'done',
  'case',
  'esac',
  'while',
  'until',
  'for',
  '{',
  '}',
  '!',
  'in',
]);
const functionHead = /([A-Za-z_][A-Za-z0-9_]*)[ \t]*\([ \t]*\)/y;
const assignmentHead = /[A-Za-z_][A-Za-z0-9_]*=/y;
const redirectionHead = /[0-9]*(?:<<-?|<&|>&|>>|>\||<>|<|>)/y;

interface HereDocument {
  readonly end: string;
  readonly literal: boolean;
  readonly tabs: boolean;
  readonly fill: (word: Word) => void;
}

class Parser {
  readonly #cursor: Cursor;
  readonly #words: WordReader;
  readonly #documents: HereDocument[] = [];

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#words = new WordReader(cursor, () => this.commands([')']));
  }

  atEnd(): void {
    this.#newlines();
    if (!this.#cursor.end) {
      this.#cursor.fail('nothing of a command');
    }
  }

  /** Commands up to one of these words, which is left where it is; none is an empty sequence. */
  commands(ends: readonly string[]): Command {
    const commands: Command[] = [];
    this.#newlines();
    while (!this.#cursor.end && !this.#cursor.sees(';;') && !ends.some((end) => this.#isWord(end))) {
      const command = this.#andOr();
      this.#cursor.blanks();
      const isBackground = this.#cursor.peek() === '&';
      commands.push(isBackground ? { kind: 'background', command } : command);
      if (this.#cursor.peek() === ';' && this.#cursor.peek(1) === ';') {
        break;
      }
      if (!this.#cursor.takes('&') && !this.#cursor.takes(';') && this.#cursor.peek() !== '\n') {
        break;
      }
      this.#newlines();
    }
    const [only] = commands;
    return commands.length === 1 && only !== undefined ? only : { kind: 'sequence', commands };
  }

  #andOr(): Command {
    let first = this.#pipeline();
    for (;;) {
      this.#cursor.blanks();
      const kind = this.#cursor.takes('&&') ? 'and' : this.#cursor.takes('||') ? 'or' : undefined;
      if (kind === undefined) {
        return first;
      }
      this.#newlines();
      first = { kind, first, second: this.#pipeline() };
    }
  }

  #pipeline(): Command {
    this.#cursor.blanks();
    if (this.#takesWord('!')) {
      return { kind: 'not', command: this.#pipeline() };
    }
    const commands = [this.#command()];
    for (this.#cursor.blanks(); this.#cursor.peek() === '|' && this.#cursor.peek(1) !== '|'; this.#cursor.blanks()) {
      this.#cursor.next();
      this.#newlines();
      commands.push(this.#command());
    }
    const [only] = commands;
    return commands.length === 1 && only !== undefined ? only : { kind: 'pipeline', commands };
  }

  #command(): Command {
    this.#cursor.blanks();
    const compound = this.#compound();
    if (compound === undefined) {
      return this.#simple();
    }
    const redirections: Redirection[] = [];
    for (let one = this.#redirection(); one !== undefined; one = this.#redirection()) {
      redirections.push(one);
    }
    return redirections.length === 0 ? compound : { kind: 'redirected', command: compound, redirections };
  }

  #compound(): Command | undefined {
    if (this.#cursor.takes('(')) {
      const body = this.commands([')']);
      this.#demand(')');
      return { kind: 'subshell', body };
    }
    if (this.#takesWord('{')) {
      const body = this.commands(['}']);
      this.#demand('}');
      return body;
    }
    if (this.#takesWord('if')) {
      return this.#if();
    }
    for (const kind of ['while', 'until'] as const) {
      if (this.#takesWord(kind)) {
        const condition = this.commands(['do']);
        return { kind, condition, body: this.#doBody() };
      }
    }
    if (this.#takesWord('for')) {
      return this.#for();
    }
    if (this.#takesWord('case')) {
      return this.#case();
    }
    const name = this.#cursor.match(functionHead);
    if (name !== undefined) {
      this.#newlines();
      return { kind: 'function', name: name.replace(/[ \t]*\(.*/, ''), body: this.#command() };
    }
    return undefined;
  }

  #if(): Command {
    const condition = this.commands(['then']);
    this.#demand('then');
    const body = this.commands(['else', 'elif', 'fi']);
    if (this.#takesWord('elif')) {
      return { kind: 'if', condition, body, otherwise: this.#if() };
    }
    const otherwise = this.#takesWord('else') ? this.commands(['fi']) : undefined;
    this.#demand('fi');
    return { kind: 'if', condition, body, otherwise };
  }

  #for(): Command {
    this.#cursor.blanks();
    const name = this.#cursor.match(/[A-Za-z_][A-Za-z0-9_]*/y) ?? this.#cursor.fail('no name behind for');
    this.#newlines();
    let words: Word[] | undefined;
    if (this.#takesWord('in')) {
      words = [];
      for (let word = this.#word(); word !== undefined; word = this.#word()) {
        words.push(word);
      }
    }
    this.#cursor.blanks();
    this.#cursor.takes(';');
    this.#newlines();
    return { kind: 'for', name, words, body: this.#doBody() };
  }

  #doBody(): Command {
    this.#newlines();
    this.#demand('do');
    const body = this.commands(['done']);
    this.#demand('done');
    return body;
  }

  #case(): Command {
    const word = this.#word() ?? this.#cursor.fail('no word behind case');
    this.#newlines();
    this.#demand('in');
    const items: CaseItem[] = [];
    for (this.#newlines(); !this.#isWord('esac'); this.#newlines()) {
      this.#cursor.takes('(');
      const patterns: Word[] = [];
      do {
        patterns.push(this.#word() ?? this.#cursor.fail('no pattern'));
        this.#cursor.blanks();
      } while (this.#cursor.takes('|'));
      this.#demand(')');
      const body = this.commands(['esac']);
      items.push({ patterns, body });
      this.#cursor.blanks();
      if (!this.#cursor.takes(';;')) {
        break;
      }
    }
    this.#newlines();
    this.#demand('esac');
    return { kind: 'case', word, items };
  }

  #simple(): Command {
    const line = this.#cursor.text.slice(0, this.#cursor.at).split('\n').length;
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirections: Redirection[] = [];
    for (;;) {
      this.#cursor.blanks();
      const redirection = this.#redirection();
      if (redirection !== undefined) {
        redirections.push(redirection);
        continue;
      }
      const head = words.length === 0 ? this.#cursor.match(assignmentHead) : undefined;
      if (head !== undefined) {
        assignments.push({ name: head.slice(0, -1), word: this.#words.word() ?? [] });
        continue;
      }
      const word = this.#words.word();
      if (word === undefined) {
        break;
      }
      words.push(word);
    }
    const [first] = words[0] ?? [];
    if (words.length === 0 && assignments.length === 0 && redirections.length === 0) {
      this.#cursor.fail('a command is missing');
    }
    if (first?.kind === 'text' && !first.quoted && words[0]?.length === 1 && reserved.has(first.text)) {
      this.#cursor.fail(`${first.text} is out of place`);
    }
    return { kind: 'simple', assignments, words, redirections, line };
  }

  #redirection(): Redirection | undefined {
    this.#cursor.blanks();
    const head = this.#cursor.match(redirectionHead);
    if (head === undefined) {
      return undefined;
    }
    const [, number = '', operator = ''] = /^(\d*)(.*)$/.exec(head) ?? [];
    const fd = number === '' ? (operator.startsWith('<') ? 0 : 1) : Number(number);
    const word = this.#word() ?? this.#cursor.fail('a redirection to nothing');
    if (!operator.startsWith('<<')) {
      return { fd, operator, word };
    }
    // Its text comes behind the line.
    const document: { word: Word } = { word: [] };
    this.#documents.push({
      end: word
        .map((part) => (part.kind === 'text' ? part.text : this.#cursor.fail('the end of a here-document is text')))
        .join(''),
      literal: word.some((part) => part.kind === 'text' && part.quoted),
      tabs: operator === '<<-',
      fill: (text) => {
        document.word = text;
      },
    });
    return Object.assign(document, { fd, operator: '<<' });
  }

  #word(): Word | undefined {
    this.#cursor.blanks();
    return this.#words.word();
  }

  /** Line ends and blanks; what a line's here-documents hold comes behind its end. */
  #newlines(): void {
    this.#cursor.blanks();
    while (this.#cursor.takes('\n')) {
      this.#fillDocuments();
      this.#cursor.blanks();
    }
  }

  #fillDocuments(): void {
    for (const { end, literal, tabs, fill } of this.#documents.splice(0)) {
      const lines: string[] = [];
      for (;;) {
        if (this.#cursor.end) {
          this.#cursor.fail(`no line ${end}`);
        }
        const line = (this.#cursor.match(/[^\n]*/y) ?? '').replace(tabs ? /^\t+/ : /^(?!)/, '');
        this.#cursor.takes('\n');
        if (line === end) {
          break;
        }
        lines.push(`${line}\n`);
      }
      const text = lines.join('');
      fill(literal ? [{ kind: 'text', text, quoted: true }] : documentWord(text));
    }
  }

  #isWord(word: string): boolean {
    this.#cursor.blanks();
    const after = this.#cursor.peek(word.length);
    return this.#cursor.sees(word) && (word === ')' || after === '' || /[\s;&|<>()]/.test(after));
  }

  #takesWord(word: string): boolean {
    const here = this.#isWord(word);
    if (here) {
      this.#cursor.at += word.length;
    }
    return here;
  }

  #demand(word: string): void {
    this.#newlines();
    if (!this.#takesWord(word)) {
      this.#cursor.fail(`${word} is missing`);
    }
  }
}

function documentWord(text: string): Word {
  const cursor = new Cursor(text);
  return new WordReader(cursor, () => new Parser(cursor).commands([')'])).document();
}
