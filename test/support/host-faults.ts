import { setTimeout as delay } from 'node:timers/promises';
import { onHost, runSandbox, type SandboxOptions } from './sandbox.ts';

/** Which sandbox the host is of; the default one if not given. */
type Which = Pick<SandboxOptions, 'state'>;

/**
 * Puts a script of that name before the real program on the host's PATH while `work` runs. The script is bash; the real
 * one is `/usr/bin/<name>`.
 */
export async function withWrapper<T>(
  host: string,
  name: string,
  script: string,
  work: () => Promise<T>,
  which: Which = {},
): Promise<T> {
  const path = `/usr/local/bin/${name}`;
  await runSandbox(['root', host, 'sh', '-c', `cat >${path}.new && chmod 755 ${path}.new && mv ${path}.new ${path}`], {
    ...which,
    input: `#!/bin/bash\n${script}\n`,
  });
  try {
    return await work();
  } finally {
    await onHost(host, `rm -f ${path}`, which);
  }
}

/** Puts right what a test run left behind that was killed before it could do so itself. */
export async function undoFaults(hosts: readonly string[]): Promise<void> {
  await Promise.all(hosts.map((host) => allowConnections(host)));
  const hidden = ['lzop', 'nodetool'].map((name) => `/usr/bin/${name}`);
  const undo = [
    `rm -rf ${heldMark()} /tmp/sstash-once /usr/local/bin/lzop /usr/local/bin/nodetool`,
    ...hidden.map((path) => `[ ! -e ${path}.hidden ] || mv ${path}.hidden ${path}`),
  ];
  await Promise.all(hosts.map((host) => onHost(host, undo.join('; '))));
}

/** Takes a program away from the hosts while `work` runs. */
export async function withoutProgram<T>(hosts: readonly string[], path: string, work: () => Promise<T>): Promise<T> {
  try {
    await Promise.all(hosts.map((host) => onHost(host, `mv ${path} ${path}.hidden`)));
    return await work();
  } finally {
    await Promise.all(hosts.map((host) => onHost(host, `[ ! -e ${path}.hidden ] || mv ${path}.hidden ${path}`)));
  }
}

/**
 * For a wrapper of `nodetool`: lets the real one take its snapshot and then runs `damage` in the directory of the
 * snapshot of faults.blobs, with the name of its largest Data.db in `$f`. The files there are links to the live ones:
 * damage a copy and put it in the link's place.
 */
export function afterSnapshot(damage: string): string {
  return `/usr/bin/nodetool "$@" || exit
case " $* " in *" snapshot "*) ;; *) exit 0 ;; esac
while [ "$1" != -t ]; do shift; done
cd /var/lib/cassandra/data/faults/blobs-*/snapshots/"$2" || exit
f=$(ls -S *-Data.db | head -n 1)
${damage}`;
}

/**
 * For a wrapper of `lzop`: runs `instead` when a Data.db (`$f`) is compressed, and the real one for everything else. The file is standard
 * input; with direct transfer, of whatever kind it is, that is a pipe (`$f` is `-c` then).
 */
export function whenCompressing(instead: string): string {
  return `f=\${!#}; in=$(readlink /proc/$$/fd/0); case $f$in in -c/*) f=$in ;; esac
case $f in *-Data.db | -c) ;; *) exec /usr/bin/lzop "$@" ;; esac
${instead}`;
}

/** For a wrapper: leaves the mark that `untilHeld` waits for, and stays until `release`. */
export const holdOn = `touch ${heldMark()}; while [ -e ${heldMark()} ]; do sleep 0.1; done`;

const giveUpAfterMs = 300_000;

/** Waits until a wrapper of that host has come to `holdOn`; on a busy machine that may take long, so only what hangs gives up. */
export async function untilHeld(host: string, which: Which = {}): Promise<void> {
  for (const giveUpAt = Date.now() + giveUpAfterMs; Date.now() < giveUpAt; await delay(100)) {
    if ((await onHost(host, `[ ! -e ${heldMark()} ] || echo held`, which)).trim() === 'held') {
      return;
    }
  }
  throw new Error(`nothing came to its hold on ${host} within ${giveUpAfterMs / 1000} s`);
}

export async function release(host: string, which: Which = {}): Promise<void> {
  await onHost(host, `rm -f ${heldMark()}`, which);
}

function heldMark(): string {
  return '/tmp/sstash-held';
}

// A host has a process table of its own: these are its own sshd's, and nobody else's.
const killSessions = `for p in /proc/[0-9]*; do
  [ "$(cat $p/comm 2>/dev/null)" != sshd ] || [ "\${p#/proc/}" = "$listener" ] || kill -9 "\${p#/proc/}" 2>/dev/null
done; true`;

/** Breaks every ssh connection to the host. New ones can be made. */
export async function cutConnections(host: string): Promise<void> {
  await onHost(host, `listener=$(cat /run/sshd.pid); ${killSessions}`);
}

/** Breaks every ssh connection to the host and lets nobody in any more, until `allowConnections`. */
export async function cutForGood(host: string): Promise<void> {
  await onHost(host, `kill -9 "$(cat /run/sshd.pid)"; rm /run/sshd.pid; listener=none; ${killSessions}`);
}

/** Has all of the host's sshd stand still, or go on. */
export async function signalSshd(host: string, signal: 'STOP' | 'CONT'): Promise<void> {
  await onHost(
    host,
    `for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" != sshd ] || kill -${signal} "\${p#/proc/}" 2>/dev/null; done; true`,
  );
}

export async function allowConnections(host: string): Promise<void> {
  await onHost(host, '[ -e /run/sshd.pid ] || /usr/sbin/sshd');
}
