import type { PlacingPlan } from '../cluster/placing.ts';
import { beginPlacing, placeFiles, readJournals } from '../cluster/placing.ts';
import { backupIdAt } from '../model/backup-id.ts';
import { BackupError, UsageError } from '../model/errors.ts';
import { reasonOf } from '../model/outcome.ts';
import { isHalfDone } from '../model/placing.ts';
import type { RestoredTable, RestoreResult } from '../model/results.ts';
import { tableDirectory } from '../model/sstable.ts';
import { removeStaging } from '../cluster/staging.ts';
import { settled, startAll, stopAll } from './cluster-restart.ts';
import { prepareRestore } from './restore-prepare.ts';
import type { NodeWork, PlannedRestore, RestoreOptions, RestoreParts } from './restore-stage.ts';

/**
 * The node restart method, done for the operator: everything is fetched and checked on every node first, then all nodes
 * are stopped, old files moved aside and restored ones in, and the nodes started again. `restore --undo` goes back, also
 * after a crash in the middle. Undefined when `agree` said no.
 */
export async function restoreByRestart(
  planned: PlannedRestore,
  options: RestoreOptions,
  agree: (plan: RestoreResult) => Promise<boolean>,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<RestoreResult | undefined> {
  const { work } = planned;
  await refuseHalfDone(work, signal);
  const more = { stops: work.map(({ member }) => member.host), warnings: partWarnings(planned) };
  const prepared = await prepareRestore(planned, options, more, agree, parts, signal);
  if ('ended' in prepared) {
    return prepared.ended;
  }
  const { tables } = prepared;
  const undo = backupIdAt(new Date());
  await settled(work.map((node) => beginPlacing(node.member.remote, placingPlan(node, work, tables, undo), signal)));
  await stopAndPlace(work, undo, options, parts, signal);
  await settled(work.map(({ member, staging }) => removeStaging(member.remote, staging, signal)));
  const failures = await startAll(
    work.map(({ member }) => member),
    options.restart,
    parts,
    signal,
  );
  const nodes = prepared.nodes.map((node) => {
    const error = failures.get(node.host);
    return error === undefined ? node : { ...node, error };
  });
  return { ...prepared, nodes, undo };
}

/** From here on the cluster is down until it is started again: whatever fails, the way back is said. */
async function stopAndPlace(
  work: readonly NodeWork[],
  undo: string,
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<void> {
  const members = work.map(({ member }) => member);
  try {
    await stopAll(members, options.restart, parts, signal);
    parts.listen({ type: 'step', text: 'moving old files aside and restored ones in' });
    await settled(members.map(({ remote, config }) => placeFiles(remote, config.dataDirectories, undo, signal)));
  } catch (error) {
    throw new BackupError(`the restore broke off with nodes stopped: ${reasonOf(error)}`, {
      cause: error,
      hint: `\`sstash restore --undo ${undo}\` with the same --hosts puts the old files back and starts the nodes`,
    });
  }
}

/** One restore over the remains of another would mix them. */
async function refuseHalfDone(work: readonly NodeWork[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    work.map(async ({ member: { host, remote, config } }) => {
      const broken = (await readJournals(remote, config.dataDirectories, signal)).find(({ phase }) => isHalfDone(phase));
      if (broken !== undefined) {
        throw new UsageError(`restore ${broken.id} broke off on ${host} (${broken.phase})`, {
          hint: `take it back first: \`sstash restore --undo ${broken.id}\``,
        });
      }
    }),
  );
}

function partWarnings({ sources }: PlannedRestore): readonly string[] {
  return sources.manifests.length === sources.ring.length
    ? []
    : ['the other nodes stay up: where they hold newer rows, or deletions, those win; repair the node afterwards'];
}

function placingPlan(
  { member, staging }: NodeWork,
  work: readonly NodeWork[],
  tables: readonly RestoredTable[],
  id: string,
): PlacingPlan {
  const { dataDirectories, commitlogDirectory, hintsDirectory, savedCachesDirectory } = member.config;
  return {
    id,
    hosts: work.map((node) => node.member.host),
    dataDirectories,
    stateDirectories: [commitlogDirectory, hintsDirectory, savedCachesDirectory],
    tables: tables.map((table) => ({
      live: tableDirectory({ ...table, id: table.liveId ?? table.id }),
      staged: `${staging.directory}/${tableDirectory(table)}`,
    })),
  };
}
