/**
 * Shell functions that tell whether a file, or a symbolic link on the way to it, was changed after a server had started:
 * `edited FILE PROC-DIRECTORY…` prints `edited` where it was changed after one of the servers had.
 *
 * A server's age is asked of the kernel alone, against that of the process that asks: the clock may have been set since, and
 * in a container `/proc/uptime` may be the container's. The process may be older than the server in it, which a container's
 * first script replaces it by, having written the file a moment before; the threads are not, and the server has several.
 * `ctime` counts too: whoever installs a file gives it the time that it had elsewhere. Two seconds' doubt (whole seconds on
 * either side) are for the file: a JVM needs longer until it reads it.
 */
export const configAgeScript: string = String.raw`ticks() { sed 's/^.*) //' "$1" 2>/dev/null | cut -d' ' -f20; }
age() { # PROC-DIRECTORY: seconds since the server began; nothing where it is gone
  cat "$1"/task/[0-9]*/stat 2>/dev/null | awk -v pid="${'$'}{1##*/}" -v now="$(ticks /proc/self/stat)" -v hz="$(getconf CLK_TCK 2>/dev/null || echo 100)" '
    { id = $1; sub(/^.*\) /, ""); split($0, f, " "); if (f[20] !~ /^[0-9]+$/) next }
    id == pid { leader = f[20]; next }
    first == "" || f[20] + 0 < first + 0 { first = f[20] }
    END { if (first == "") first = leader; if (first != "") printf "%d\n", (now - first) / hz }'
}
changes() { # PATH: when links on the way, and those that they lead to, were last changed, each in a line
  p=$1
  while [ -n "$p" ] && [ "$p" != / ] && [ "$p" != . ]; do
    [ ! -L "$p" ] || { stat -c %Z -- "$p"; to=$(readlink -- "$p"); case $to in /*) ;; *) to=$(dirname -- "$p")/$to ;; esac; (changes "$to"); }
    p=$(dirname -- "$p")
  done
}
edited() {
  file=$1; shift; changed=$({ stat -L -c '%Y %Z' -- "$file" | tr ' ' '\n'; changes "$file"; } | sort -n | tail -n 1); now=$(date +%s)
  for server; do
    old=$(age "$server")
    [ -z "$old" ] || [ "$changed" -le $((now - old + 1)) ] || { printf edited; return; }
  done
}`;
