import { markPlacedScript } from './placed-mark.ts';

// Of files that are in the directory DIRECTORY too, byte for byte: sh -c … DIRECTORY FILE...
export const dropCopiesScript =
  'for f; do to=$0/$(basename -- "$f"); [ -f "$to" ] || exit 1; cmp -s -- "$f" "$to" || exit 1; rm -- "$f" || exit 1; done';

export const placingScript: string = String.raw`
set -u
verb=$1; data=$2; id=$3; mark=$4; root=$data/.sstash-undo; j=$root/$id
tab=$(printf '\t')
die() { echo "$*" >&2; exit 1; }
# Journals of earlier versions have files of root's, in directories that are the owner's.
fresh() { rm -f -- "$1" && set -C && : >"$1" && set +C; }
# The word is on disk before the step that it announces begins, and what was done before it, on whatever disk, with it.
phase() { sync; { fresh "$j/phase.new" && printf '%s\n' "$1" >"$j/phase.new" && sync "$j/phase.new" && mv -f -- "$j/phase.new" "$j/phase"; } || die "cannot write $j/phase"; now=$1; }
make() { [ -d "$1" ] || { make "$(dirname -- "$1")" && mkdir -- "$1"; } || die "cannot make $1"; }
device() { stat -L -c %d -- "$1"; }
# DIRECTORY FIND-ACTION: for all in it that is no directory and no link to one. The slash has find go where a link leads.
in_dir() { dir=$1; shift; find "$dir/" -mindepth 1 -maxdepth 1 \( -type f -o -type l -exec test ! -d {} \; \) "$@"; }
any() { in_dir "$1" -print -quit; }
files() { # FROM TO: the files right in FROM, on one disk
  [ -d "$1" ] && [ -n "$(any "$1")" ] || return 0
  make "$2"; move "$1" "$2"
  # What mv says of a file that it leaves because of -n differs from version to version.
  left=$(any "$1"); [ -z "$left" ] || die "cannot move $left to $2: it is there already, or see above"
}
# Between two disks mv would give half a file its name.
move() { [ "$(device "$1")" = "$(device "$2")" ] || die "$1 and $2 are not on one disk"; in_dir "$1" -exec mv -n -t "$2" -- {} +; }
carry() { # FROM TO: from whatever disk
  [ -d "$1" ] && [ -n "$(any "$1")" ] || return 0
  make "$2"
  [ "$(device "$1")" != "$(device "$2")" ] || { files "$1" "$2"; return; }
  make "$part"; in_dir "$1" -exec cp -p -t "$part" -- {} + || die "cannot copy from $1 to $part"
  sync; move "$part" "$2"
  # What is there already was put there before a crash, or is none of ours.
  # shellcheck disable=SC2016 # for another shell
  in_dir "$part" -exec sh -c '${dropCopiesScript}' "$2" {} +
  [ -z "$(any "$part")" ] || die "cannot move $(any "$part") to $2: it is there already, or see above"
  in_dir "$1" -exec rm -- {} + || die "cannot remove what is left in $1"
}
table() { # COMMAND FROM TO: its index directories too
  "$1" "$2" "$3"
  for i in "$2"/.[!.]*; do [ ! -d "$i" ] || "$1" "$i" "$3/$(basename -- "$i")"; done
}
each() { # KIND COMMAND: for each line of that kind
  while IFS=$tab read -r kind one two; do [ "$kind" != "$1" ] || "$2" "$one" "$two" || exit 1; done <"$j/plan" || exit 1
}
# Of what is no file a reader might wait for ever.
word() { if [ -f "$1" ] && [ ! -L "$1" ]; then cat -- "$1"; else echo "$1 is no file" >&2; false; fi; }
# On one disk a file is moved whole or not at all, and two of one name are two sstables: neither may go.
table_aside() { table files "$1" "$1/snapshots/before-restore-$id"; }
state_aside() { files "$1" "$1/before-restore-$id"; }
table_away() { table files "$1" "$1/snapshots/restored-$id"; }
state_away() { files "$1" "$1/restored-$id"; }
table_back() { table files "$1/snapshots/before-restore-$id" "$1"; }
state_back() { files "$1/before-restore-$id" "$1"; }
place() { [ ! -d "$2" ] || { make "$1"; part=$1/snapshots/incoming-$id; table carry "$2" "$1"; [ ! -d "$part" ] || rmdir -- "$part" || exit 1; }; }
list_aside() { [ ! -d "$1/snapshots/before-restore-$id" ] || find "$1/snapshots/before-restore-$id/" ! -type d; }
aside_count() { each table list_aside | awk 'END { print NR }'; }
# Before anything is stopped: whatever could not be moved then.
usable() { { [ -w "$1" ] && [ -x "$1" ]; } || die "$(id -un) cannot work in $1"; }
check_table() {
  [ -d "$1" ] || { [ ! -L "$1" ] || die "$1 is a link to no directory that $(id -un) can enter"; return 0; }
  usable "$1"; aside=$1/snapshots; [ -d "$aside" ] || aside=$1
  for d in "$1" "$1"/.[!.]*; do
    [ ! -d "$d" ] || [ "$(device "$d")" = "$(device "$aside")" ] || die "$d and $aside are on two disks: old files could not be moved aside"
    [ ! -d "$d" ] || usable "$d"
  done
}
check_place() { at=$2; while [ ! -e "$at" ]; do at=$(dirname -- "$at"); done; if [ "$at" = "$2" ]; then usable "$at"; else [ -x "$at" ] || die "$(id -un) cannot enter $at"; fi; }
# From standard input: which file is to be where, with how many bytes, apart from all else.
take_plan() { FILES=$j/files awk -F"$tab" '$1 == "file" { print $2 "\t" $3 "\t" $4 >>ENVIRON["FILES"]; next } { print }'; }
# A journal of an earlier version has none.
planned() { [ ! -f "$j/files" ] || cat -- "$j/files"; }
prove() { # 2 or 3, where they are staged or placed; WHAT
  lacking=$({ planned | cut -f "$1" | tr '\n' '\0' | xargs -0 -r stat -c "%s$tab%n" -- 2>/dev/null; echo; planned; } |
    awk -F"$tab" -v at="$1" 'NF == 2 { have[$0]; next } NF == 3 { all++; if (!(($1 "\t" $at) in have) && !lacks++) first = $at }
      END { if (lacks) print lacks " of " all " files are", "(" first ")" }') || die "cannot compare what is planned"
  [ -z "$lacking" ] || die "$2: $lacking"
}
list_data() { [ ! -d "$2" ] || find "$2/" -type f -name '*-Data.db'; }
prove_staged() {
  prove 2 'not staged any more, or not with their sizes'
  [ -f "$j/files" ] || return 0
  strange=$({ planned; each place list_data; } | awk -F"$tab" 'NF == 3 { mine[$2]; next } !($0 in mine) { print; exit }') || die "cannot list what is staged"
  [ -z "$strange" ] || die "$strange is no file of this restore"
}
mark_placed() { ${markPlacedScript}; }
marked() { mark_placed "$data/$mark" || die "cannot write $data/$mark"; }
refuse_others() {
  for p in "$root"/*/phase; do
    { [ -e "$p" ] && [ "$p" != "$j/phase" ]; } || continue
    other=$(word "$p") || die "$p cannot be read"
    case $other in aside|placing|away|back) die "restore $(basename -- "$(dirname -- "$p")") is half-done here";; esac
  done
}

[ "$verb" != begin ] || make "$root"
# A run that was killed, or lost its connection, leaves its script at work here.
command -v flock >/dev/null || die 'flock (util-linux) is not there'
# Opened for reading: that of an earlier version may be root's.
[ -e "$root/lock" ] || : >>"$root/lock"; [ -f "$root/lock" ] || die "$root/lock is no file"; exec 9<"$root/lock" || exit 1
flock -w 120 9 || die 'another run still moves files here; try again when it has ended'

if [ "$verb" = begin ]; then
  [ ! -e "$j/phase" ] || die "restore $id is known here already"
  make "$j"
  { fresh "$j/plan.new" && fresh "$j/files" && take_plan >"$j/plan.new" && sync "$j/plan.new" "$j/files" && mv -- "$j/plan.new" "$j/plan"; } || die "cannot write $j/plan"
  each table check_table; each place check_place; prove_staged
  phase begun; exit 0
fi
case $verb in
  down) { fresh "$j/down" && sync "$j/down"; } || die "cannot write $j/down"; exit 0;;
  up) rm -f -- "$j/down"; exit;;
esac
{ [ -f "$j/plan" ] && [ ! -L "$j/plan" ]; } || die "$j/plan is no file"
now=$(word "$j/phase") || exit 1
refuse_others
if [ "$verb" = prove ]; then [ "$now" = begun ] || die "restore $id is $now here"; prove_staged; exit 0; fi
# Whoever is interrupted, or loses the connection: what moves files comes to its end. What comes after it waits for the lock.
trap '' HUP INT TERM PIPE
if [ "$verb" = place ]; then
  case $now in begun) prove_staged;; esac
  case $now in begun|aside)
    phase aside; each table table_aside; each state state_aside
    { fresh "$j/aside.new" && aside_count >"$j/aside.new" && mv -f -- "$j/aside.new" "$j/aside"; } || die "cannot write $j/aside"; phase placing;;
  esac
  case $now in placing) each place place; prove 3 'not in their places'; marked; phase placed;; esac
  [ "$now" = placed ] || die "restore $id is $now and cannot go on"
  exit 0
fi
case $now in placing|placed|away)
  had=$(word "$j/aside") || exit 1; has=$(aside_count)
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
