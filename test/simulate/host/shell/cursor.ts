import { ShellSyntaxError } from './syntax.ts';

/** A place in the text of a shell program. */
export class Cursor {
  readonly text: string;
  at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  get end(): boolean {
    return this.at >= this.text.length;
  }

  /** The character here, or further on; empty behind the end. */
  peek(ahead = 0): string {
    return this.text[this.at + ahead] ?? '';
  }

  next(): string {
    const character = this.peek();
    this.at += 1;
    return character;
  }

  sees(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  /** Goes past the text, if it is here. */
  takes(text: string): boolean {
    const here = this.sees(text);
    if (here) {
      this.at += text.length;
    }
    return here;
  }

  /** Goes past what matches here (a sticky expression), and gives it. */
  match(expression: RegExp): string | undefined {
    expression.lastIndex = this.at;
    const found = expression.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  /** Blanks, comments and lines that go on. */
  blanks(): void {
    this.match(/(?:[ \t]|\\\n)*(?:#[^\n]*)?/y);
  }

  fail(why: string): never {
    const line = this.text.slice(0, this.at).split('\n').length;
    throw new ShellSyntaxError(
      `line ${line}: ${why} at ${JSON.stringify(this.text.slice(this.at, this.at + 40))} of ${JSON.stringify(this.text.slice(0, 60))}`,
    );
  }
}
