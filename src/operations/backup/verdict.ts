import { schemaKey } from '../../storage/keys.ts';
import { readReplications } from '../../cluster/cql/replications.ts';
import { type Backup, missingFrom, nodesOf } from '../../model/backup/backup.ts';
import type { NodeOutcome } from '../../model/backup/backup-result.ts';
import { BackupError } from '../../model/errors.ts';
import { type Verdict, verdictOf } from '../../model/backup/outcome/verdict.ts';
import { namesKeyspace, keyspacesOf } from '../../model/options/table-filter.ts';
import type { Ring } from '../../model/ring/ring.ts';
import { parseSchema } from '../../model/schema/cql-statements.ts';
import { isLocalKeyspace, isSystemKeyspace } from '../../model/system-keyspaces.ts';
import { type Placement, placementsIn } from '../../model/schema/replication.ts';
import { firstAnswer } from '../nodes/first-answer.ts';
import type { Member } from '../nodes/members.ts';
import type { Run } from './run.ts';

/** What the run has come to. The cluster is asked only where nodes failed: how it replicates what no schema text holds. */
export async function judge(run: Run, outcomes: readonly NodeOutcome[], schema: string, signal: AbortSignal): Promise<Verdict> {
  const { options, topology, living, survey, amended, ref, parts } = run;
  const failed = outcomes.filter(({ complete }) => !complete);
  const keyspaces = keyspacesOf(living.tables);
  // A backup that nodes are added to is of the ring and the schema that there were.
  const ring = amended === undefined ? topology.ring : ((await parts.repository.ring(ref, signal)) ?? topology.ring);
  return verdictOf({
    failed: failed.map(({ host, hostId, error }) => ({ host, hostId, reason: error ?? 'unknown' })),
    ring,
    stored: new Set(outcomes.filter(({ complete }) => complete).map(({ hostId }) => hostId)),
    earlier: new Map(survey.backups.flatMap(namesIn)),
    keyspaces,
    replications: failed.length === 0 ? new Map() : await replicationsOf(run, keyspaces, schema, signal),
    named: (keyspace) => namesKeyspace(options.filter, keyspace),
    // It is committed already, and more of it is better.
    require: amended === undefined ? options.require : 'any',
  });
}

/** Host ids by name, where they are known. */
function namesIn(backup: Backup): readonly (readonly [host: string, hostId: string])[] {
  const nodes = [...nodesOf(backup), ...missingFrom(backup)].filter(({ hostId }) => hostId !== '');
  return nodes.map(({ host, hostId }) => [host, hostId]);
}

async function replicationsOf(
  { members, amended, ref, parts }: Run,
  keyspaces: readonly string[],
  schema: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Placement>> {
  const text = amended === undefined ? schema : ((await parts.repository.schema(ref, signal)) ?? schema);
  const own = keyspaces.filter((name) => isSystemKeyspace(name) && !isLocalKeyspace(name));
  const ofServer = own.length === 0 ? new Map<string, Placement>() : await askedOf(members.present, signal);
  return new Map([
    ...placementsIn(parseSchema(text, schemaKey(ref))),
    ...[...ofServer].filter(([keyspace]) => own.includes(keyspace)),
  ]);
}

/** What the first says that can; where none can, nobody knows, and the verdict says so. */
async function askedOf(members: readonly Member[], signal: AbortSignal): Promise<ReadonlyMap<string, Placement>> {
  const none = new BackupError('no node is there that could say how the cluster replicates');
  return firstAnswer(members, (member) => readReplications(member, signal), none, signal).catch(() => {
    signal.throwIfAborted();
    return new Map();
  });
}

/** The ring as the backup has it: how many nodes of it were neither stored nor missed. */
export function leftOut({ nodes }: Ring, outcomes: number): { readonly ringNodes?: number } {
  return nodes.length > outcomes ? { ringNodes: nodes.length } : {};
}
