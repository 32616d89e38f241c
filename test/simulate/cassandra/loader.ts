import { basename, dirname } from 'node:path/posix';
import type { Process } from '../host/process/process.ts';
import { Errno } from '../host/files/errno.ts';
import type { Cluster, ClusterMember } from './cluster.ts';
import { merged, type Rows } from './rows.ts';
import { partsOf, rowsIn } from './sstable.ts';

/** What a run of sstableloader is given: the way to its node, and how long things take. */
export interface LoaderParts {
  readonly cluster: Cluster;
  /** The node that it runs on, and asks for ring and schema. */
  readonly member: ClusterMember;
  /** Milliseconds that a stream to one node takes. */
  readonly streamMs: () => number;
  /** Hears what it has come to. */
  readonly tell: (text: string) => void;
}

/**
 * `sstableloader … <keyspace>/<table>`: every row goes to all nodes that it belongs to, to each as one new sstable, which is there when all of
 * its stream has come. Whoever ends it in between leaves some nodes with their rows and others without.
 */
export async function sstableloader(process: Process, parts: LoaderParts): Promise<number> {
  const { cluster, member, streamMs, tell } = parts;
  const directory = process.argv.at(-1) ?? '';
  // The program is a script that becomes a JVM, and found by the name of its class.
  process.argv = ['java', 'org.apache.cassandra.tools.BulkLoader', ...process.argv.slice(1)];
  await process.sleep(800 + streamMs());
  const table = cluster.schema.named(basename(dirname(directory)), basename(directory));
  if (!member.server.up) {
    await process.print('Could not retrieve endpoint ranges: \nNoHostAvailableException: All host(s) tried for query failed\n');
    return 1;
  }
  const names = process.files.list(directory).filter((name) => partsOf(name)?.component === 'Data.db');
  if (table === undefined) {
    await process.print(names.map((name) => `Skipping file ${name}: table ${basename(directory)} doesn't exist\n`).join(''));
    return 0;
  }
  const rows = merged(names.map((name) => rowsIn(process.files.read(`${directory}/${name}`))));
  const targets = cluster.members.filter(({ host }) => belonging(cluster, rows, host).size > 0);
  const addresses = targets.map(({ node }) => `/${node.address}:7000`).join(', ');
  await process.print(`Streaming relevant part of ${names.map((name) => `${directory}/${name}`).join(' ')} to [${addresses}]\n`);
  let failed = 0;
  for (const { host, node, server } of targets) {
    await process.sleep(streamMs());
    try {
      if (!server.up) {
        throw new Errno('ENXIO');
      }
      server.receive(table, belonging(cluster, rows, host));
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      failed += 1;
      await process.print(`Streaming to the following hosts failed:\n[/${node.address}:7000]\n${error.message}\n`);
    }
  }
  tell(`sstableloader: ${table.table} to ${targets.length - failed} of ${targets.length} nodes`);
  return failed === 0 ? 0 : 1;
}

function belonging(cluster: Cluster, rows: Rows, host: string): Rows {
  return new Map([...rows].filter(([key]) => cluster.replicas(key).some((replica) => replica.host === host)));
}
