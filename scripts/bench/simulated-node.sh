#!/bin/sh
# nodetool, cqlsh or python3 of a simulated node (see simulated-cluster.ts): answers from files in $SIM. Its name says which.
set -eu
case ${0##*/} in
  nodetool)
    case "$*" in
      'info -T') cat "$SIM/info/$SIM_NODE" ;;
      ring) cat "$SIM/ring" ;;
      statusbackup) echo 'not running' ;;
      listsnapshots) printf 'Snapshot Details: \nThere are no snapshots\n' ;;
      snapshot\ -t\ *)
        # All nodes have the same files: the first makes the snapshot for all of them.
        exec 9>"$SIM/lock"
        flock 9
        for table in "$SIM"/data/*/*; do
          [ -d "$table/snapshots/$3" ] && continue
          mkdir -p "$table/snapshots"
          cp -al "$table/../../../files" "$table/snapshots/$3"
        done ;;
      clearsnapshot*) ;;
      *) echo "nodetool: $* is not simulated" >&2; exit 1 ;;
    esac ;;
  cqlsh)
    if grep -q DESCRIBE; then cat "$SIM/schema"; else cat "$SIM/rows"; fi ;;
  python3)
    # With a fourth argument this is `node_part.py`, of that many bytes; without, it is asked for its version.
    [ $# = 4 ] || exec /usr/bin/python3 "$@"
    exec /usr/bin/python3 -I "$(dirname "$(realpath "$0")")/simulated_node_part.py" "$4" ;;
esac
