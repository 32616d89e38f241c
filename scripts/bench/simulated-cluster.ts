import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import ssh2 from 'ssh2';

/**
 * A cluster of which only the outside is there: an ssh server in this process on an address per node, which runs what it is
 * told by a real shell, over real small files. nodetool, cqlsh and python3 are `simulated-node.sh`; all else is real.
 * For what the control host has to bear; what nodes and store bear is not in it.
 */
export interface SimulatedCluster {
  readonly hosts: readonly string[];
  /** What `sstash` needs to log in. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface SimulatedSize {
  readonly nodes: number;
  /** Components of each node; in sstables of eight, five tables. */
  readonly components: number;
}

const net = process.env['SSTASH_BENCH_NET'] ?? '127.0.181';
const port = 9422;
const tables = 5;
const table = (number: number) => ({ name: `t${number}`, id: number.toString(16).padStart(32, '0') });
const tool = fileURLToPath(new URL('simulated-node.sh', import.meta.url));

/** Below `directory`, which is emptied. */
export async function startSimulatedCluster(directory: string, { nodes, components }: SimulatedSize): Promise<SimulatedCluster> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const hosts = Array.from({ length: nodes }, (_, node) => `${net}.${node + 10}`);
  writeNodes(directory, hosts);
  writeFiles(directory, components / tables);
  const key = (name: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)]);
    return readFileSync(join(directory, name), 'utf8');
  };
  const hostKey = key('host');
  key('user');
  const allowed = ssh2.utils.parseKey(readFileSync(join(directory, 'user.pub')));
  if (allowed instanceof Error) {
    throw allowed;
  }
  const publicKey = readFileSync(join(directory, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(join(directory, 'known_hosts'), hosts.map((host) => `[${host}]:${port} ${publicKey}\n`).join(''));
  const servers = await Promise.all(
    hosts.map(async (host, node) => {
      const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => serve(client, directory, node, allowed.getPublicSSH()));
      server.listen(port, host);
      await once(server, 'listening');
      return server;
    }),
  );
  return {
    hosts,
    env: {
      SSTASH_SSHPORT: String(port),
      SSTASH_USER: 'nobody',
      SSTASH_SSHKEY: join(directory, 'user'),
      SSTASH_KNOWN_HOSTS: join(directory, 'known_hosts'),
      SSTASH_CASSANDRA_CONF_PATH: join(directory, 'cassandra.yaml'),
    },
    stop: async () => {
      await Promise.all(servers.map((server) => closed(server)));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function closed(server: Pick<NetServer, 'close'>): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

function serve(client: ssh2.Connection, directory: string, node: number, allowed: Buffer): void {
  client.on('error', () => {});
  client.on('authentication', (context) => {
    // Who holds the key is not what is measured: its name is enough.
    if (context.method === 'publickey' && context.key.data.equals(allowed)) {
      context.accept();
    } else {
      context.reject(['publickey']);
    }
  });
  client.on('session', (accept) => {
    accept().on('exec', (acceptExec, _, { command }) => {
      const channel = acceptExec();
      const env = { SIM: directory, SIM_NODE: String(node), PATH: `${join(directory, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin` };
      const child = spawn('sh', ['-c', command], { env });
      channel.pipe(child.stdin);
      child.stdout.pipe(channel, { end: false });
      child.stderr.pipe(channel.stderr, { end: false });
      child.stdin.on('error', () => {});
      channel.on('error', () => {});
      child.on('close', (status) => {
        channel.exit(status ?? 255);
        channel.end();
      });
    });
  });
}

/** What nodetool and cqlsh answer, and the configuration. */
function writeNodes(directory: string, hosts: readonly string[]): void {
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  for (const name of ['bin', 'info']) {
    mkdirSync(join(directory, name));
  }
  for (const name of ['nodetool', 'cqlsh', 'python3']) {
    symlinkSync(tool, join(directory, 'bin', name));
  }
  write('cassandra.yaml', `cluster_name: simulated\ndata_file_directories: [${join(directory, 'data')}]\n`);
  const nodes = hosts.map((address, index) => ({
    address,
    hostId: `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`,
    token: String(BigInt(index) * 92_233_720_368_547_758n),
  }));
  nodes.forEach(({ hostId, token }, index) =>
    write(`info/${index}`, `ID : ${hostId}\nData Center : dc1\nRack : r1\nToken : ${token}\nBootstrap state : COMPLETED\n`),
  );
  const lines = nodes.map(({ address, token }) => `${address}  r1  Up     Normal  1 MiB  ?  ${token}\n`);
  write('ring', `\nDatacenter: dc1\n==========\nAddress  Rack  Status State  Load  Owns  Token\n\n${lines.join('')}\n`);
  const member = ({ hostId, token }: (typeof nodes)[number]) => ({
    host_id: hostId,
    data_center: 'dc1',
    rack: 'r1',
    release_version: '5.0.9',
    tokens: [token],
  });
  const [local, ...peers] = nodes;
  if (local === undefined) {
    throw new Error('a cluster needs a node');
  }
  const uuid = (id: string) => id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  write(
    'rows',
    [
      [
        {
          cluster_name: 'simulated',
          partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
          broadcast_address: local.address,
          ...member(local),
        },
      ],
      peers.map((peer) => ({ peer: peer.address, ...member(peer) })),
      Array.from({ length: tables }, (_, n) => ({ keyspace_name: 'sim', table_name: table(n).name, id: uuid(table(n).id) })),
      [],
      [{ keyspace_name: 'sim', durable_writes: true }],
    ]
      .map((rows) => `\n [json]\n------\n${rows.map((row) => ` ${JSON.stringify(row)}\n`).join('')}\n(${rows.length} rows)\n`)
      .join(''),
  );
  write('schema', "CREATE KEYSPACE sim WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'};\n");
}

/** The files of one table, which all tables of all nodes share. Small sstables, as a node with many tables has them. */
function writeFiles(directory: string, components: number): void {
  const files = join(directory, 'files');
  mkdirSync(files);
  const sizes = {
    'Data.db': 4096,
    'Index.db': 900,
    'Filter.db': 200,
    'Statistics.db': 4700,
    'Summary.db': 90,
    'TOC.txt': 90,
    'CompressionInfo.db': 60,
  };
  for (let sstable = 1; sstable * 8 <= components; sstable += 1) {
    const write = (component: string, bytes: Uint8Array | string): void =>
      writeFileSync(join(files, `nb-${sstable}-big-${component}`), bytes);
    for (const [component, size] of Object.entries(sizes)) {
      const bytes = randomBytes(size);
      write(component, bytes);
      if (component === 'Data.db') {
        write('Digest.crc32', String(crc32(bytes)));
      }
    }
  }
  const names = Array.from({ length: Math.floor(components / 8) }, (_, index) => `nb-${index + 1}-big-Data.db`);
  writeFileSync(join(files, 'manifest.json'), JSON.stringify({ files: names }));
  writeFileSync(join(files, 'schema.cql'), 'CREATE TABLE sim.t (id int PRIMARY KEY);\n');
  for (let number = 0; number < tables; number += 1) {
    const { name, id } = table(number);
    mkdirSync(join(directory, 'data', 'sim', `${name}-${id}`), { recursive: true });
  }
}
