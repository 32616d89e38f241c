import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CpuGroups, enter } from './cpu-groups.ts';
import { type Program, run } from './measure.ts';

export const repository: string = fileURLToPath(new URL('../..', import.meta.url));
export const cache: string =
  process.env['SSTASH_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sstash');

/** Two benchmarks at once need two networks and two directories; see docs/performance.md. */
const net = process.env['SSTASH_BENCH_NET'] ?? '127.0.181';
/** The one node, as the sandbox numbers its hosts. */
const host = `${net}.2`;
const endpoint = `http://${net}.1:9478`;
const bucket = 'bench';
const credentials = { id: 'bench', secret: 'bench-secret-of-a-server-on-loopback' };

/**
 * CQLSSTableWriter writes files of 5.0's own version, which a node in 4.x compatibility refuses; Medusa sees one data
 * directory only.
 */
const yaml = 'storage_compatibility_mode: NONE\ndata_file_directories: [/var/lib/cassandra/data]';

/** One real Cassandra node with its own sshd and one S3 server, both this benchmark's own. */
export interface Lab {
  readonly host: string;
  readonly endpoint: string;
  readonly bucket: string;
  /** Where the benchmark keeps what it makes; on the file system of the node and of the S3 server. */
  readonly directory: string;
  /** What aws, rclone and sstash need to reach the S3 server, and sstash to reach the node. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory of a prefix in the bucket, seen from behind the S3 server. */
  readonly behind: (prefix: string) => string;
  /** Directory on the node, as the outside sees it. */
  readonly onNode: (path: string) => string;
  /** What runs a program as root on the node, in the client's CPU group. */
  readonly inNode: (...argv: readonly string[]) => Program;
  /** Runs shell text as root on the node. */
  readonly root: (shellText: string) => Promise<string>;
  readonly sandbox: (...args: string[]) => Promise<string>;
  readonly down: () => Promise<void>;
}

/** Starts node and server. Everything that is kept lies below `directory`. */
export async function startLab(directory: string, groups: CpuGroups): Promise<Lab> {
  mkdirSync(directory, { recursive: true });
  const state = join(directory, 'sandbox');
  const sandboxEnv = {
    SSTASH_SANDBOX: state,
    SSTASH_S3_PORT: '9477',
    SSTASH_SANDBOX_YAML: yaml,
  };
  const sandbox = (...args: string[]): Promise<string> =>
    run({ argv: [join(repository, 'scripts/sandbox'), ...args], env: sandboxEnv }, directory);
  const root = (shellText: string): Promise<string> => sandbox('root', host, 'sh', '-c', shellText);
  const closers: (() => Promise<unknown>)[] = [];
  const down = async (): Promise<void> => {
    for (const close of closers.toReversed()) {
      await close();
    }
  };
  try {
    closers.push(await claim());
    const made = `${net}\n${yaml}`;
    if (existsSync(state) && readStamp(join(state, 'bench.stamp')) !== made) {
      // Settings are fixed when a sandbox is made; the data goes with it.
      await sandbox('wipe');
      rmSync(join(directory, 'data.stamp'), { force: true });
    }
    closers.push(() => sandbox('down'));
    await sandbox('up', '1', '--net', net);
    writeStamp(join(state, 'bench.stamp'), made);
    // The sandbox's own S3 server is not measured: it is no fast one.
    await sandbox('s3', 'stop');
    await countNodeCpu(root, groups);
    const data = join(directory, 's3');
    closers.push(await startServer(data, groups));
    const env = { ...exportsOf(await sandbox('env')), ...s3Env() };
    return {
      host,
      endpoint,
      bucket,
      directory,
      env,
      behind: (prefix) => join(data, bucket, prefix),
      onNode: (path) => join(state, 'h2', path),
      inNode: (...argv) => ({ argv: [join(repository, 'scripts/sandbox'), 'root', host, ...argv], env: sandboxEnv }),
      root,
      sandbox,
      down,
    };
  } catch (error) {
    await down().catch(() => {});
    throw error;
  }
}

/** Two benchmarks on one network would stop each other's servers. The kernel frees the port, however this one ends. */
async function claim(): Promise<() => Promise<void>> {
  const server = createServer();
  server.listen(9479, `${net}.1`);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`another benchmark runs on ${net}: wait for it, or set SSTASH_BENCH_NET`, { cause: error });
  }
  server.unref();
  return async () => {
    server.close();
    await once(server, 'close');
  };
}

/** Pid 0 is the writer itself, in whatever pid namespace; so a shim moves nodetool and cqlsh, and sshd's children inherit. */
async function countNodeCpu(root: Lab['root'], groups: CpuGroups): Promise<void> {
  const shim = (tool: string): string =>
    `#!/bin/sh\\necho 0 2>/dev/null >${groups.tools.procs} || :\\nexec /usr/bin/${tool} "$@"\\n`;
  for (const tool of ['nodetool', 'cqlsh']) {
    await root(`printf '${shim(tool)}' >/usr/local/bin/${tool} && chmod 755 /usr/local/bin/${tool}`);
  }
  await root(`cat /run/sshd.pid >${groups.node.procs}`);
}

async function startServer(data: string, groups: CpuGroups): Promise<() => Promise<void>> {
  rmSync(data, { recursive: true, force: true });
  mkdirSync(join(data, bucket), { recursive: true });
  const log = openSync(join(data, '..', 's3.log'), 'w');
  const server = spawn(
    join(cache, 'bin/versitygw'),
    ['--port', endpoint.slice('http://'.length), '--quiet', '--keep-alive', 'posix', data],
    {
      env: { ...process.env, ROOT_ACCESS_KEY: credentials.id, ROOT_SECRET_KEY: credentials.secret },
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  const ended = once(server, 'close');
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
  try {
    enter(groups.server, server.pid ?? 0);
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(endpoint).catch(() => undefined);
      if (answer !== undefined) {
        return stop;
      }
      if (tries > 100 || server.exitCode !== null) {
        throw new Error('the S3 server does not answer');
      }
      await delay(50);
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

function s3Env(): Program['env'] {
  return {
    SSTASH_ENDPOINT: endpoint,
    SSTASH_LOCATION: undefined,
    SSTASH_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: credentials.id,
    AWS_SECRET_ACCESS_KEY: credentials.secret,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    // rclone refuses to start with a bundle that it cannot read; nothing here is TLS.
    AWS_CA_BUNDLE: undefined,
  };
}

/** The variables of `scripts/sandbox env`. */
function exportsOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** What a finished file holds, or undefined. */
export function readStamp(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export function writeStamp(path: string, text: string): void {
  writeFileSync(path, text);
}
