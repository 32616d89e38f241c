/**
 * A shell function that tells whose processes and sockets count, in `$known`.
 *
 * `known_users [UID…]` says who counts from then on. Given the owner of the data: that user and root. Given none, or root alone, those
 * whom a server can run as without anybody having said so: root, the login (behind sudo, too), and the users that the packages make.
 * Anybody else who has an account on the node may start a process that is called like a server.
 */
export const knownUsersScript: string = String.raw`# shellcheck disable=SC2034 # it is what is asked for
known_users() {
  known=" 0 $* "
  case $* in *[1-9]*) ;; *) known=" 0 $(id -u) ${'$'}{SUDO_UID:-} $(id -u cassandra 2>/dev/null) $(id -u scylla 2>/dev/null) " ;; esac
}`;

/**
 * More of them, that tell whose a process is.
 *
 * `trusted PROC-DIRECTORY` looks at the real user id alone, which only root can change, and not at the owner of the directory, which any
 * process can make root. It leaves the id in `$uid`. A program that has root's rights by its mode (setuid, as `sudo` that waits for a
 * password) was started by anybody, with arguments that anybody chose, and does not count. Of a process that does not count nothing is
 * read but its status: its command line is memory of its own, which it can make a reader wait for.
 */
export const trustedScript: string = String.raw`${knownUsersScript}
real_user() {
  { while read -r key uid _; do [ "$key" != Uid: ] || return 0; done <"$1/status"; } 2>/dev/null
  uid=; return 1
}
trusted() { real_user "$1" && case $known in *" $uid "*) [ ! -u "$1/exe" ] ;; *) false ;; esac; }`;

/**
 * More of them: `servers` prints the directories in /proc of the Cassandra servers that count, each in a line. The brackets keep the script that it
 * stands in from finding itself. DSE starts Cassandra from a class of its own.
 */
export const serversScript: string = String.raw`${trustedScript}
servers() {
  for p in /proc/[0-9]*; do ! trusted "$p" || echo "$p/cmdline"; done |
    xargs -r grep -alE 'org\.apache\.cassandra\.service\.[C]assandraDaemon|com\.datastax\.bdp\.[D]seModule' 2>/dev/null | sed 's,/cmdline$,,'
}`;
