import { RemoteError } from '../../model/errors.ts';
import { cqlCredentialsFile, cqlshrcLogin, type Login } from '../../model/options/login.ts';
import { cqlshProgram, programAt } from '../../model/options/program-words.ts';
import type { CqlNode } from '../node.ts';
import type { Remote } from '../remote.ts';
import { listenerWords } from '../tools/whose/listener.ts';
import { runTool } from '../tools/run-tool.ts';
import { type SecretFileCommand, withSecretFile } from '../tools/secret-file.ts';

/** How cqlsh is started: its words, and what comes on standard input before the statements. */
export async function cqlshCommand(node: CqlNode, args: readonly string[], signal: AbortSignal): Promise<SecretFileCommand> {
  const { remote, config } = node;
  const { cqlsh: words, cqlLogin } = node.programs;
  if (cqlLogin === undefined) {
    return { command: [...words, ...args], line: '' };
  }
  const at = programAt(words, cqlshProgram);
  const [before, program] = [words.slice(0, at), words.slice(at)];
  const listener = listenerWords(node, { port: config.cqlPort, address: config.cqlAddress }, words, cqlshProgram);
  if (await knowsCredentials(remote, words.slice(0, at + 1), signal)) {
    const contents = cqlCredentialsFile(cqlLogin);
    return withSecretFile({ before, program: [...program, '--credentials'], args, contents, listener });
  }
  return withSecretFile({
    before,
    program: [...program, '--cqlshrc'],
    args,
    contents: sectionFor(remote, cqlLogin),
    listener,
    settings: [...namedSettings(program), '~/.cassandra/cqlshrc', '~/.cqlshrc'],
  });
}

/** The cqlshrc that the words name; it has to be left out no more than another: the last one that is named counts. */
function namedSettings(program: readonly string[]): readonly string[] {
  const at = program.findIndex((word) => /^--cqlshrc(?:=|$)/.test(word));
  const named = program[at]?.startsWith('--cqlshrc=') === true ? program[at].slice('--cqlshrc='.length) : program[at + 1];
  return at < 0 || named === undefined ? [] : [named];
}

function sectionFor({ host }: Remote, login: Login): string {
  try {
    return cqlshrcLogin(login);
  } catch (cause) {
    throw cause instanceof Error ? new RemoteError(`${host}: ${cause.message}`, { host, cause }) : cause;
  }
}

const known = new WeakMap<Remote, Promise<boolean>>();

/** Whether its cqlsh reads a file of credentials, which those of Cassandra 4.1 and later do; asked once. */
function knowsCredentials(remote: Remote, words: readonly string[], signal: AbortSignal): Promise<boolean> {
  const asked = known.get(remote) ?? askVersion(remote, words, signal);
  known.set(remote, asked);
  // An answer that did not come is asked for again.
  asked.catch(() => known.delete(remote));
  return asked;
}

async function askVersion(remote: Remote, words: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { stdout } = await runTool(remote, [...words, '--version'], { as: 'login' }, signal);
  const [, major, minor] = /\bcqlsh (\d+)\.(\d+)/.exec(stdout) ?? [];
  // cqlsh 6.0 is of Cassandra 4.0, 6.1 of 4.1. One that does not say its version is taken for a new one.
  return major === undefined || Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 1);
}
