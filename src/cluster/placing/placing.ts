import type { DataNode } from '../node.ts';
import { type PlacingPhase, isPlacingPhase } from '../../model/restore/restart-plan.ts';
import { BackupError } from '../../model/errors.ts';
import type { DataDisk } from '../../model/restore/disk-plan.ts';
import { placedMark } from '../../model/restore/by-hand/restart.ts';
import { placingScript } from './placing-script.ts';

/**
 * Restored files take the place of live ones on a node whose Cassandra is down, and can be taken out again.
 *
 * Nothing is deleted: a table's old files become its snapshot `before-restore-<id>` in each data directory, commit log, hints
 * and saved caches go to a directory of that name in their own place, always on the same disk, and no file is overwritten.
 * Directories that are links to other disks are followed, as the owner of the data; no file gets its name in a live directory
 * before all of it is there.
 * Restored files go to the data directory that the plan says. What was done so far is in a journal, `<first data directory>/.sstash-undo/<id>/phase`, written before each step, and each step can be
 * repeated: after a crash at any moment `place` goes on and `undo` goes back. One script at a time works on a node.
 */
export interface PlacingPlan {
  /** Id of the restore, the same on all nodes. */
  readonly id: string;
  /** The nodes that take part. */
  readonly hosts: readonly string[];
  /** Commit log, hints, saved caches. */
  readonly stateDirectories: readonly string[];
  readonly tables: readonly PlacedTable[];
}

export interface PlacedTable {
  /** `<keyspace>/<table>-<id>` below a data directory. */
  readonly live: string;
  /** The data directories that restored files go to; at least one, by which the journal knows the table. */
  readonly places: readonly {
    readonly disk: string;
    /** Where those files are: an absolute path, which need not exist. */
    readonly staged: string;
    /** All of them, by their paths below it. */
    readonly files: readonly { readonly path: string; readonly bytes: number }[];
  }[];
}

/**
 * Writes the plan to the node. Nothing is moved by it. Throws RemoteError, as where what is staged is not what is planned: a file is not there
 * with its size, or an sstable too many.
 */
export async function beginPlacing(node: DataNode, plan: PlacingPlan, signal: AbortSignal): Promise<void> {
  const { dataDirectories } = node.config;
  const lines = [
    ...plan.hosts.map((host) => `host\t${host}\t`),
    ...dataDirectories.flatMap((directory) => plan.tables.map(({ live }) => `table\t${directory}/${live}\t`)),
    ...plan.stateDirectories.map((directory) => `state\t${directory}\t`),
    ...plan.tables.flatMap(({ live, places }) => places.map(({ disk, staged }) => `place\t${disk}/${live}\t${staged}`)),
    ...plan.tables.flatMap(({ live, places }) =>
      places.flatMap(({ disk, staged, files }) =>
        files.map(({ path, bytes }) => `file\t${bytes}\t${staged}/${path}\t${disk}/${live}/${path}`),
      ),
    ),
  ];
  await runPlacing(node, { verb: 'begin', id: plan.id, input: `${lines.join('\n')}\n` }, signal);
}

/** Throws RemoteError when what is staged is no longer what is planned. For before the first file is moved on any node. */
export async function proveStaged(node: DataNode, id: string, signal: AbortSignal): Promise<void> {
  await runPlacing(node, { verb: 'prove', id }, signal);
}

/**
 * Moves old files aside and restored ones in, or goes on with that. Throws RemoteError, also where in the end a planned file is not in
 * its place.
 */
export async function placeFiles(node: DataNode, id: string, signal: AbortSignal): Promise<void> {
  await runPlacing(node, { verb: 'place', id }, signal);
}

/** Waits for what is still at work there. Throws RemoteError when `takeBack` would: on one node of several it must not. */
export async function checkTakeBack(node: DataNode, id: string, signal: AbortSignal): Promise<void> {
  await runPlacing(node, { verb: 'check', id }, signal);
}

/**
 * Moves what is live now to snapshots `restored-<id>`, and the old files back. Throws RemoteError, with nothing moved when
 * the old files are there no more (somebody cleared the snapshot): the tables would be left empty.
 */
export async function takeBack(node: DataNode, id: string, signal: AbortSignal): Promise<void> {
  await runPlacing(node, { verb: 'undo', id }, signal);
}

/** Keeps in the journal that the restore takes the node down, or that it was seen up again. Throws RemoteError. */
export async function noteDown(node: DataNode, id: string, isDown: boolean, signal: AbortSignal): Promise<void> {
  await runPlacing(node, { verb: isDown ? 'down' : 'up', id }, signal);
}

/** The disks that files are to be placed on, before anything is done to them. */
export interface PlacingDisks {
  /** Whether the data directories hold a `system.local`. */
  readonly identity: boolean;
  /** Whether they hold a `system.local_metadata_log`, as since Cassandra 6. */
  readonly metadataLog: boolean;
  /** One for each data directory, in the order of the configuration. */
  readonly disks: readonly DataDisk[];
}

/** A directory that is not there yet is on the disk of the one that it will be in. Throws RemoteError, or BackupError for an answer that is none. */
export async function readPlacingDisks(node: DataNode, stagingDirectory: string, signal: AbortSignal): Promise<PlacingDisks> {
  const { dataDirectories } = node.config;
  const answer = await node.files.run(['sh', '-c', readDisksScript, 'sh', stagingDirectory, ...dataDirectories], {}, signal);
  const [held, staging, ...lines] = answer.split('\n').map((line) => line.split(' '));
  const disks = dataDirectories.map((directory, index): DataDisk => {
    const [device = '', totalKib, freeKib] = lines[index] ?? [];
    const [totalBytes, freeBytes] = [bytesOf(totalKib), bytesOf(freeKib)];
    // What is no number would be more room than any.
    if (totalBytes === undefined || freeBytes === undefined) {
      throw new BackupError(`${node.files.host} does not say how much room there is for ${directory}`);
    }
    return { directory, device, totalBytes, freeBytes, staged: device === staging?.[0] };
  });
  return { identity: held?.[0] === 'yes', metadataLog: held?.[1] === 'yes', disks };
}

function bytesOf(kib: string | undefined): number | undefined {
  return kib !== undefined && /^\d{1,15}$/.test(kib) ? Number(kib) * 1024 : undefined;
}

/** A restore that this node's journal tells of. */
export interface Journal {
  readonly id: string;
  readonly phase: PlacingPhase;
  readonly hosts: readonly string[];
  /** Directories of tables. */
  readonly tables: readonly string[];
  /** Whether the restore, or its undoing, took the node down and has not seen it up again. */
  readonly isDown: boolean;
}

/** Oldest first. Throws BackupError when a journal cannot be read. */
export async function readJournals(node: DataNode, signal: AbortSignal): Promise<readonly Journal[]> {
  const remote = node.files;
  const answer = await remote.run(['sh', '-c', listJournalsScript, 'sh', journalRoot(node)], {}, signal);
  return answer
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [id = '', phase = '', ...lines] = entry.split('\n');
      if (!isPlacingPhase(phase)) {
        throw new BackupError(`${remote.host}: the journal of restore ${id} says ${JSON.stringify(phase)}, which is no phase`);
      }
      const values = (kind: string) =>
        lines.map((line) => line.split('\t')).flatMap(([word, value = '']) => (word === kind ? [value] : []));
      return { id, phase, hosts: values('host'), tables: values('place'), isDown: lines.includes('down') };
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function journalRoot({ config }: DataNode): string {
  return config.dataDirectories[0] ?? '/var/lib/cassandra/data';
}

interface PlacingStep {
  readonly verb: 'begin' | 'down' | 'prove' | 'place' | 'check' | 'undo' | 'up';
  /** Id of the restore. */
  readonly id: string;
  /** The plan, to begin with. */
  readonly input?: string;
}

async function runPlacing(node: DataNode, { verb, id, input = '' }: PlacingStep, signal: AbortSignal): Promise<void> {
  const command = ['sh', '-c', placingScript, 'sh', verb, journalRoot(node), id, placedMark] as const;
  // Cut off in the middle it would leave a node half-done, so that it is told of, but never given up.
  await node.files.run(command, { input, verb: 'unlimited', what: `the placing of files (${verb})` }, signal);
}

// A line that says whether a node was here and whether it had a log of the cluster's metadata, one with the device of the staging directory, and for each data directory its
// device, size and room in KiB.
export const readDisksScript: string = String.raw`
find_there() { at=$1; while [ ! -e "$at" ]; do at=$(dirname -- "$at"); done; }
find_there "$1"; staging=$(stat -c %d -- "$at") || exit 1; shift
holds() { for d; do for f in "$d"/system/"$table"-*/*-Data.db; do [ ! -e "$f" ] || { echo yes; return; }; done; done; echo no; }
table=local; who=$(holds "$@"); table=local_metadata_log; log=$(holds "$@")
printf '%s %s\n%s\n' "$who" "$log" "$staging"
for d; do
  find_there "$d"; device=$(stat -c %d -- "$at") || exit 1
  df -Pk -- "$at" | awk -v device="$device" 'NR==2 { print device, $2, $4; seen = 1 } END { exit !seen }' || exit 1
done`;

export const listJournalsScript: string = String.raw`cd -- "$1/.sstash-undo" 2>/dev/null || exit 0
limit=''; ! command -v timeout >/dev/null || limit='timeout 20'
plain() { [ -f "$1" ] && [ ! -L "$1" ]; }
for j in *; do
  { [ -e "$j/phase" ] || [ -L "$j/phase" ]; } || continue
  printf '%s\n' "$j"
  if plain "$j/phase" && plain "$j/plan"; then $limit cat -- "$j/phase" "$j/plan"; else echo 'no plain file'; fi
  [ ! -e "$j/down" ] || echo down
  printf '\0'
done; exit 0`;
