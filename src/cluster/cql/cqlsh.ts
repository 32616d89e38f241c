import { z } from 'zod';
import type { ToolNode, CqlNode } from '../node.ts';
import { RemoteError } from '../../model/errors.ts';
import { isMissingProgram, runTool, type ToolOutput } from '../tools/run-tool.ts';
import { secretFileTrouble } from '../tools/secret-file.ts';
import { cqlshCommand } from './cql-login.ts';
import { type CqlshInput, inputText } from './cqlsh-input.ts';

/**
 * Runs CQL statements by the node's own cqlsh and gives everything it said. cqlsh goes on after a failed statement and
 * then ends with 2; it could not connect: 1. It runs as the login user, also where all else goes through sudo: it reads what it
 * is given as a language that has commands of its own. Throws RemoteError when it is not there, BackupError as `inputText` does.
 */
export async function runCqlsh(node: CqlNode, statements: readonly CqlshInput[], signal: AbortSignal): Promise<ToolOutput> {
  const { remote, config } = node;
  const input = statements.map(inputText).join('');
  // UTF-8 by name: over ssh the locale is often C, in which cqlsh fails on the first name that is not ASCII.
  const options = ['--no-color', '--encoding=utf-8', '--connect-timeout=30', '--request-timeout=120'];
  const args = [...options, ...(config.cqlEncrypted ? ['--ssl'] : []), config.cqlAddress, String(config.cqlPort)];
  const { command, line } = await cqlshCommand(node, args, signal);
  const output = await runTool(remote, command, { input: line + input, as: 'login', verb: 'cqlsh', what: 'cqlsh' }, signal);
  if (isMissingProgram(output)) {
    throw new RemoteError(`cqlsh not found on ${remote.host}`, {
      host: remote.host,
      command: 'cqlsh',
      status: output.status,
      stderr: output.stderr.slice(-2000),
      hint: 'give its place with --cqlsh-path',
    });
  }
  return output;
}

/**
 * Whether every statement was done, and nothing is wrong but that nodes had not yet heard of a change when cqlsh would wait
 * no longer: it ends with 2 as for an error.
 */
export function isOnlyLateAgreement(output: ToolOutput): boolean {
  return output.status === 2 && complaintsOf(output).length === 0 && /schema version mismatch detected/.test(output.stderr);
}

/** A cqlsh that ran and failed, as an error: its last complaint in one line. */
export function cqlshError({ remote }: ToolNode, output: ToolOutput): RemoteError {
  const complaints = complaintsOf(output);
  const line =
    secretFileTrouble(output) ??
    complaints.find((each) => /error|exception|refused|unauthorized|denied/i.test(each)) ??
    complaints.at(-1) ??
    `exit status ${output.status}`;
  return new RemoteError(`cqlsh failed on ${remote.host}: ${line.replace(/\.$/, '')}`, {
    host: remote.host,
    command: 'cqlsh',
    status: output.status,
    stderr: output.stderr.slice(-2000),
    hint: isLogin(line) ? loginHint : 'does it work in a terminal on the node? An address or options can follow --cqlsh-path',
  });
}

function isLogin(text: string): boolean {
  return /AuthenticationFailed|Unauthorized|credentials/i.test(text);
}

const loginHint =
  "give user and password of CQL in a file of this host, mode 600: --cql-credentials FILE; or in ~/.cassandra/cqlshrc on the node, of the ssh login: cqlsh runs without sudo. As another user with --cqlsh-path 'sudo -n -u cassandra cqlsh'";

/** What cqlsh said against one of the statements that it was given. */
export interface Complaint {
  /** The statement's place among them, from 0. */
  readonly statement: number;
  /** The driver's name for it, such as `ReadTimeout`; empty where it says none. */
  readonly kind: string;
  /** The rest of the line, with the server's message and what comes with it. */
  readonly text: string;
}

/** The complaints that are about a statement, in order; the text whose lines cqlsh counts is that of `statements`. */
export function complaintsAbout(statements: readonly CqlshInput[], output: ToolOutput): readonly Complaint[] {
  const ends = lastLines(statements);
  return complaintsOf(output).flatMap((complaint) => {
    const [, line, kind = '', text = ''] = /^<stdin>:(\d+):\s*(?:(\w+):\s*)?(.*)$/s.exec(complaint) ?? [];
    const statement = line === undefined ? -1 : ends.findIndex((last) => Number(line) - 1 <= last);
    return statement === -1 ? [] : [{ statement, kind, text }];
  });
}

/** The server's own words in a complaint, where it has some. */
export function messageIn({ text }: Pick<Complaint, 'text'>): string {
  const begin = text.indexOf('message="') + 'message="'.length;
  const whole = text.trimEnd().replace(/>$/, '');
  const end = whole.endsWith('}') ? whole.lastIndexOf('" info={') : whole.endsWith('"') ? whole.length - 1 : -1;
  return begin < 'message="'.length || end < begin ? text : text.slice(begin, end);
}

/**
 * What the server refused of these statements, each named by its first line, since nobody else sees the text whose lines cqlsh
 * counts. A failure that is of no statement is `cqlshError`'s.
 */
export function refusedError(node: ToolNode, statements: readonly string[], output: ToolOutput): RemoteError {
  const refused = complaintsAbout(statements, output)
    .filter(({ kind }) => kind !== '')
    .map((complaint) => {
      const [head = ''] = statements[complaint.statement]?.trimStart().split('\n') ?? [];
      return `${head}: ${complaint.kind}: ${messageIn(complaint)}`;
    });
  if (refused.length === 0) {
    return cqlshError(node, output);
  }
  return new RemoteError(`Cassandra on ${node.remote.host} refused ${refused.join('; and ')}`, {
    host: node.remote.host,
    command: 'cqlsh',
    status: output.status,
    stderr: output.stderr.slice(-2000),
    hint: isLogin(output.stderr)
      ? loginHint
      : refused.some((each) => /^(CREATE|ALTER)\b/.test(each))
        ? 'the other statements were run. sstash schema show prints them all: create by hand what was refused, then run the same command again'
        : undefined,
  });
}

/** The line that each ends on. Of what it reads, cqlsh 6.2.2 names the line after that one, counted from 1. */
function lastLines(statements: readonly CqlshInput[]): readonly number[] {
  let last = 0;
  return statements.map((statement) => (last += inputText(statement).split('\n').length - 1));
}

function complaintsOf({ stderr }: ToolOutput): readonly string[] {
  return stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(WARNING|\S*Warning)\b/.test(line));
}

/** Rows of `SELECT JSON` statements, in order. */
export interface JsonRows {
  readonly rows: readonly unknown[];
  /** False when a result had fewer or more rows than cqlsh said: output was cut. */
  readonly whole: boolean;
  /** How many results there are. */
  readonly results: number;
}

/** Reads what cqlsh prints for `SELECT JSON`: per statement a header, a row per line, and `(N rows)`. */
export function parseJsonRows(text: string): JsonRows {
  const rows: unknown[] = [];
  let [seen, results, whole] = [0, 0, true];
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line.startsWith('{') && line.endsWith('}')) {
      const row = parseRow(line);
      whole &&= row !== undefined;
      rows.push(row);
      seen += 1;
    }
    const count = /^\((\d+) rows?\)$/.exec(line)?.[1];
    if (count !== undefined) {
      whole &&= Number(count) === seen;
      results += 1;
      seen = 0;
    }
  }
  return { rows: rows.filter((row) => row !== undefined), whole: whole && seen === 0, results };
}

/** The rows of these `SELECT JSON` statements, all of them of this shape. Throws RemoteError when anything is missing. */
export async function selectRows<T>(
  node: CqlNode,
  statements: readonly string[],
  row: z.ZodType<T>,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const output = await runCqlsh(node, statements, signal);
  const { rows, whole, results } = parseJsonRows(output.stdout);
  const parsed = z.array(row).safeParse(rows);
  if (output.status !== 0 || !whole || results !== statements.length || !parsed.success) {
    throw cqlshError(node, output);
  }
  return parsed.data;
}

function parseRow(line: string): unknown {
  // cqlsh prints text for people: every backslash that JSON needs is doubled, and characters from U+007F to U+00A0, which
  // JSON leaves as they are, are written as Python does, `\xa0` (formatting.py, format_value_text).
  const unescaped = line.replaceAll(/\\\\|\\x([0-9a-f]{2})/g, (_, hex: string | undefined) =>
    hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  for (const text of [unescaped, line]) {
    try {
      return JSON.parse(text);
    } catch {
      // the other reading decides
    }
  }
  return undefined;
}
