import { randomBytes } from 'node:crypto';
import type { PlannedRestore, RestoreOptions, RestoreParts } from './options.ts';
import { endsWith } from '../../model/node/shell-text.ts';
import type { Programs } from '../../cluster/tools/run-tool.ts';
import type { Topology } from '../../cluster/tools/topology.ts';
import { type RestartNode, restartScript } from '../../model/restore/by-hand/restart.ts';
import { type RefreshNode, refreshScript } from '../../model/restore/by-hand/refresh.ts';
import { sayLost } from '../../model/restore/lost-objects.ts';
import type { RestoredTable, RestoreResult } from '../../model/restore/restore-result.ts';
import { restoreOnline } from './live/online.ts';
import { movedReplicas } from './prepare.ts';
import { restoreByRestart } from './live/by-restart.ts';
import { purgingPlan } from './live/purging.ts';
import type { Sources } from '../restore-sources.ts';
import { plannedNode, stageAll, withLiveId } from './stage.ts';
import { absencesOf } from './planning/absences.ts';
import { clearedStagings } from './planning/node-staging.ts';
import { openTarget, planRestore } from './planning/plan.ts';
import { readyStagings } from './ready-staging.ts';
import { isScylla } from '../nodes/members.ts';
import { noLocks, requireLocks, withNodeLocks } from '../nodes/node-locks.ts';

/**
 * Brings a backup's data back, by the method that was asked for or that fits. Undefined when `parts.agree` said no to the
 * plan.
 */
export async function restore(
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<RestoreResult | undefined> {
  const target = await openTarget(options, parts, signal);
  if (options.dryRun) {
    return restorePlanned(await planRestore(target, { options, parts, locks: noLocks }, signal), signal);
  }
  const { owner, listen } = parts;
  const request = { owner, operation: `restore of backup ${target.sources.id}`, listen };
  return withNodeLocks(
    target.members.present,
    request,
    async (locks, held) => restorePlanned(await planRestore(target, { options, parts, locks }, held), held),
    signal,
  );
}

async function restorePlanned(planned: PlannedRestore, signal: AbortSignal): Promise<RestoreResult | undefined> {
  planned.parts.listen({ type: 'step', text: `method ${planned.method.method}: ${planned.method.reason}` });
  if (planned.method.method === 'stage') {
    return restoreStaged(planned, signal);
  }
  requireLocks(planned.locks);
  const place = planned.method.method === 'node-restart' ? restoreByRestart : restoreOnline;
  return place(planned, signal);
}

/**
 * Every node gets the data it uploaded, into a directory beside its live data; nothing is stopped or replaced. Somebody is asked only where what
 * an earlier restore has left there has to go: undefined when `agree` said no.
 */
async function restoreStaged(planned: PlannedRestore, signal: AbortSignal): Promise<RestoreResult | undefined> {
  const { options, sources, topology, work } = planned;
  const tables = sources.tables.map((table) => withLiveId(table, topology));
  const { pastGrace = [], warnings } = purgingPlan(planned);
  const plan: RestoreResult = {
    backup: sources.id,
    ...planned.method,
    dryRun: true,
    nodes: work.map(plannedNode),
    tables,
    coverage: planned.coverage,
    lost: planned.lost,
    pastGrace,
    notBroughtBack: await absencesOf(planned, topology, signal),
    ...clearedStagings(work),
    commands: '',
    ...(isScylla(planned.members) ? { commandsBy: 'refresh' as const } : {}),
    warnings: [...planned.warnings, ...warnings, ...(isScylla(planned.members) ? [] : warningsFor(sources, topology))],
  };
  if (options.dryRun) {
    return { ...plan, commands: commandsFor(planned, tables) };
  }
  if (plan.clears !== undefined && !(await planned.parts.agree(plan))) {
    return undefined;
  }
  sayLost(planned.lost, planned.parts.listen);
  const ready = await readyStagings(planned, signal);
  const nodes = await stageAll(ready, signal);
  const failed = nodes.some((node) => node.error !== undefined);
  return { ...plan, dryRun: false, nodes, commands: failed ? '' : commandsFor(ready, tables) };
}

function commandsFor({ work, members, parts }: PlannedRestore, tables: readonly RestoredTable[]): string {
  const nodes = work.map(({ member, staging, placing }): RestartNode & RefreshNode => ({
    host: member.host,
    shell: parts.shellFor(member.host),
    stagingDirectory: staging.directory,
    dataDirectories: member.config.dataDirectories,
    dataUser: member.config.dataUser,
    localSystemDirectory: member.config.localSystemDirectory,
    parts: placing?.parts ?? [],
    commitlogDirectory: member.config.commitlogDirectory,
    hintsDirectory: member.config.hintsDirectory,
    savedCachesDirectory: member.config.savedCachesDirectory,
    ...nodetoolByHand(member.programs),
  }));
  // Drawn when all that nodes and the bucket have said is known.
  const endOf = endsWith(randomBytes(12).toString('hex'));
  return isScylla(members) ? refreshScript(nodes, tables, endOf) : restartScript(nodes, tables, endOf);
}

/** Where people put the password for the printed commands: in memory, so that a forgotten one goes with the next start. */
const passwordFile = '/dev/shm/sstash-jmx-login';

function nodetoolByHand({ nodetool, jmxLogin }: Programs): Pick<RestartNode, 'nodetool' | 'passwordFile'> {
  const login = jmxLogin === undefined ? [] : ['-u', jmxLogin.user, '-pwf', passwordFile];
  const words = [...nodetool, ...login];
  return jmxLogin === undefined ? { nodetool: words } : { nodetool: words, passwordFile };
}

function warningsFor(sources: Sources, topology: Topology | undefined): readonly string[] {
  const moved = topology === undefined ? undefined : movedReplicas(sources, topology);
  return topology === undefined
    ? ['no node could say which tables live now: compare the table ids before you place the files']
    : moved === undefined
      ? []
      : [`do not place the files: ${moved}`];
}
