import { BackupError, LockedError, reasonOf, UsageError } from '../../../model/errors.ts';
import { settled } from '../../../flow/side-by-side.ts';
import { refuseMetadata } from '../../../model/target/cluster-metadata.ts';
import { keyspacesIn } from '../../../model/schema/cql-statements.ts';
import { fullDiskBehind } from '../../../model/node/data-links.ts';
import { ownDisk } from '../../../model/restore/disk-plan.ts';
import type { NodeWork, PlannedRestore } from '../options.ts';
import {
  afterAll,
  isHalfDone,
  type PlacingNode,
  type RestartScope,
  placingWarnings,
  refusePlacing,
  restartScope,
  successionWarnings,
  undoCommand,
} from '../../../model/restore/restart-plan.ts';
import {
  type PlacedTable,
  type PlacingPlan,
  beginPlacing,
  placeFiles,
  proveStaged,
  readJournals,
  takeBack,
} from '../../../cluster/placing/placing.ts';
import { defaultService } from '../../../cluster/tools/service.ts';
import { removeStaging } from '../../../cluster/placing/staging.ts';
import { backupIdAt } from '../../../model/backup/backup-id.ts';
import type { RestoredTable, RestoreResult } from '../../../model/restore/restore-result.ts';
import { tableDirectory } from '../../../model/sstable.ts';
import { type Downtime, bringUp, takeDown, whileDown } from './downtime.ts';
import { probeRestored } from './probe.ts';
import { holdOnceServed, holdPurging, holdStatements, purgingPlan } from './purging.ts';
import { repairAndRelease } from './repair.ts';
import type { Member } from '../../nodes/members.ts';
import { prepareRestore } from '../prepare.ts';
import { withErrors } from '../stage.ts';

/**
 * The node restart method, done for the operator: everything is fetched and checked on every node first, then all nodes
 * are stopped, old files moved aside and restored ones in, and the nodes started again. `restore --undo` goes back, also
 * after a crash in the middle. Undefined when `agree` said no.
 *
 * With the keyspaces `system` and `system_schema` among the chosen, nodes come back as what they were, whatever is left of
 * them: no node need be up, and none need have anything in its data directories.
 */
export async function restoreByRestart(planned: PlannedRestore, signal: AbortSignal): Promise<RestoreResult | undefined> {
  const { options, sources, matches, work } = planned;
  const known = await knownRestores(work, signal);
  const held = sources.manifests.flatMap(({ tables }) => tables);
  const scope = restartScope(sources.tables, held);
  // Nodes that are down do not say their version.
  refuseMetadata(
    sources.tables,
    keyspacesIn(sources.schema),
    work.some(({ placing }) => placing?.metadataLog === true),
  );
  const nodes = work.map(placingNode);
  refusePlacing(nodes, matches, scope);
  const { stopCommand = defaultService.stop, startCommand = defaultService.start } = options.restart;
  const purging = purgingPlan(planned);
  const more = {
    statements: scope.schema ? [] : holdStatements(planned),
    pastGrace: purging.pastGrace ?? [],
    stops: work.map(({ member }) => member.host),
    service: { stop: stopCommand, start: startCommand },
    warnings: [
      ...partWarnings(planned),
      ...successionWarnings(matches, sources.ring, scope),
      ...placingWarnings(nodes, sources.tables, held, scope),
      ...purging.warnings,
    ],
    scope,
  };
  const prepared = await prepareRestore(planned, more, signal);
  if ('ended' in prepared) {
    return prepared.ended;
  }
  const { ready, result } = prepared;
  // By the store's clock, as the newest is taken back first; and after all that the nodes know of, whatever that clock says.
  const undo = afterAll(backupIdAt(await ready.parts.repository.now(signal)), known);
  await ready.locks.confirm(signal);
  if (!scope.schema) {
    await holdPurging(ready, signal);
  }
  await settled(ready.work.map((node) => beginPlacing(node.member, placingPlan(node, ready.work, result.tables, undo), signal)));
  const placed = await placeAndStart(ready, { ...result, undo }, scope, signal);
  await Promise.allSettled(ready.work.map(({ member, staging }) => removeStaging(member.files, staging, signal)));
  return probeRestored(ready, placed, signal);
}

function placingNode({ member, parts, placing }: NodeWork): PlacingNode {
  const { identity = false, disks = [], links = [] } = placing ?? {};
  const full = fullDiskBehind(links, disks, parts);
  return { host: member.host, up: member.info !== undefined, identity, full };
}

/**
 * From here on the cluster is down until it is started again: whatever fails, the way back is said. An interrupt ends neither in
 * the middle: nodes come up with their old files, or with the restored ones once all of those are in place.
 */
async function placeAndStart(
  planned: PlannedRestore,
  prepared: RestoreResult & { readonly undo: string },
  scope: RestartScope,
  signal: AbortSignal,
): Promise<RestoreResult> {
  signal.throwIfAborted();
  const { options, parts, work, locks } = planned;
  const { undo } = prepared;
  const members = work.map(({ member }) => member);
  const down: Downtime = { id: undo, members, restart: options.restart, listen: parts.listen, lost: locks.lost };
  const hint = `back to before, nodes up again: ${undoCommand(undo, hostsOf(members))}`;
  let state = 'with nodes stopped, and maybe half of the files in place';
  let reached: Reached;
  try {
    reached = await whileDown(
      down,
      `nodes are down: what is under way comes to its end, then they are started again. For whoever leaves at once, ${hint}`,
      async (calm) => {
        const died = await takeDown(down, 'must', calm);
        const lacking = signal.aborted ? undefined : (died ?? (await whyNotPlaced(members, undo, calm)));
        await locks.confirm(calm);
        if (!signal.aborted && lacking === undefined) {
          parts.listen({ type: 'step', text: 'moving old files aside and restored ones in' });
          await settled(members.map((member) => placeFiles(member, undo, calm)));
          await locks.confirm(calm);
        }
        if (signal.aborted || lacking !== undefined) {
          parts.listen({ type: 'step', text: 'moving the old files back' });
          await settled(members.map((member) => takeBack(member, undo, calm)));
          return { with: 'their old files', why: lacking, failures: await bringUp(down, calm) };
        }
        state = 'with all files in place, before every node was up';
        return { with: 'the restored files', failures: await bringUp(down, calm) };
      },
      signal,
    );
    if (!signal.aborted && reached.why === undefined) {
      const result = { ...prepared, nodes: withErrors(prepared.nodes, reached.failures) };
      if (reached.failures.size > 0) {
        return result;
      }
      state = 'with all files in place and every node up, before the repair had ended';
      // Until now the tables had what the cluster's own schema said.
      const warnings = scope.schema ? await holdOnceServed(planned, signal) : [];
      return await repairAndRelease(planned, { ...result, warnings: [...result.warnings, ...warnings] }, signal);
    }
  } catch (error) {
    const text = `the restore broke off ${state}: ${reasonOf(error)}`;
    throw error instanceof LockedError
      ? new LockedError(text, { cause: error, hint })
      : new BackupError(text, { cause: error, hint });
  }
  throw turnedBack(reached, hint);
}

/** Why no file may be moved on any of the nodes: what was fetched and checked is not there as it was. */
async function whyNotPlaced(members: readonly Member[], id: string, calm: AbortSignal): Promise<string | undefined> {
  try {
    await settled(members.map((member) => proveStaged(member, id, calm)));
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** What a restore that turned back has come to. */
interface Reached {
  readonly with: 'their old files' | 'the restored files';
  /** Absent where it was an interrupt. */
  readonly why?: string | undefined;
  readonly failures: ReadonlyMap<string, string>;
}

function turnedBack({ with: files, why, failures }: Reached, hint: string): BackupError {
  const [[host, reason] = []] = failures;
  const cause = why === undefined ? 'interrupted' : `nothing was placed: ${why}`;
  return host === undefined
    ? new BackupError(`${cause}: all nodes are up, with ${files}`, files === 'their old files' ? {} : { hint })
    : new BackupError(`${cause}: nodes have ${files}, but ${failures.size} are not up, such as ${host}: ${reason}`, { hint });
}

function hostsOf(members: readonly Member[]): readonly string[] {
  return members.map(({ host }) => host);
}

/** Ids of the restores that nodes know of. Throws UsageError for one that is half-done: one restore over the remains of another would mix them. */
async function knownRestores(work: readonly NodeWork[], signal: AbortSignal): Promise<readonly string[]> {
  const known = await Promise.all(
    work.map(async ({ member }) => {
      const journals = await readJournals(member, signal);
      const broken = journals.find(({ phase }) => isHalfDone(phase));
      if (broken !== undefined) {
        throw new UsageError(`restore ${broken.id} broke off on ${member.host} (${broken.phase})`, {
          hint: `take it back first: ${undoCommand(broken.id, broken.hosts)}`,
        });
      }
      return journals.map(({ id }) => id);
    }),
  );
  return known.flat();
}

function partWarnings({ sources }: PlannedRestore): readonly string[] {
  return sources.manifests.length === sources.ring.length
    ? []
    : ['the other nodes stay up: where they hold newer rows, or deletions, those win; repair the node afterwards'];
}

function placingPlan(node: NodeWork, work: readonly NodeWork[], tables: readonly RestoredTable[], id: string): PlacingPlan {
  const { commitlogDirectory, hintsDirectory, savedCachesDirectory } = node.member.config;
  return {
    id,
    hosts: work.map(({ member }) => member.host),
    stateDirectories: [commitlogDirectory, hintsDirectory, savedCachesDirectory],
    tables: tables.map((table) => placedTable(node, table)),
  };
}

/** A table of which the node has no file has a place too: what is there now is moved aside. */
function placedTable({ member, staging, parts }: NodeWork, table: RestoredTable): PlacedTable {
  const name = tableDirectory(table);
  const own = ownDisk(table.keyspace, member.config);
  const held = parts.filter((part) => tableDirectory(part.table) === name);
  const places = held.length > 0 ? held : [{ disk: own, directory: name, table: { files: [] } }];
  return {
    live: tableDirectory({ ...table, id: table.liveId ?? table.id }),
    places: places.map(({ disk = own, directory, table: { files } }) => ({
      disk,
      staged: `${staging.directory}/${directory}`,
      files,
    })),
  };
}
