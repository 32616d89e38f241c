import type { DataNode } from '../node.ts';
import { type PlacingPhase, isPlacingPhase } from '../../model/restore/restart-plan.ts';
import { BackupError } from '../../model/errors.ts';
import type { DataDisk } from '../../model/restore/disk-plan.ts';
import { placedMark } from '../../model/restore/commands-by-hand.ts';

/**
 * Restored files take the place of live ones on a node whose Cassandra is down, and can be taken out again.
 *
 * Nothing is deleted: a table's old files become its snapshot `before-restore-<id>` in each data directory, commit log, hints
 * and saved caches go to a directory of that name in their own place, always on the same disk, and no file is overwritten.
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
  }[];
}

/** Writes the plan to the node. Nothing is moved by it. Throws RemoteError. */
export async function beginPlacing(node: DataNode, plan: PlacingPlan, signal: AbortSignal): Promise<void> {
  const { dataDirectories } = node.config;
  const lines = [
    ...plan.hosts.map((host) => `host\t${host}\t`),
    ...dataDirectories.flatMap((directory) => plan.tables.map(({ live }) => `table\t${directory}/${live}\t`)),
    ...plan.stateDirectories.map((directory) => `state\t${directory}\t`),
    ...plan.tables.flatMap(({ live, places }) => places.map(({ disk, staged }) => `place\t${disk}/${live}\t${staged}`)),
  ];
  await runPlacing(node, { verb: 'begin', id: plan.id, input: `${lines.join('\n')}\n` }, signal);
}

/** Moves old files aside and restored ones in, or goes on with that. Throws RemoteError. */
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

/** The disks that files are to be placed on, before anything is done to them. */
export interface PlacingDisks {
  /** Whether the data directories hold a `system.local`. */
  readonly identity: boolean;
  /** Whether they hold a `system.local_metadata_log`, as since Cassandra 6. */
  readonly metadataLog: boolean;
  /** One for each data directory, in the order of the configuration. */
  readonly disks: readonly DataDisk[];
}

/** A directory that is not there yet is on the disk of the one that it will be in. Throws RemoteError. */
export async function readPlacingDisks(
  { remote, config: { dataDirectories } }: DataNode,
  stagingDirectory: string,
  signal: AbortSignal,
): Promise<PlacingDisks> {
  const answer = await remote.run(['sh', '-c', readDisksScript, 'sh', stagingDirectory, ...dataDirectories], {}, signal);
  const [held, staging, ...lines] = answer.split('\n').map((line) => line.split(' '));
  const disks = dataDirectories.map((directory, index): DataDisk => {
    const [device = '', totalKib, freeKib] = lines[index] ?? [];
    const [totalBytes, freeBytes] = [Number(totalKib) * 1024, Number(freeKib) * 1024];
    return { directory, device, totalBytes, freeBytes, staged: device === staging?.[0] };
  });
  return { identity: held?.[0] === 'yes', metadataLog: held?.[1] === 'yes', disks };
}

/** A restore that this node's journal tells of. */
export interface Journal {
  readonly id: string;
  readonly phase: PlacingPhase;
  readonly hosts: readonly string[];
  /** Directories of tables. */
  readonly tables: readonly string[];
}

/** Oldest first. Throws BackupError when a journal cannot be read. */
export async function readJournals(node: DataNode, signal: AbortSignal): Promise<readonly Journal[]> {
  const { remote } = node;
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
      return { id, phase, hosts: values('host'), tables: values('place') };
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function journalRoot({ config }: DataNode): string {
  return config.dataDirectories[0] ?? '/var/lib/cassandra/data';
}

interface PlacingStep {
  readonly verb: 'begin' | 'place' | 'check' | 'undo';
  /** Id of the restore. */
  readonly id: string;
  /** The plan, to begin with. */
  readonly input?: string;
}

async function runPlacing(node: DataNode, { verb, id, input = '' }: PlacingStep, signal: AbortSignal): Promise<void> {
  const command = ['sh', '-c', placingScript, 'sh', verb, journalRoot(node), id, placedMark] as const;
  await node.remote.run(command, { input }, signal);
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
for j in *; do [ -e "$j/phase" ] && { printf '%s\n' "$j"; cat -- "$j/phase" "$j/plan"; printf '\0'; }; done; exit 0`;

export const placingScript: string = String.raw`
set -u
verb=$1; data=$2; id=$3; mark=$4; root=$data/.sstash-undo; j=$root/$id
tab=$(printf '\t')
die() { echo "$*" >&2; exit 1; }
# The word is on disk before the step that it announces begins, and what was done before it, on whatever disk, with it.
phase() { sync; { printf '%s\n' "$1" >"$j/phase.new" && sync "$j/phase.new" && mv -f -- "$j/phase.new" "$j/phase"; } || die "cannot write $j/phase"; now=$1; }
make() { [ -d "$1" ] || { make "$(dirname -- "$1")" && mkdir -- "$1" && chown --reference="$data" -- "$1"; } || die "cannot make $1"; }
files() { # FROM TO MV-OPTION: the files right in FROM
  [ -d "$1" ] && [ -n "$(any "$1")" ] || return 0
  make "$2"; find "$1" -maxdepth 1 -type f -exec mv "$3" -t "$2" -- {} +
  # What mv says of a file that it leaves because of -n differs from version to version.
  left=$(any "$1"); [ -z "$left" ] || die "cannot move $left to $2: it is there already, or see above"
}
any() { find "$1" -maxdepth 1 -type f -print -quit; }
table() { # FROM TO MV-OPTION: those of its index directories too
  files "$1" "$2" "$3"
  for i in "$1"/.[!.]*; do [ ! -d "$i" ] || files "$i" "$2/$(basename -- "$i")" "$3"; done
}
each() { # KIND COMMAND: for each line of that kind
  while IFS=$tab read -r kind one two; do [ "$kind" != "$1" ] || "$2" "$one" "$two" || exit 1; done <"$j/plan" || exit 1
}
# On one disk a file is moved whole or not at all, and two of one name are two sstables: neither may go.
table_aside() { table "$1" "$1/snapshots/before-restore-$id" -n; }
state_aside() { files "$1" "$1/before-restore-$id" -n; }
table_away() { table "$1" "$1/snapshots/restored-$id" -n; }
state_away() { files "$1" "$1/restored-$id" -n; }
table_back() { table "$1/snapshots/before-restore-$id" "$1" -n; }
state_back() { files "$1/before-restore-$id" "$1" -n; }
# From another disk a crash leaves half a copy, and the whole file where it was.
place() { [ ! -d "$2" ] || { make "$1"; table "$2" "$1" -f; }; }
list_aside() { [ ! -d "$1/snapshots/before-restore-$id" ] || find "$1/snapshots/before-restore-$id" -type f; }
aside_count() { each table list_aside | grep -c ''; }
marked() { { : >"$data/$mark" && chown --reference="$data" -- "$data/$mark"; } || die "cannot write $data/$mark"; }
refuse_others() {
  for p in "$root"/*/phase; do
    case $p in "$j/phase") continue;; esac
    case $(cat -- "$p" 2>/dev/null) in aside|placing|away|back) die "restore $(basename -- "$(dirname -- "$p")") is half-done here";; esac
  done
}

[ "$verb" != begin ] || make "$root"
# A run that was killed, or lost its connection, leaves its script at work here.
command -v flock >/dev/null || die 'flock (util-linux) is not there'
exec 9>>"$root/lock" || exit 1
flock -w 120 9 || die 'another run still moves files here; try again when it has ended'

if [ "$verb" = begin ]; then
  make "$j"; { cat >"$j/plan.new" && sync "$j/plan.new" && mv -- "$j/plan.new" "$j/plan"; } || die "cannot write $j/plan"
  phase begun; exit 0
fi
now=$(cat -- "$j/phase") || exit 1
refuse_others
if [ "$verb" = place ]; then
  case $now in begun|aside)
    phase aside; each table table_aside; each state state_aside
    aside_count >"$j/aside"; phase placing;;
  esac
  case $now in placing) each place place; marked; phase placed;; esac
  [ "$now" = placed ] || die "restore $id is $now and cannot go on"
  exit 0
fi
case $now in placing|placed|away)
  had=$(cat -- "$j/aside") || exit 1; has=$(aside_count)
  [ "$has" -ge "$had" ] || die "only $has of the $had files that restore $id moved aside are left; were they cleared?"
esac
[ "$verb" = undo ] || exit 0
case $now in
  begun) phase undone;;
  aside) phase back;;
  placing|placed|away) phase away; each table table_away; each state state_away; phase back;;
esac
case $now in back) each table table_back; each state state_back; marked; phase undone;; esac
[ "$now" = undone ] || die "restore $id is $now and cannot go back"
`;
