import { dictionaryWarnings } from './dictionaries.ts';
import { diskWarnings, planPlacing } from './node-placing.ts';
import type { NodeWork, PlannedRestore, RestoreOptions, RestoreParts } from '../options.ts';
import type { Topology } from '../../../cluster/tools/topology.ts';
import { coverageWarnings } from '../../../model/target/coverage.ts';
import { UsageError } from '../../../model/errors.ts';
import { refuseMisplaced } from '../../../model/target/node-match.ts';
import { type MethodChoice, type RestoreMethod, chooseMethod } from '../../../model/restore/method.ts';
import { degradedWarnings } from '../../../model/restore/degraded.ts';
import { roomToFill } from '../../../model/restore/disk-plan.ts';
import { planParts } from '../../../model/restore/plan.ts';
import { loadableTables, refuseUnreadable } from '../../../model/restore/scylla-loading.ts';
import type { TableId } from '../../../model/sstable.ts';
import { refuseTaken } from '../../../model/restore/table-copy.ts';
import { lostFiles } from '../../known-objects.ts';
import { type Member, type Members, clusterTopology, isScylla } from '../../nodes/members.ts';
import { matchTargets, openTargets } from './node-matches.ts';
import { underCopyNames } from './copies.ts';
import { refuseSystemLoad } from '../../../model/target/foreign-system.ts';
import { unevenWarnings } from './coverage.ts';
import { compareLiving } from './living-tables.ts';
import { methodNodes, withReason } from './method-choice.ts';
import { type StagingQuestion, leftWarnings, newRun, planStaging, stagingHome } from './node-staging.ts';
import { planPurging } from './purging.ts';
import { planReplicas } from './replicas.ts';
import { type Share, fingerprint, sharesByMatch, sharesToLoad } from './shares.ts';
import { type Sources, chooseSources, withViews } from '../../restore-sources.ts';
import { type LiveSchema, liveSchema } from '../../schema/apply.ts';

/** The backup, and the nodes that it goes to. */
export interface RestoreTarget {
  readonly sources: Sources;
  /** Tables that are left out, since the server fills them by itself. */
  readonly filled: readonly string[];
  readonly members: Members;
}

/** Chooses the backup and connects to the nodes; nothing is touched. */
export async function openTarget(options: RestoreOptions, parts: RestoreParts, signal: AbortSignal): Promise<RestoreTarget> {
  const chosen = await chooseSources(options, parts, signal);
  const copied = options.renames.length > 0 ? underCopyNames(chosen, options.renames) : undefined;
  const members = await openTargets(chosen, options, parts, signal);
  return { ...sourcesFor(chosen, copied, members), members };
}

/**
 * Finds for each node's data the host that holds its tokens (for a load that is none's business), and looks what is there
 * already. Changes nothing.
 */
export async function planRestore(
  { sources, filled, members }: RestoreTarget,
  { options, parts, locks }: Pick<PlannedRestore, 'options' | 'parts' | 'locks'>,
  signal: AbortSignal,
): Promise<PlannedRestore> {
  const topology = await clusterTopology(members.present, signal).catch(() => undefined);
  signal.throwIfAborted();
  refuseTaken(sources.copies, topology?.tables ?? []);
  const own = matchTargets(sources, members, topology, options);
  const asked = chooseMethod({
    asked: options.method,
    named: options.filter.patterns.some((pattern) => !pattern.startsWith('!')),
    directory: options.directory !== undefined,
    renames: options.renames.length > 0,
    nodes: methodNodes(members, topology),
  });
  if (isScylla(members) && asked.method !== 'stage') {
    refuseSystemLoad(sources.tables);
  }
  const misplaced = refuseMisplaced(own, asked.method);
  const schema: LiveSchema = topology === undefined ? { statements: [] } : await liveSchema(members, signal);
  const target = { members, topology, live: schema.statements };
  const replicas = await planReplicas(sources, target, { choice: asked, matches: own }, { options, ...parts }, signal);
  const { matches, streamed, coverage } = replicas;
  const method = withReason(replicas.choice, streamed);
  refuseRepairOf(method, options);
  if (options.truncate && (method.method === 'stage' || method.method === 'node-restart')) {
    throw new UsageError('--truncate goes with an online restore, and this one is not', {
      hint: `method ${method.method}: ${method.reason}`,
    });
  }
  const shapes = compareLiving({ sources, topology, method: method.method }, schema);
  parts.listen({ type: 'step', text: 'preparing' });
  const shares = method.method === 'load' ? sharesToLoad(sources, members.present) : sharesByMatch(matches, sources);
  const label = `${parts.repository.store.url}/${sources.id}`;
  const run = newRun();
  const work = await Promise.all(
    shares.flatMap((share) =>
      members.present
        .filter(({ host }) => host === share.host)
        .map(async (member) => {
          const { directory, dryRun } = options;
          const request = { label, directory, dryRun, run, locks, method: method.method, tables: sources.tables };
          return planNode(member, share, request, signal);
        }),
    ),
  );
  const toFetch = work.flatMap(({ plan }) => plan.fetch);
  const lost = await lostFiles(parts, toFetch, signal);
  const now = await parts.repository.now(signal);
  const purging = await planPurging(sources, { ...target, now, mute: schema.failure !== undefined }, method.method, signal);
  const warnings = [
    ...shapes,
    ...misplaced,
    ...(filled.length > 0 ? [`left out, ScyllaDB fills them by itself: ${filled.join(', ')}`] : []),
    ...degradedWarnings(sources.id, sources.missing, method.method),
    ...warningsFor(sources, isScylla(members) ? undefined : topology, method.method),
    ...diskWarnings(work, method.method),
    ...leftWarnings(work),
    ...(await dictionaryWarnings(sources, { member: members.present[0], topology }, parts.repository, signal)),
    ...unevenWarnings(sources),
    ...coverageWarnings(coverage),
    ...replicas.warnings,
  ];
  return { options, parts, locks, sources, ...target, matches, work, method, streamed, coverage, lost, purging, warnings };
}

/** Files that lie beside the live data are not the cluster's yet. */
function refuseRepairOf({ method, reason }: MethodChoice, { repair }: RestoreOptions): void {
  if (repair && method === 'stage') {
    throw new UsageError('--repair goes with a restore into live tables, and this one is not', {
      hint: `method stage: ${reason}; the commands that it prints end with the repair`,
    });
  }
}

/** What the cluster can take of the backup. Throws UsageError, as for sstables that it cannot read. */
function sourcesFor(
  chosen: Sources,
  copied: Sources | undefined,
  members: Members,
): { readonly sources: Sources; readonly filled: readonly string[] } {
  if (!isScylla(members)) {
    return { sources: copied ?? withViews(chosen), filled: [] };
  }
  const { tables, filled } = loadableTables(chosen.tables, chosen.schema ?? []);
  refuseUnreadable(chosen.manifests, tables);
  return copied === undefined ? { sources: { ...chosen, tables }, filled } : { sources: copied, filled: [] };
}

function warningsFor(
  { id, complete, tables, views }: Sources,
  topology: Topology | undefined,
  method: RestoreMethod,
): readonly string[] {
  const chosen = (keyspace: string, name: string) => tables.some((table) => table.keyspace === keyspace && table.table === name);
  const stale = [...views, ...(topology?.views ?? [])]
    .filter(({ keyspace, view, base }) => chosen(keyspace, base) && !chosen(keyspace, view))
    .map(
      ({ keyspace, view, base }) =>
        `${keyspace}.${view}, a view of ${base}, is not in the backup: drop it and create it again afterwards`,
    );
  return [
    ...(complete ? [] : [`backup ${id} is not complete: only the nodes that it finished can be restored`]),
    // What is streamed into a table is written into its views.
    ...(method === 'load' ? [] : new Set(stale)),
  ];
}

interface NodeRequest extends StagingQuestion {
  /** What is staged, as far as it is the same on all nodes. */
  readonly label: string;
  readonly tables: readonly TableId[];
}

async function planNode(member: Member, share: Share, request: NodeRequest, signal: AbortSignal): Promise<NodeWork> {
  const { label, method, tables } = request;
  const home = await stagingHome(member, request, signal);
  const placing = await planPlacing(member, { ...share, method, directory: home, tables }, signal);
  const parts = method === 'node-restart' ? (placing?.parts ?? share.parts) : share.parts;
  const several = parts.length > share.parts.length;
  const mark = several ? `${share.mark} for disks ${fingerprint(parts)}` : share.mark;
  const { place, staging } = await planStaging(member, { home, label: `${label}${mark}` }, request, signal);
  const plan = planParts(parts, staging.present);
  if (plan.fetchBytes > roomToFill(staging.freeBytes)) {
    throw new UsageError(`${member.host}: ${home} has ${staging.freeBytes} bytes free, the restore needs ${plan.fetchBytes}`, {
      hint: 'a twentieth of it, 1 GiB at most, is left free; give a directory on a larger disk with --to, or restore fewer tables with -K',
    });
  }
  const { sources, matchedBy } = share;
  return { sources, member, place, staging, parts, plan, matchedBy, placing };
}
