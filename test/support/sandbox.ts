import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/sandbox', import.meta.url));
const rows = fileURLToPath(new URL('rows.py', import.meta.url));

/** What one table held when it was read: the number of rows, and a digest over all of them in a fixed order. */
export interface TableRows {
  readonly rows: number;
  readonly sha256: string;
}

export interface SandboxOptions {
  /** The state directory of another sandbox than the default one. */
  readonly state?: string;
  /** Written to the command's stdin. */
  readonly input?: string;
}

function environment(state?: string): NodeJS.ProcessEnv {
  return state === undefined ? process.env : { ...process.env, SSTASH_SANDBOX: state };
}

/** Why the sandbox cannot be used, for a test's `skip`; false when all of it is up. */
export function sandboxMissing(options: Pick<SandboxOptions, 'state'> = {}): string | false {
  const status = spawnSync(script, ['status'], { encoding: 'utf8', env: environment(options.state) });
  if (status.status === 0) {
    return false;
  }
  return `the sandbox is not up (scripts/sandbox up): ${(status.stderr || status.stdout).trim()}`;
}

/** The variables that make `sstash` work on the sandbox. Throws when there is no sandbox. */
export function sandboxEnv(options: Pick<SandboxOptions, 'state'> = {}): Record<string, string> {
  const exports = execFileSync(script, ['env'], { encoding: 'utf8', env: environment(options.state) });
  const variables: Record<string, string> = {};
  for (const [, name = '', value = ''] of exports.matchAll(/^export (\w+)='(.*)'$/gm)) {
    variables[name] = value.replaceAll(String.raw`'\''`, "'");
  }
  return variables;
}

/** Runs one `scripts/sandbox` command; resolves to its stdout, rejects with its stderr when it fails. */
export function runSandbox(args: readonly string[], options: SandboxOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      script,
      args,
      { encoding: 'utf8', env: environment(options.state), maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error) {
          reject(new Error(`scripts/sandbox ${args.join(' ')} failed: ${stderr.trim()}`, { cause: error }));
        } else {
          resolve(stdout);
        }
      },
    );
    // A command that does not read its stdin may be gone before it is written.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs CQL statements by cqlsh on the first host; resolves to what cqlsh prints. */
export function cql(statements: string, options: Pick<SandboxOptions, 'state'> = {}): Promise<string> {
  return runSandbox(['cqlsh'], { ...options, input: statements });
}

/** Runs shell text as root in a host (`127.0.0.2`, `h2` or `2`); resolves to its stdout. */
export function onHost(host: string, shellText: string, options: Pick<SandboxOptions, 'state'> = {}): Promise<string> {
  return runSandbox(['root', host, 'sh', '-c', shellText], options);
}

/** Writes `count` rows into each table of test/fixtures/schema.cql; the same seed writes the same rows. */
export async function loadRows(seed: number, count: number, options: Pick<SandboxOptions, 'state'> = {}): Promise<void> {
  await runSandbox(['python', rows, firstHost(options), 'load', String(seed), String(count)], options);
}

/** Every table and view by `keyspace.table`, read from all replicas. Cassandra's own keyspaces are left out. */
export async function dumpRows(options: Pick<SandboxOptions, 'state'> = {}): Promise<Record<string, TableRows>> {
  const text = await runSandbox(['python', rows, firstHost(options), 'dump'], options);
  const tables: Record<string, TableRows> = JSON.parse(text);
  return tables;
}

function firstHost(options: Pick<SandboxOptions, 'state'>): string {
  const [host] = (sandboxEnv(options)['SSTASH_HOSTS'] ?? '').split(',');
  if (!host) {
    throw new Error('the sandbox names no hosts');
  }
  return host;
}
