/**
 * A shell function that tells whether a process is a Cassandra server: `is_server PROC-DIRECTORY`. The brackets keep the script that it
 * stands in from finding itself. DSE starts Cassandra from a class of its own.
 */
export const isServerScript: string = String.raw`is_server() {
  tr '\0' ' ' 2>/dev/null <"$1/cmdline" | grep -Eq 'org\.apache\.cassandra\.service\.[C]assandraDaemon|com\.datastax\.bdp\.[D]seModule'
}`;
