import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A name for the table that this process's id is from: the boot and the pid namespace. Hosts and containers of the same
 * name differ in it, and so does a host before and after a reboot. Undefined where the system (macOS) does not tell.
 */
export function processTable(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

/** True when a process of this system has that id, whoever it belongs to. */
export function isProcessAlive(pid: number): boolean {
  try {
    // Signal 0 is never delivered: it only asks whether one could be.
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** Whether a process is dead whose parent has not asked yet how it ended: an init process in a container may never ask. */
function isZombie(pid: number): boolean {
  try {
    // As proc(5) says, the state follows the name, which stands in parentheses and may hold any character.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z';
  } catch {
    return false;
  }
}
