import type { PlannedRestore } from './options.ts';
import { requireLoader } from '../../cluster/placing/table-load.ts';
import type { SchemaStatement } from '../../model/schema/cql-statements.ts';
import { UsageError } from '../../model/errors.ts';
import { type LoadVolume, loadVolumes } from '../../model/restore/load-plan.ts';
import { copiesIn, replicationOf } from '../../model/schema/replication.ts';
import { liveSchema } from '../schema/apply.ts';

/**
 * What a load needs to find before anything is fetched: the tool on every node that files go to, and a ring of which no
 * node is down, since the tool fails when one of a row's nodes cannot be reached. Gives how much will be streamed.
 * Throws UsageError or RemoteError.
 */
export async function planLoad(planned: PlannedRestore, signal: AbortSignal): Promise<readonly LoadVolume[]> {
  const { sources, topology, work } = planned;
  const { loader } = planned.options;
  const nodes = topology?.ring.nodes ?? [];
  const down = nodes.find(({ state }) => state.startsWith('D'));
  if (down !== undefined) {
    throw new UsageError(`node ${down.address} is down, and rows that belong there could not be streamed`, {
      hint: 'start it, or take it out of the ring',
    });
  }
  await Promise.all(work.map(({ member, staging }) => requireLoader(member.remote, loader, staging.directory, signal)));
  const live = await liveSchema(planned.members, signal);
  const backup = sources.schema ?? [];
  const volumes = loadVolumes(
    work.flatMap((node) => node.parts),
    (keyspace) => {
      const { from } = sources.copies.find(({ to }) => to.keyspace === keyspace) ?? {};
      const made = keyspaceIn(live, keyspace) ?? keyspaceIn(backup, from?.keyspace ?? keyspace);
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

function keyspaceIn(schema: readonly SchemaStatement[], name: string): SchemaStatement | undefined {
  return schema.find(({ kind, keyspace }) => kind === 'keyspace' && keyspace === name);
}
