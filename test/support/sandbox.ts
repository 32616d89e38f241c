import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
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
  /** More variables of `scripts/sandbox`. */
  readonly env?: Readonly<Record<string, string>>;
}

function environment(state?: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...(state === undefined ? {} : { SSTASH_SANDBOX: state }), ...more };
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

/** The running cluster that all integration tests share. */
export interface Sandbox {
  readonly hosts: readonly [first: string, second: string, third: string];
  /** The variables that make `sstash` work on it. */
  readonly env: Readonly<Record<string, string>>;
  /** The directory that the S3 server keeps the bucket in: a key is a path in it. */
  readonly bucket: string;
  /** As `scripts/sandbox up --cassandra` takes it: 5.0 or 4.1. */
  readonly cassandra: string;
  /** 5.0 has SAI; 4.1 has not. */
  readonly hasSai: boolean;
}

let sandbox: Promise<Sandbox> | undefined;

/** Brings up three hosts unless they are up. The variables of scripts/sandbox (SSTASH_SANDBOX) choose which ones. */
export function ensureSandbox(): Promise<Sandbox> {
  return (sandbox ??= openSandbox());
}

async function openSandbox(): Promise<Sandbox> {
  if (sandboxMissing() !== false) {
    await runSandbox(['up']);
  }
  const env = sandboxEnv();
  const [first, second, third, ...others] = (env['SSTASH_HOSTS'] ?? '').split(',');
  if (first === undefined || second === undefined || third === undefined || others.length > 0) {
    throw new Error(`integration tests need a sandbox of three hosts, this one has ${env['SSTASH_HOSTS']}`);
  }
  const bucket = join(dirname(env['SSTASH_SSHKEY'] ?? ''), 's3', 'data', 'backups');
  const [, cassandra = ''] = /cassandra (\d+\.\d+)\./.exec(await runSandbox(['status'])) ?? [];
  return { hosts: [first, second, third], env, bucket, cassandra, hasSai: Number(cassandra) >= 5 };
}

/** Runs one `scripts/sandbox` command; resolves to its stdout, rejects with its stderr when it fails. */
export function runSandbox(args: readonly string[], options: SandboxOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      script,
      args,
      { encoding: 'utf8', env: environment(options.state, options.env), maxBuffer: 256 * 1024 * 1024 },
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

/** Runs CQL statements by cqlsh on the first host; resolves to what cqlsh prints, when all nodes have heard of them. */
export async function cql(statements: string, options: Pick<SandboxOptions, 'state'> = {}): Promise<string> {
  try {
    return await runSandbox(['cqlsh'], { ...options, input: statements });
  } catch (error) {
    const complaints = String(error instanceof Error ? error.message : error).split('\n');
    // On a busy machine the nodes need longer to agree than cqlsh waits, and it ends as for an error.
    if (!complaints.every((line) => /Warning: schema version mismatch detected/.test(line))) {
      throw error;
    }
    await schemaAgreement(options);
    return '';
  }
}

async function schemaAgreement(options: Pick<SandboxOptions, 'state'>): Promise<void> {
  const deadline = Date.now() + 180_000;
  for (;;) {
    const answer = await onHost(firstHost(options), 'nodetool describecluster', options);
    if (answer.match(/^\s+[0-9a-f-]{36}: /gm)?.length === 1) {
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`the nodes of the sandbox do not agree on the schema:\n${answer}`);
    }
    await setTimeout(1000);
  }
}

/** Runs shell text as root in a host (`127.0.0.2`, `h2` or `2`); resolves to its stdout. */
export function onHost(host: string, shellText: string, options: Pick<SandboxOptions, 'state'> = {}): Promise<string> {
  return runSandbox(['root', host, 'sh', '-c', shellText], options);
}

/** Writes `count` rows into each table of test/fixtures/schema.cql; the same seed writes the same rows. */
export async function loadRows(seed: number, count: number, options: Pick<SandboxOptions, 'state'> = {}): Promise<void> {
  await runSandbox(['python', rows, firstHost(options), 'load', String(seed), String(count)], options);
}

/** Writes `count` rows of `bytes` random bytes into the table of test/fixtures/faults.cql. */
export async function loadBlobs(count: number, bytes: number, options: Pick<SandboxOptions, 'state'> = {}): Promise<void> {
  await runSandbox(['python', rows, firstHost(options), 'blobs', String(count), String(bytes)], options);
}

/**
 * Every table and view of the keyspaces (or of all that are not Cassandra's own) by `keyspace.table`, read from all
 * replicas.
 */
export async function dumpRows(
  options: Pick<SandboxOptions, 'state'> & { readonly keyspaces?: readonly string[] } = {},
): Promise<Record<string, TableRows>> {
  const text = await runSandbox(['python', rows, firstHost(options), 'dump', ...(options.keyspaces ?? [])], options);
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
