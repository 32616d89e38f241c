#!/bin/sh
# nodetool, cqlsh or curl of a simulated node (see simulated-cluster.ts): answers from files in $SIM. Its name says which.
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
  curl)
    case "$*" in --version) echo 'curl 8.0.0 (simulated)'; exit ;; esac
    # Says of every upload that it was stored, of every download that there is no such object; sends nothing.
    exec awk -F '"' '
      function over() {
        if (url == "") return
        code = upload == "" ? 404 : 200
        if (headers != "") { printf "HTTP/1.1 %s\r\nETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n", code >headers; close(headers) }
        if (output != "") { printf "" >output; close(output) }
        sub(/%\{http_code\}/, code, said); sub(/%\{size_download\}/, 0, said); sub(/\\n/, "\n", said)
        printf "%s", said
        url = upload = headers = output = said = ""
      }
      /^url/ { url = $2 }
      /^upload-file/ { upload = $2 }
      /^dump-header/ { headers = $2 }
      /^output/ { output = $2 }
      /^write-out/ { said = $2 }
      /^next/ { over() }
      END { over() }' ;;
esac
