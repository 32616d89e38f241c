import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * CPU time is counted by control groups, not by adding up /proc/<pid>/stat: the kernel charges a group for every process
 * that was ever in it, so nothing is lost of the hundreds of short ones (sudo, sh, lzop, sshd's children, which sshd
 * disowns), and children inherit their parent's group across `sudo`, `chroot` and pid namespaces. Needs root.
 */
export interface CpuGroups {
  /** Program that a person starts: sstash, aws, rclone. */
  readonly client: CpuGroup;
  /** What sshd runs on the node, less the next one. */
  readonly node: CpuGroup;
  /** nodetool and cqlsh on the node: starts of a JVM and of Python, the same however many bytes are moved. */
  readonly tools: CpuGroup;
  /** The S3 server. */
  readonly server: CpuGroup;
}

export interface CpuGroup {
  /** Writing 0 (or a pid) to this file brings the writer (or that process) in, with all children it will have. */
  readonly procs: string;
  /** CPU seconds, user and system, of all that is and was in it. */
  seconds(): number;
  pids(): readonly number[];
}

const names = ['client', 'node', 'tools', 'server'] as const;

/** Makes the four groups; `remove` them when their processes have ended. Throws where there are no control groups to make. */
export function makeCpuGroups(): { readonly groups: CpuGroups; readonly remove: () => void } {
  // Version 1 where its cpuacct controller is mounted; in version 2 every group counts, whatever controllers are on.
  const first = existsSync('/sys/fs/cgroup/cpuacct/cgroup.procs');
  const top = join(first ? '/sys/fs/cgroup/cpuacct' : '/sys/fs/cgroup', `sstash-bench-${process.pid}`);
  const [client, node, tools, server] = names.map((name) => {
    const directory = join(top, name);
    mkdirSync(directory, { recursive: true });
    return groupIn(directory, first);
  });
  if (client === undefined || node === undefined || tools === undefined || server === undefined) {
    throw new Error('no control groups');
  }
  const remove = (): void => {
    for (const name of names) {
      rmdirSync(join(top, name));
    }
    rmdirSync(top);
  };
  return { groups: { client, node, tools, server }, remove };
}

function groupIn(directory: string, first: boolean): CpuGroup {
  const procs = join(directory, 'cgroup.procs');
  return {
    procs,
    seconds: () =>
      first
        ? Number(readFileSync(join(directory, 'cpuacct.usage'), 'utf8')) / 1e9
        : Number(/^usage_usec (\d+)/m.exec(readFileSync(join(directory, 'cpu.stat'), 'utf8'))?.[1]) / 1e6,
    pids: () =>
      readFileSync(procs, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map(Number),
  };
}

/** Brings a running process (and the children it will have) into a group. */
export function enter(group: CpuGroup, pid: number): void {
  writeFileSync(group.procs, `${pid}`);
}

/** CPU seconds of everything on this machine since it started, idle and waiting for disks left out. */
export function machineSeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  // user nice system idle iowait irq softirq steal, in ticks of which Linux tells programs that there are 100 a second.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/ +/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / 100;
}
