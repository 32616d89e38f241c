import type { Listen } from '../../../model/events.ts';
import { BackupError, LockedError, NotFoundError, reasonOf, UsageError } from '../../../model/errors.ts';
import { settled } from '../../../flow/side-by-side.ts';
import { type PlacingPhase, isHalfDone, undoCommand } from '../../../model/restore/restart-plan.ts';
import { type Downtime, bringUp, takeDown, whileDown } from './downtime.ts';
import { type Journal, checkTakeBack, readJournals, takeBack } from '../../../cluster/placing/placing.ts';
import { defaultService } from '../../../cluster/tools/service.ts';
import type { RestartOptions } from './cluster-restart.ts';
import { allHeld } from './purging.ts';
import type { Owner } from '../../../model/lock.ts';
import { type Member, type MemberParts, openMembers } from '../../nodes/members.ts';
import { type NodeLocks, noLocks, requireLocks, withNodeLocks } from '../../nodes/node-locks.ts';

export interface UndoOptions extends RestartOptions {
  readonly hosts: readonly string[];
  /** Id of the restore; the newest that is not undone when absent. */
  readonly id: string | undefined;
  readonly dryRun: boolean;
}

export interface UndoParts extends MemberParts {
  /** Who has the nodes for himself meanwhile, for others to read. */
  readonly owner: Owner;
}

export interface UndoResult {
  readonly id: string;
  readonly dryRun: boolean;
  readonly nodes: readonly { readonly host: string; readonly phase: PlacingPhase; readonly error?: string }[];
  /** Directories of the tables whose old files come back. */
  readonly tables: readonly string[];
  /** The shell text that stops and starts Cassandra. */
  readonly service: { readonly stop: string; readonly start: string };
  readonly warnings: readonly string[];
}

/**
 * Takes a restore by the node restart method back, whether it succeeded or broke off at whatever step: the nodes are
 * stopped, what is live now becomes the snapshot `restored-<id>`, the old files come back, the nodes are started. An interrupt
 * in the middle changes nothing of that: it is brought to its end.
 * Undefined when `agree` said no. Throws NotFoundError when no node knows of such a restore.
 */
export async function undoRestore(
  options: UndoOptions,
  agree: (plan: UndoResult) => Promise<boolean>,
  parts: UndoParts,
  signal: AbortSignal,
): Promise<UndoResult | undefined> {
  parts.listen({ type: 'step', text: 'connecting' });
  const members = await openMembers(options.hosts, false, parts, signal);
  const [absent] = members.absent;
  if (absent !== undefined) {
    throw new UsageError(`${absent.host} cannot be reached: ${reasonOf(absent.error)}`, {
      hint: 'a restore is taken back on all its nodes or on none',
    });
  }
  if (options.dryRun) {
    return undoOn(members.present, { options, agree, parts, locks: noLocks }, signal);
  }
  const request = { owner: parts.owner, operation: 'restore --undo', listen: parts.listen };
  return withNodeLocks(
    members.present,
    request,
    async (locks, held) => {
      requireLocks(locks);
      return undoOn(members.present, { options, agree, parts, locks }, held);
    },
    signal,
  );
}

interface Undoing {
  readonly options: UndoOptions;
  readonly agree: (plan: UndoResult) => Promise<boolean>;
  readonly parts: UndoParts;
  readonly locks: NodeLocks;
}

async function undoOn(
  members: readonly Member[],
  { options, agree, parts, locks }: Undoing,
  signal: AbortSignal,
): Promise<UndoResult | undefined> {
  const { id, found } = await findJournals(members, options.id, signal);
  await settled(found.map(({ member }) => checkTakeBack(member, id, signal)));
  const plan: UndoResult = {
    id,
    dryRun: true,
    nodes: found.map(({ member, journal }) => ({ host: member.host, phase: journal.phase })),
    tables: [...new Set(found.flatMap(({ journal }) => journal.tables))].toSorted(),
    service: { stop: options.stopCommand ?? defaultService.stop, start: options.startCommand ?? defaultService.start },
    warnings: undrainedWarnings(found),
  };
  if (options.dryRun) {
    return plan;
  }
  if (!(await agree(plan))) {
    return undefined;
  }
  const nodes = found.map(({ member }) => member);
  const down: Downtime = { id, members: nodes, restart: options, listen: parts.listen, lost: locks.lost };
  const mayStart = !found.some(({ journal }) => isHalfDone(journal.phase));
  const failures = await takeBackAndStart(down, { locks, mayStart }, signal);
  // Whoever interrupted does not want to wait for more; the next restore says it.
  const held = failures.size > 0 || signal.aborted ? [] : await heldAfterwards(nodes, parts.listen, signal);
  return {
    ...plan,
    dryRun: false,
    warnings: [...plan.warnings, ...held],
    nodes: nodes.map(({ host }) => {
      const error = failures.get(host);
      return { host, phase: 'undone', ...(error === undefined ? {} : { error }) };
    }),
  };
}

/** Gives what became of each node that is not up. `mayStart`: no node's files are half of one and half of another. */
async function takeBackAndStart(
  down: Downtime,
  { locks, mayStart }: { readonly locks: NodeLocks; readonly mayStart: boolean },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  await locks.confirm(signal);
  signal.throwIfAborted();
  const { id, members: nodes, listen } = down;
  const goOn = `go on with it: ${undoCommand(
    id,
    nodes.map(({ host }) => host),
  )}`;
  let reached: { readonly died: string | undefined; readonly failures: ReadonlyMap<string, string> };
  try {
    reached = await whileDown(
      down,
      `nodes are down: the restore is taken back to the end, and they are started again. For whoever leaves at once, ${goOn}`,
      async (calm) => {
        // What hangs must not keep the old files away; who gives no answer has taken no writes.
        const died = await takeDown(down, 'if it answers', calm);
        await locks.confirm(calm);
        if (died !== undefined && mayStart) {
          return { died, failures: await bringUp(down, calm) };
        }
        listen({ type: 'step', text: 'moving the old files back' });
        await settled(nodes.map((node) => takeBack(node, id, calm)));
        await locks.confirm(calm);
        return { died: undefined, failures: await bringUp(down, calm) };
      },
      signal,
    );
  } catch (error) {
    const text = `taking restore ${id} back broke off: ${reasonOf(error)}`;
    throw error instanceof LockedError
      ? new LockedError(text, { cause: error, hint: goOn })
      : new BackupError(text, { cause: error, hint: goOn });
  }
  const { died, failures } = reached;
  if (died !== undefined) {
    const [[host, reason] = []] = failures;
    const ups = host === undefined ? 'all nodes are up' : `${failures.size} nodes are not up, such as ${host}: ${reason}`;
    throw new BackupError(`nothing was taken back: ${died}; ${ups}`, { hint: goOn });
  }
  return failures;
}

/** What restores hold back, this one maybe. Its tables may have been held back before it too, so nothing is set here. */
async function heldAfterwards(nodes: readonly Member[], listen: Listen, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await allHeld(nodes, signal);
  } catch (error) {
    signal.throwIfAborted();
    listen({ type: 'warning', text: `nobody can say what restores hold back: ${reasonOf(error)}` });
    return [];
  }
}

/** A node that is down since after a whole restore was not flushed by us. */
function undrainedWarnings(found: readonly FoundJournal[]): readonly string[] {
  const hosts = found
    .filter(({ member, journal }) => member.info === undefined && journal.phase === 'placed')
    .map(({ member }) => member.host);
  return hosts.length === 0
    ? []
    : [`Cassandra gives no answer on ${hosts.join(', ')}: what its commit log holds of other tables is moved aside unread`];
}

interface FoundJournal {
  readonly member: Member;
  readonly journal: Journal;
}

async function findJournals(
  members: readonly Member[],
  asked: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly found: readonly FoundJournal[] }> {
  const all = await Promise.all(
    members.map(async (member) => (await readJournals(member, signal)).map((journal) => ({ member, journal }))),
  );
  // Also what was taken back by a run that ended before the nodes were up.
  const undoable = all.flat().filter(({ journal }) => journal.phase !== 'undone' || journal.isDown);
  const id =
    asked ??
    undoable
      .map(({ journal }) => journal.id)
      .toSorted()
      .at(-1);
  if (id === undefined || !undoable.some(({ journal }) => journal.id === id)) {
    const known = [...new Set(undoable.map(({ journal }) => journal.id))].join(', ');
    throw new NotFoundError(`no restore ${asked === undefined ? '' : `${asked} `}to take back on these nodes`, {
      hint: known === '' ? 'they know of none, or all are undone' : `they know of ${known}`,
    });
  }
  // Nodes too that were through with it when it broke off: they are down, or must be while the others are not.
  const found = all.flat().filter(({ journal }) => journal.id === id);
  const tables = new Set(found.flatMap(({ journal }) => journal.tables));
  const later = undoable.find(
    ({ journal }) => journal.id > id && journal.phase !== 'begun' && journal.tables.some((table) => tables.has(table)),
  );
  if (later !== undefined) {
    throw new UsageError(`restore ${later.journal.id}, a later one, replaced files of the same tables`, {
      hint: 'take that one back first',
    });
  }
  const missing = found[0]?.journal.hosts.find((host) => !members.some((member) => member.host === host));
  if (missing !== undefined) {
    throw new UsageError(`restore ${id} was on ${missing} too`, {
      hint: 'name all its nodes with --hosts, as they were named then',
    });
  }
  return { id, found };
}
