import { RemoteError } from '../../model/errors.ts';
import type { Login } from '../../model/options/login.ts';
import type { Command, Remote, RunOptions } from '../remote.ts';

/** How a node's own programs are started: argv prefixes, so that `['sudo', '-u', 'cassandra', 'nodetool']` works too. */
export interface Programs {
  readonly nodetool: readonly string[];
  readonly cqlsh: readonly string[];
  /** The node's cassandra.yaml or scylla.yaml, where it is not found by itself. */
  readonly configPath?: string | undefined;
  /** Who asks by JMX, and by CQL, where these are not to be found on the nodes. */
  readonly jmxLogin?: Login | undefined;
  readonly cqlLogin?: Login | undefined;
}

export const defaultPrograms: Programs = { nodetool: ['nodetool'], cqlsh: ['cqlsh'] };

/** Everything a program said. It ran; whether it did well is for the caller to read from `status`. */
export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

// nodetool prints half of its errors on standard output, which a failed `run` does not keep. So the shell reports the
// status in band: stdout as it comes, then a record separator, the status, another, and stderr. Fd 3 is the real stdout.
const separator = '\u001e';
export const reportStatusScript: string = String.raw`{ err=$("$@" 2>&1 >&3 3>&-); status=$?; } 3>&1; printf '\036%s\036%s' "$status" "$err"`;

/** Runs a program to its end. Throws RemoteError only when the host could not run it or the connection was lost. */
export async function runTool(
  remote: Remote,
  command: readonly string[],
  options: Pick<RunOptions, 'as' | 'verb' | 'what'> & { readonly input?: string },
  signal: AbortSignal,
): Promise<ToolOutput> {
  const wrapped: Command = ['sh', '-c', reportStatusScript, 'sh', ...command];
  const text = await remote.run(wrapped, options, signal);
  const last = text.lastIndexOf(separator);
  const first = text.lastIndexOf(separator, last - 1);
  const status = text.slice(first + 1, last);
  if (first < 0 || last <= first || !/^\d+$/.test(status)) {
    throw new RemoteError(`${command[0] ?? 'a program'} on ${remote.host} ended without a status`, {
      host: remote.host,
      command: command.join(' '),
      transient: true,
    });
  }
  const [stdout, stderr] = [text.slice(0, first), text.slice(last + 1)];
  return { stdout, stderr, status: Number(status) };
}

/** What a program that failed had to say, in one line: without warnings, usage advice, stack traces and full stop. */
export function failureLine(output: ToolOutput, program: string): string {
  const lines = [...output.stdout.split('\n'), ...output.stderr.split('\n')]
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const marked = lines.find((line) => line.startsWith(`${program}: `) || /^error: /i.test(line));
  const plain = lines.filter((line) => !noise.test(line)).at(-1);
  const line = marked ?? plain ?? `exit status ${output.status}`;
  return line
    .replace(new RegExp(`^${program}: `), '')
    .replace(/^error: /i, '')
    .replace(/\.$/, '');
}

/** True when the shell (or sudo) found no such program. */
export function isMissingProgram(output: ToolOutput): boolean {
  // A wrapper script that starts and then misses its own java also ends with 127; only the shell's words decide.
  return (output.status === 127 && !/\bjava\b/.test(output.stderr)) || /^sudo: .*: command not found/m.test(output.stderr);
}

const noise =
  /^(WARN|WARNING|INFO|NOTE|OpenJDK|Picked up|Java HotSpot|See 'nodetool help|-- StackTrace --|at |Caused by:|\.\.\. \d+ more|Requested )/i;
