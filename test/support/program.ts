import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The built program: `npm run build` comes before these tests. */
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The tests start it by the hundred: what Node has compiled once is read from there. */
const compiled = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

export interface ProgramOptions {
  /** On top of this process's environment, whose own SSTASH_ and AWS_ variables are left out. */
  readonly env?: Readonly<Record<string, string>>;
  /** A config file `sstash.yml` there would be read. */
  readonly cwd?: string;
  /** A file to write the result to, in place of what `Ran` tells. */
  readonly stdout?: number;
}

export interface Ran {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly done: Promise<Ran>;
}

/** Starts `sstash`. Whoever starts it awaits `done`, or kills it. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Running {
  const own = Object.entries(process.env).filter(([name]) => !/^(SSTASH|AWS)_/.test(name));
  const child = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { NODE_COMPILE_CACHE: compiled, ...Object.fromEntries(own), ...options.env },
    stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
  });
  return { child, done: outcome(child) };
}

/** Runs `sstash` to its end, whatever its exit code. */
export function runProgram(args: readonly string[], options: ProgramOptions = {}): Promise<Ran> {
  return startProgram(args, options).done;
}

async function outcome(child: ChildProcess): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code]: (number | null)[] = await once(child, 'close');
  return { code: code ?? null, stdout, stderr };
}

/** A run's JSON document. Throws with what the program said when it exited with another code than expected. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function resultOf<T>(ran: Ran, code = 0): T {
  if (ran.code !== code) {
    throw new Error(`exit code ${ran.code} instead of ${code}\n${ran.stderr}${ran.stdout.slice(0, 4000)}`);
  }
  const result: T = JSON.parse(ran.stdout);
  return result;
}

/** What `backup --json` prints. */
export interface BackupDocument {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly complete: boolean;
  readonly missing: readonly { readonly host: string; readonly hostId: string; readonly reason: string }[];
  readonly tables: number;
  readonly nodes: readonly {
    readonly host: string;
    readonly hostId: string;
    readonly complete: boolean;
    readonly files: number;
    readonly bytes: number;
    readonly newFiles: number;
    readonly newBytes: number;
    readonly error?: string;
  }[];
}

/** What `list --json` prints. */
export interface ListDocument {
  readonly backups: readonly {
    readonly id: string;
    readonly state: string;
    readonly complete: boolean;
    readonly missing?: readonly { readonly host: string; readonly reason: string }[];
    /** ISO 8601, to the millisecond. */
    readonly takenAt: string;
    readonly nodes: number;
    readonly tables: number;
    readonly bytes: number;
    readonly failures?: readonly { readonly host: string; readonly error: string }[];
  }[];
}

/** What `show --json` prints. */
export interface ShowDocument {
  readonly id: string;
  readonly complete: boolean;
  readonly nodes: readonly { readonly host: string; readonly files: number; readonly bytes: number }[];
  readonly tables: readonly { readonly table: string; readonly files: number; readonly bytes: number }[];
}

/** What `files --json` prints. */
export interface FilesDocument {
  readonly files: readonly {
    readonly host: string;
    readonly keyspace: string;
    readonly table: string;
    readonly path: string;
    readonly bytes: number;
    readonly url: string;
  }[];
}

/** What `restore --json` prints. */
export interface RestoreDocument {
  readonly backup: string;
  readonly method: string;
  readonly nodes: readonly {
    readonly host: string;
    readonly source: string;
    readonly files: number;
    readonly presentFiles: number;
    readonly bytes: number;
    readonly directory: string;
    readonly error?: string;
  }[];
  readonly tables: readonly {
    readonly keyspace: string;
    readonly table: string;
    readonly id: string;
    readonly liveId?: string;
    readonly probe?: {
      readonly state: string;
      readonly reason?: string;
      readonly replicas?: readonly { readonly address: string; readonly host?: string; readonly log: readonly string[] }[];
    };
  }[];
  readonly lost?: readonly { readonly key: string; readonly detail: string }[];
  readonly statements?: readonly string[];
  readonly coverage: readonly {
    readonly keyspace: string;
    readonly missing?: readonly { readonly after: string; readonly upTo: string }[];
    readonly missingShare?: number;
    readonly thinShare?: number;
    readonly unknown?: string;
  }[];
  readonly commands: string;
  readonly warnings: readonly string[];
}

/** What `schema apply --json` prints. */
export interface SchemaDocument {
  readonly statements: readonly string[];
  readonly existing: readonly string[];
  readonly dryRun: boolean;
}

/** What `--json` prints when a command failed. */
export interface ErrorDocument {
  readonly error: { readonly message: string; readonly hint?: string; readonly exitCode: number };
}
