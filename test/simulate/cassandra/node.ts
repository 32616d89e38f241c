import type { Clock } from '../../../src/flow/clock.ts';
import { Files } from '../host/files/files.ts';
import { Host } from '../host/host.ts';
import type { Process } from '../host/process/process.ts';
import type { ClusterMember } from './cluster.ts';
import { cachesDirectory, commitlogDirectory, dataDirectory, hintsDirectory } from './server.ts';

export const serverUser = 'cassandra';
const serverUid = 7100;

/** A host that Cassandra is installed on, and its server, which can be stopped and started. */
export class CassandraNode {
  readonly host: Host;
  /** As the server sees them. */
  readonly files: Files;
  #process: Process | undefined;

  constructor(name: string, clock: Clock, diskBytes: number) {
    const users = [{ name: serverUser, uid: serverUid, gid: serverUid, home: '/var/lib/cassandra' }];
    this.host = new Host({ name, clock, users });
    const { files } = this.host;
    files.mkdirs('/var/lib/cassandra');
    files.mount('/var/lib/cassandra', diskBytes);
    files.chown(files.stat('/var/lib/cassandra'), serverUid, serverUid);
    files.mkdirs('/etc/cassandra');
    const who = { uid: serverUid, gid: serverUid, groups: [serverUid] };
    this.files = new Files(this.host.tree, { who, cwd: this.host.tree.root, umask: 0o022, own: (path) => path });
  }

  /** What a node has that has joined a cluster: without it, it would start as a new one. */
  join(): void {
    const local = `${dataDirectory}/system/local-7ad54392bcdd35a684174e047860b377`;
    this.files.mkdirs(local);
    this.files.write(`${local}/nb-1-big-Data.db`, 'the node\n');
  }

  /** Writes the configuration that the server reads at its start. */
  configure({ node }: ClusterMember, seed: string, incremental: boolean): void {
    const lines = [
      'cluster_name: Simulated',
      `data_file_directories: [${dataDirectory}]`,
      `commitlog_directory: ${commitlogDirectory}`,
      `hints_directory: ${hintsDirectory}`,
      `saved_caches_directory: ${cachesDirectory}`,
      `listen_address: ${node.address}`,
      `incremental_backups: ${incremental}`,
      `seed_provider: [{class_name: Simple, parameters: [{seeds: "${seed}"}]}]`,
    ];
    this.host.files.write('/etc/cassandra/cassandra.yaml', `${lines.join('\n')}\n`);
  }

  /** The server's process is there from now on, and listens. */
  appear(address: string): void {
    const argv = [
      'java',
      '-Dcassandra.config=file:///etc/cassandra/cassandra.yaml',
      'org.apache.cassandra.service.CassandraDaemon',
    ];
    this.#process = this.host.daemon({ argv, user: serverUser });
    this.host.listening.push({ port: 7199, address: '127.0.0.1', uid: serverUid }, { port: 9042, address, uid: serverUid });
  }

  vanish(): void {
    this.#process?.finish({ signal: 'KILL' });
    this.#process = undefined;
    this.host.listening.length = 0;
  }
}
