import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What a program from the sources left behind. */
export interface SourceRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SourceOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each piece of standard error, with the process. */
  readonly heard?: (text: string, child: ChildProcess) => void;
}

/** How Node is told to run TypeScript: it does so by itself, but Node 22 warns each time that it is experimental there. */
export const typeScript: readonly string[] = ['--disable-warning=ExperimentalWarning'];

/** Runs a TypeScript program, without a build; this process's own SSTASH_ and AWS_ variables are left out. */
export async function runSource(program: URL, args: readonly string[], options: SourceOptions = {}): Promise<SourceRun> {
  const own = Object.entries(process.env).filter(([name]) => !/^(SSTASH|AWS)_/.test(name));
  const child = spawn(process.execPath, [...typeScript, fileURLToPath(program), ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...Object.fromEntries(own), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    options.heard?.(stderr, child);
  });
  try {
    const [code]: (number | null)[] = await once(child, 'close');
    return { code: code ?? null, stdout, stderr };
  } finally {
    child.kill('SIGKILL');
  }
}
