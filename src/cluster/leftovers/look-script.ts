import { nodeLockName } from '../placing/node-lock-script.ts';

// Whether a restore is at work here, by the locks that it holds. `no` also where none has ever been here.
const busyFunctionScript: string = `is_busy() { # DATA-DIRECTORY
  command -v flock >/dev/null || { echo unknown; return; }
  for l in "$1/${nodeLockName}" "$1/.sstash-undo/lock"; do
    { [ -e "$l" ] || [ -L "$l" ]; } || continue
    if [ ! -f "$l" ] || [ -L "$l" ] || [ ! -r "$l" ]; then echo unknown; return; fi
    flock -n "$l" true || { echo yes; return; }
  done
  echo no
}`;

// DIRECTORY...: lines of where a file was found, type, links, bytes, time, depth.
export const sizesScript: string = String.raw`find "$@" -printf "%H\t%y\t%n\t%s\t%T@\t%d\n" 2>/dev/null`;

// STATE-DIRECTORY... -- DATA-DIRECTORY...: records of fields with a tab between, a NUL after each: `busy WORD`, `journal ID BYTES AGE`, then
// `snapshot TAG BYTES AGE` (and those of restores by their tag), `state NAME BYTES AGE`, `file PATH BYTES AGE`. Ages are seconds by the
// node's clock. Runs as the owner of the data and touches nothing. What several snapshots hold together, or the live table, counts for none.
export const lookForLeftScript: string = String.raw`${busyFunctionScript}
me=$(id -u); now=$(date +%s)
rec() { first=$1; shift; printf %s "$first"; printf '\t%s' "$@"; printf '\0'; }
age() { at=$(stat -c %Y -- "$1" 2>/dev/null) && echo $((now - at)); }
sums() { # KIND: of lines NAME TYPE LINKS BYTES TIME DEPTH, by NAME
  awk -F '\t' -v kind="$1" -v now="$now" '
    { seen[$1] = 1; if ($2 == "f" && ($3 == 1 || kind == "state")) bytes[$1] += $4; if ($6 == 0 && $5 > at[$1]) at[$1] = $5 }
    END { for (n in seen) printf "%s\t%s\t%.0f\t%d\n", kind, n, bytes[n], now - at[n] }' | tr '\n' '\000'
}
# shellcheck disable=SC2016 # for another shell
below() { xargs -0 -r sh -c '${sizesScript}' sh | sed 's|^[^	]*/||' | sums "$1"; }
state_dirs() {
  while [ "$1" != -- ]; do
    for s in "$1"/before-restore-* "$1"/restored-*; do [ ! -d "$s" ] || [ -L "$s" ] || printf '%s\0' "$s"; done
    shift
  done
}
state_dirs "$@" | below state
while [ "$1" != -- ]; do shift; done; shift
rec busy "$(is_busy "$1")"
for j in "$1"/.sstash-undo/*; do [ ! -d "$j" ] || [ -L "$j" ] || printf '%s\0' "$j"; done | below journal
for d; do
  for s in "$d"/*/*/snapshots/sstash-* "$d"/*/*/snapshots/before-restore-* "$d"/*/*/snapshots/restored-* "$d"/*/*/snapshots/incoming-*; do
    [ ! -d "$s" ] || [ -L "$s" ] || printf '%s\0' "$s"
  done
done | below snapshot
one_file() { { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %u -- "$1")" = "$me" ]; } || return 0; rec file "$1" "$(stat -c %s -- "$1")" "$(age "$1")"; }
for d; do
  for f in "$d"/.sstash-placed.???????? "$d"/.sstash-grace.???????? "$d"/*/*/.sstash-part "$d"/*/*/upload/.sstash-part; do one_file "$f"; done
done
exit 0`;

// DIRECTORY...: as whoever logs in, `KIND PATH BYTES AGE USED` of files that a program was to find its login in, and of what a start or stop command said.
// Those of others are passed over. A command line that never comes to an end must not hold us up.
export const lookForSecretsScript: string = String.raw`me=$(id -u); now=$(date +%s)
limit=''; ! command -v timeout >/dev/null || limit='timeout 20'
used() {
  users=$(printf %s "$1" | $limit grep -laF -f - /proc/[0-9]*/cmdline 2>/dev/null); status=$?
  if [ -z "$users" ] && [ $status != 124 ]; then echo no; else echo yes; fi
}
look() { # KIND FILE...
  kind=$1; shift
  for f; do
    { [ -f "$f" ] && [ ! -L "$f" ] && [ "$(stat -c %u -- "$f")" = "$me" ]; } || continue
    printf '%s\t%s\t%s\t%s\t%s\0' "$kind" "$f" "$(stat -c %s -- "$f")" "$((now - $(stat -c %Y -- "$f")))" "$(used "$f")"
  done
}
for d in "$@" "${'$'}{XDG_RUNTIME_DIR:-/run/user/$me}"; do look login "$d"/sstash-login-??????????; done
for d in "$@" ${'$'}{TMPDIR:+"$TMPDIR"}; do look temporary "$d"/sstash-said-??????????; done
exit 0`;
