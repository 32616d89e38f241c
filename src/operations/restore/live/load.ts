import type { PlannedRestore } from '../options.ts';
import { type Loader, requireLoader } from '../../../cluster/placing/table-load.ts';
import type { Member } from '../../nodes/members.ts';
import type { SchemaStatement } from '../../../model/schema/cql-statements.ts';
import { UsageError } from '../../../model/errors.ts';
import { type LoadVolume, loadVolumes } from '../../../model/restore/load-plan.ts';
import { sourceKeyspace } from '../../../model/restore/table-copy.ts';
import { copiesIn, replicationOf } from '../../../model/schema/replication.ts';

/** Throws UsageError when a node is down: streaming fails when one of a row's nodes cannot be reached. */
export function refuseDownNodes({ topology, streamed }: PlannedRestore): void {
  const down = topology?.ring.nodes.find(({ state }) => state.startsWith('D'));
  if (streamed.size > 0 && down !== undefined) {
    throw new UsageError(`node ${down.address} is down, and rows that belong there could not be streamed`, {
      hint: 'start it, or take it out of the ring',
    });
  }
}

/**
 * What a load needs to find before anything is fetched: sstableloader on every node that files go to (ScyllaDB streams by
 * itself). Gives how much will be streamed. Throws UsageError or RemoteError.
 */
export async function planLoad(planned: PlannedRestore, signal: AbortSignal): Promise<readonly LoadVolume[]> {
  const { sources, topology, live, work } = planned;
  const { loader } = planned.options;
  const nodes = topology?.ring.nodes ?? [];
  work.forEach(({ member }) => refuseLogin(member, loader));
  await Promise.all(
    work
      .filter(({ member }) => member.config.flavour === 'cassandra')
      .map(({ member }) => requireLoader(member.files, loader, signal)),
  );
  const backup = sources.schema ?? [];
  const volumes = loadVolumes(
    work.flatMap((node) => node.parts),
    (keyspace) => {
      const made = keyspaceIn(live, keyspace) ?? keyspaceIn(backup, sourceKeyspace(sources.copies, keyspace));
      return made === undefined ? undefined : copiesIn(replicationOf(made), nodes);
    },
  );
  const nowhere = volumes.find(({ copies }) => copies === 0);
  if (nowhere !== undefined) {
    throw new UsageError(`keyspace ${nowhere.keyspace} is replicated in datacenters that this cluster does not have`, {
      hint: 'create it first with others: sstash schema apply BACKUP -K KEYSPACE --hosts HOST --dc-mapping old=new',
    });
  }
  return volumes;
}

/**
 * sstableloader takes user and password as arguments alone (of its `-f` file it reads throughput and encryption), where all users of a node
 * see them. A script that adds them is the choice of whoever has put it there.
 */
function refuseLogin({ config, programs }: Member, loader: Loader): void {
  const [program = '', ...words] = loader;
  const plain = words.length === 0 && program.slice(program.lastIndexOf('/') + 1) === 'sstableloader';
  if (config.flavour === 'cassandra' && programs.cqlLogin !== undefined && plain) {
    throw new UsageError(
      'sstableloader takes a login as arguments only, which all users of a node can read: no load with --cql-credentials',
      {
        hint: 'use another method (import, node-restart); or give --sstableloader-path a script on the nodes that adds -u and -pw, where you trust all who may list processes there',
      },
    );
  }
}

function keyspaceIn(schema: readonly SchemaStatement[], name: string): SchemaStatement | undefined {
  return schema.find(({ kind, keyspace }) => kind === 'keyspace' && keyspace === name);
}
