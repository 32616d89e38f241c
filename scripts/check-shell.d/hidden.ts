import { type Comment, type Node, type ParseResult, Visitor } from 'oxc-parser';

export interface Hidden {
  readonly offset: number;
  readonly why: string;
}

/** Names of what is checked: consts and functions whose names end in `Script`. */
export interface Checked {
  /** Those that the module exports or imports. */
  readonly here: ReadonlySet<string>;
  readonly anywhere: ReadonlySet<string>;
}

interface Source {
  readonly text: string;
  readonly comments: readonly Comment[];
  readonly checked: Checked;
}

const shellName = /^(\/(usr\/)?bin\/)?(ba|da|a|k|mk|z)?sh$/;
const shellInText = /(?<![\w./-])(?:ba|da|a|k|mk|z)?sh\s+-\w*[cs]\b/g;
const advice = 'make it an exported const whose name ends in Script';

/**
 * Shell text in a module that the check would not see. What a shell is given with `-c` is a checked const by its bare name;
 * within text it may also be a parameter (`sh -c "$1"`) or a checked const between single quotes. A shell that reads
 * its text (`sh -s`) has a comment before it that names what it reads.
 */
export function hiddenShell({ program, comments }: ParseResult, text: string, checked: Checked): readonly Hidden[] {
  const hidden: Hidden[] = [];
  const seen = new Set<Node>();
  const say = ({ start }: Node, why: string | undefined) => {
    if (why !== undefined) {
      hidden.push({ offset: start, why });
    }
  };
  const sayOfWords = (nodes: readonly (Node | null)[], place: Place) => {
    for (const [index, node] of nodes.entries()) {
      if (isShell(node)) {
        seen.add(node);
        say(node, aboutWords(nodes, index, place, { text, comments, checked }));
      }
    }
  };
  new Visitor({
    ArrayExpression: ({ elements }) => sayOfWords(elements, 'array'),
    CallExpression: ({ arguments: given }) => sayOfWords(given, 'call'),
    NewExpression: ({ arguments: given }) => sayOfWords(given, 'call'),
    BinaryExpression: ({ left, right }) => void seen.add(left).add(right),
    TSLiteralType: ({ literal }) => void seen.add(literal),
    Literal: (node) => {
      if (isShell(node) && !seen.has(node)) {
        say(node, 'the name of a shell outside a command: write the command where it is run');
      }
      if (typeof node.value === 'string') {
        say(node, aboutText(node.value, checked));
      }
    },
    TemplateLiteral: ({ quasis, expressions }) => {
      for (const [index, quasi] of quasis.entries()) {
        const isQuoted = (quasis[index + 1]?.value.raw ?? '').startsWith("'");
        say(quasi, aboutText(quasi.value.raw, checked, isQuoted ? expressions[index] : undefined));
      }
    },
  }).visit(program);
  return hidden;
}

type Place = 'array' | 'call';

/** The shell at `index`, among the words of a command or the arguments of a call. */
function aboutWords(nodes: readonly (Node | null)[], index: number, place: Place, source: Source): string | undefined {
  const { text, checked } = source;
  const [shell, option, given] = nodes.slice(index);
  if (isChecked(nodes[index - 1], checked)) {
    return undefined; // the `$0` of a text
  }
  if (option?.type === 'Literal' && typeof option.value === 'string' && /^-\w*c$/.test(option.value)) {
    const what = given === null || given === undefined ? 'something' : text.slice(given.start, given.end);
    return isChecked(given, checked) ? undefined : `a shell is given ${what}: ${advice}`;
  }
  const isMention = place === 'call' && index > 0 && option === undefined;
  return isMention || isAnnounced(shell?.start ?? 0, source)
    ? undefined
    : 'a shell reads its text here: name it in a comment before, or give it with -c';
}

/** `next` is what a template inserts between single quotes. */
function aboutText(value: string, checked: Checked, next?: Node): string | undefined {
  const isHidden = [...value.matchAll(shellInText)].some((match) => {
    const rest = value.slice(match.index + match[0].length);
    return !/^\s+"\$(\w+|\{\w+\})"/.test(rest) && !(rest.trim() === "'" && isChecked(next, checked));
  });
  return isHidden ? `text for a shell within other text: ${advice}` : undefined;
}

function isChecked(node: Node | null | undefined, { here }: Checked): boolean {
  return node?.type === 'Identifier' && here.has(node.name);
}

function isShell(node: Node | null): node is Node {
  const isTemplate = node?.type === 'TemplateLiteral' && node.expressions.length === 0;
  const value = isTemplate ? node.quasis[0]?.value.cooked : node?.type === 'Literal' ? node.value : undefined;
  return typeof value === 'string' && shellName.test(value);
}

/** Whether a comment on the same line, or on the line before, names a checked text. */
function isAnnounced(offset: number, { text, comments, checked }: Source): boolean {
  const before = comments.findLast(({ end }) => end <= offset && text.slice(end, offset).split('\n').length <= 2);
  return [...(before?.value.matchAll(/\w+/g) ?? [])].some(([word]) => checked.anywhere.has(word));
}
