import { UsageError } from '../errors.ts';
import type { FullDisk } from './disk-plan.ts';
import type { NodeMatch } from '../target/node-match.ts';
import { sizeText } from '../size.ts';
import { identityKeyspace, schemaKeyspace } from '../system-keyspaces.ts';
import type { TableId } from '../sstable.ts';

/** What a restore by node restart brings back besides rows. */
export interface RestartScope {
  /** All of `system_schema`: afterwards the schema is the backup's, with the table ids that it had. */
  readonly schema: boolean;
  /** The schema and all of `system`: a node that has lost its disk comes back with its own host id and tokens. */
  readonly image: boolean;
}

/**
 * Reads it from the tables that were chosen of those that the backup holds. Throws UsageError for a part of
 * `system_schema`: tables, columns and indexes are in tables of their own, and a part of them is no schema.
 */
export function restartScope(chosen: readonly TableId[], held: readonly TableId[]): RestartScope {
  const names = new Set(chosen.map(nameOf));
  const all = (keyspace: string) => {
    const tables = held.filter((table) => table.keyspace === keyspace);
    return tables.length > 0 && tables.every((table) => names.has(nameOf(table)));
  };
  const schema = all(schemaKeyspace);
  if (!schema && chosen.some(({ keyspace }) => keyspace === schemaKeyspace)) {
    throw new UsageError(`${schemaKeyspace} comes back whole or not at all`, { hint: 'name it with -K as a keyspace' });
  }
  return { schema, image: schema && all(identityKeyspace) };
}

/** A node on which files are to be placed. */
export interface PlacingNode {
  readonly host: string;
  /** Whether Cassandra runs there. */
  readonly up: boolean;
  /** Whether the data directories hold a `system.local`: who the node is. */
  readonly identity: boolean;
  /** A disk that lacks the room for what is to be placed there. */
  readonly full?: FullDisk | undefined;
}

/** Throws UsageError when files must not, or cannot, be placed on one of these nodes. */
export function refusePlacing(nodes: readonly PlacingNode[], matches: readonly NodeMatch[], { image }: RestartScope): void {
  const unknown = matches.find(
    ({ by, source, target }) =>
      by === 'map' &&
      source.host !== target.host &&
      nodes.some(({ host, up, identity }) => host === target.host && !up && identity),
  );
  if (unknown !== undefined) {
    const { source, target } = unknown;
    throw new UsageError(
      `${target.host} is down and has been a node before: nobody can say whether its tokens are those of ${source.host}`,
      {
        hint: 'start it; or, if it is to become that node, empty its directories',
      },
    );
  }
  const wiped = nodes.find(({ up, identity }) => !up && !identity);
  if (wiped !== undefined && !image) {
    throw new UsageError(`${wiped.host}: its data directories hold no system.local, so it would start as a new node`, {
      hint: "to bring it back as itself restore all of it: -K '*'",
    });
  }
  for (const { host, full } of nodes) {
    if (full !== undefined) {
      const { directory, freeBytes, bytes } = full;
      throw new UsageError(
        `${host}: the disk of ${directory} has ${sizeText(freeBytes)} free, the files that go there need ${sizeText(bytes)}`,
        { hint: 'old files stay on it until they are cleared; make room, or restore fewer tables with -K' },
      );
    }
  }
}

/** What it means that a host takes the place of a node that had another name: whole nodes, identity included. */
export function successionWarnings(
  matches: readonly NodeMatch[],
  ring: readonly { readonly host: string; readonly dc: string; readonly rack: string }[],
  { image }: RestartScope,
): readonly string[] {
  const moved = matches.filter(({ by, source, target }) => image && by === 'map' && source.host !== target.host);
  const names = moved.map(({ source, target }) => {
    const { dc = '?', rack = '?' } = ring.find(({ host }) => host === source.host) ?? {};
    return `${target.host} becomes ${source.host} (and starts in ${dc}/${rack} only)`;
  });
  return moved.length === 0
    ? []
    : [
        `${names.join(', ')}, host id and all: the old nodes must be gone for good. Where one of that cluster can still be reached, the two take each other's place`,
      ];
}

/** What whoever agrees to the plan should know. */
export function placingWarnings(
  nodes: readonly PlacingNode[],
  chosen: readonly TableId[],
  held: readonly TableId[],
  { schema, image }: RestartScope,
): readonly string[] {
  const undrained = nodes.filter(({ up, identity }) => !up && identity).map(({ host }) => host);
  const names = new Set(chosen.map(nameOf));
  const partial = schema && held.some((table) => !names.has(nameOf(table)));
  return [
    ...(undrained.length === 0 || (image && !partial)
      ? []
      : [
          `Cassandra is down on ${undrained.join(', ')}: what its commit log holds of other tables is moved aside unread; start it first if you can`,
        ]),
    ...(schema ? ['the schema becomes that of the backup: tables made since are gone from it'] : []),
    ...(partial ? ['not every table of the backup is chosen: the others keep their files, which may not fit that schema'] : []),
  ];
}

function nameOf({ keyspace, table }: TableId): string {
  return `${keyspace}.${table}`;
}

/**
 * How far a node is with putting restored files in the place of live ones, as its journal says. The way forward is `begun`
 * (nothing moved) → `aside` (old files are being moved aside) → `placing` (all of them are; restored ones are being moved
 * in) → `placed`. The way back is `away` (restored ones are being moved out) → `back` (old ones are being moved in) →
 * `undone`.
 */
export const placingPhases = ['begun', 'aside', 'placing', 'placed', 'away', 'back', 'undone'] as const;

export type PlacingPhase = (typeof placingPhases)[number];

export function isPlacingPhase(text: string): text is PlacingPhase {
  return placingPhases.some((phase) => phase === text);
}

/**
 * A node in such a phase must neither be started nor restored again: its live directories are half of one and half of
 * another.
 */
export function isHalfDone(phase: PlacingPhase): boolean {
  return phase !== 'begun' && phase !== 'placed' && phase !== 'undone';
}

/**
 * The id, or one later than all that are known: `--undo` takes the newest back first, and clocks may have been wrong. Ids of restores are
 * moments, `20261121T031500Z`.
 */
export function afterAll(id: string, known: readonly string[]): string {
  const newest = known.toSorted().at(-1) ?? '';
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(newest) ?? [];
  const moment = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second) + 1);
  if (newest < id || Number.isNaN(moment)) {
    return id;
  }
  return `${new Date(moment).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** What a node's journal tells of a restore that broke off. */
export interface LeftBehind {
  readonly id: string;
  readonly phase: PlacingPhase;
  readonly hosts: readonly string[];
}

/** The command that takes a restore back, whatever became of it, and starts its nodes. */
export function undoCommand(id: string, hosts: readonly string[]): string {
  return `sstash restore --undo ${id} --hosts ${hosts.join(',')}`;
}

/** Why a node is down that a restore took down and has not seen up again, and what to do about it. */
export function leftDown({ id, phase, hosts }: LeftBehind): { readonly why: string; readonly hint: string } {
  const up = `nodes up again: ${undoCommand(id, hosts)}`;
  const stopped = `restore ${id} stopped Cassandra there and broke off`;
  if (isHalfDone(phase)) {
    return {
      why: `${stopped} with half of the files in place (${phase})`,
      hint: `do not start it as it is; back to before, ${up}`,
    };
  }
  if (phase === 'placed') {
    return {
      why: `${stopped} when all files were in place, before the node was up`,
      hint: `start Cassandra there to keep what was restored; or back to before, ${up}`,
    };
  }
  return phase === 'undone'
    ? { why: `restore ${id} was taken back there, and that broke off before the node was up`, hint: up }
    : { why: `${stopped} before it moved a file`, hint: up };
}
