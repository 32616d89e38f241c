import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Certified } from './authority.ts';
import { Agent } from 'node:https';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

/** A real S3 server on loopback, with a directory, a port and credentials of its own, and one bucket. */
export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  /** Where the bucket's objects lie, as files of their keys. */
  readonly objects: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** A client of the test's own, to look behind the store's back. */
  readonly client: S3Client;
  readonly pid: number;
  stop(): Promise<void>;
}

const cache = process.env['SSTASH_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sstash');
const startWithinMs = 60_000;

export const s3ProxyJar: string = join(cache, 's3proxy.jar');
export const versityGateway: string = join(cache, 'bin', 'versitygw');

/** What a test says that cannot run for want of a server; undefined when the server is there. */
export function missing(path: string, fetch: string): string | undefined {
  return existsSync(path) ? undefined : `no ${path}: run ${fetch}`;
}

/** S3Proxy over a directory, with some more properties. Takes 2 to 4 s to start. */
export async function startS3Proxy(more: Readonly<Record<string, string>> = {}): Promise<S3Server> {
  return await start(async (directory, port, { accessKeyId, secretAccessKey }) => {
    const data = join(directory, 'data');
    await mkdir(data);
    const properties = {
      's3proxy.endpoint': `http://127.0.0.1:${port}`,
      's3proxy.authorization': 'aws-v2-or-v4',
      's3proxy.identity': accessKeyId,
      's3proxy.credential': secretAccessKey,
      'jclouds.provider': 'filesystem-nio2',
      'jclouds.filesystem.basedir': data,
      ...more,
    };
    const file = join(directory, 's3proxy.properties');
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(file, lines.join(''), { mode: 0o600 });
    return { command: ['java', '-Xmx512m', '-jar', s3ProxyJar, '--properties', file], environment: {} };
  });
}

/**
 * versitygw over a directory, with a certificate over TLS. Starts in 0.1 s. Credentials go by environment: argv is everybody's to
 * read.
 */
export async function startVersityGateway(certified?: Certified): Promise<S3Server> {
  const secure = certified === undefined ? [] : ['--cert', certified.certificate, '--key', certified.key];
  return await start(async (directory, port, { accessKeyId, secretAccessKey }) => {
    const data = join(directory, 'data');
    await mkdir(data);
    return {
      command: [versityGateway, '--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', ...secure, 'posix', data],
      environment: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    };
  }, certified?.authority);
}

interface Launch {
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
}

async function start(
  launch: (directory: string, port: number, credentials: S3Server['credentials']) => Promise<Launch>,
  authority?: string,
): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'sstash-s3-'));
  const credentials = { accessKeyId: randomBytes(10).toString('hex'), secretAccessKey: randomBytes(20).toString('hex') };
  const bucket = 'backups';
  const port = await freePort();
  const { command, environment } = await launch(directory, port, credentials);
  const log = join(directory, 'server.log');
  const output = await open(log, 'w');
  const [program, ...args] = command;
  const server = spawn(program, args, { env: { ...process.env, ...environment }, stdio: ['ignore', output.fd, output.fd] });
  await output.close();
  // A test that is killed must not leave a server behind.
  const onExit = (): void => void server.kill('SIGKILL');
  process.once('exit', onExit);
  const endpoint = `${authority === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const requestHandler = authority === undefined ? {} : { httpsAgent: new Agent({ keepAlive: true, ca: authority }) };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials, requestHandler });
  const stop = async (): Promise<void> => {
    process.removeListener('exit', onExit);
    client.destroy();
    await end(server);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(server, () => client.send(new CreateBucketCommand({ Bucket: bucket })));
  } catch (error) {
    const said = await readFile(log, 'utf8').catch(() => '');
    await stop();
    throw new Error(`${program} did not start: ${said.slice(-2000)}`, { cause: error });
  }
  return { endpoint, bucket, objects: join(directory, 'data', bucket), credentials, client, pid: server.pid ?? 0, stop };
}

async function untilItAnswers(server: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  for (const giveUpAt = Date.now() + startWithinMs; ;) {
    try {
      await ask();
      return;
    } catch (error) {
      const dead = server.exitCode !== null || server.signalCode !== null || server.pid === undefined;
      if (dead || Date.now() > giveUpAt) {
        throw error;
      }
    }
    await delay(50);
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) {
    return;
  }
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('no port');
  }
  return address.port;
}
