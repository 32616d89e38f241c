/** A shell program as it was read. */

/** A part of a word. `quoted`: within double quotes, or behind a backslash: it is not split, and no pattern. */
export type WordPart =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | ParameterPart
  | { readonly kind: 'command'; readonly body: Command; readonly quoted: boolean }
  | { readonly kind: 'arithmetic'; readonly expression: Word; readonly quoted: boolean }
  | { readonly kind: 'home' };

export interface ParameterPart {
  readonly kind: 'parameter';
  readonly name: string;
  /** `:-` `-` `:=` `=` `:?` `?` `:+` `+` `%` `%%` `#` `##`, or `length`. */
  readonly operator?: string;
  readonly word?: Word;
  readonly quoted: boolean;
}

export type Word = readonly WordPart[];

export interface Redirection {
  readonly fd: number;
  /** `<` `>` `>>` `>|` `<>` `<&` `>&` or `<<`, whose word is the text. */
  readonly operator: string;
  readonly word: Word;
}

export interface Assignment {
  readonly name: string;
  readonly word: Word;
}

export interface CaseItem {
  readonly patterns: readonly Word[];
  readonly body: Command | undefined;
}

export type Command =
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Assignment[];
      readonly words: readonly Word[];
      readonly redirections: readonly Redirection[];
      readonly line: number;
    }
  | { readonly kind: 'pipeline'; readonly commands: readonly Command[] }
  | { readonly kind: 'not'; readonly command: Command }
  | { readonly kind: 'and' | 'or'; readonly first: Command; readonly second: Command }
  | { readonly kind: 'sequence'; readonly commands: readonly Command[] }
  | { readonly kind: 'background'; readonly command: Command }
  | { readonly kind: 'subshell'; readonly body: Command }
  | { readonly kind: 'if'; readonly condition: Command; readonly body: Command; readonly otherwise: Command | undefined }
  | { readonly kind: 'while' | 'until'; readonly condition: Command; readonly body: Command }
  /** Without words: over the parameters. */
  | { readonly kind: 'for'; readonly name: string; readonly words: readonly Word[] | undefined; readonly body: Command }
  | { readonly kind: 'case'; readonly word: Word; readonly items: readonly CaseItem[] }
  | { readonly kind: 'function'; readonly name: string; readonly body: Command }
  | { readonly kind: 'redirected'; readonly command: Command; readonly redirections: readonly Redirection[] };

/** What this shell cannot read; the message shows the place. */
export class ShellSyntaxError extends Error {
  override readonly name = 'ShellSyntaxError';
}
