import { ownProcess } from '../../clock/process.ts';
import { currentWorld } from '../current-world.ts';

/** Stands for `storage/lock/process-table.ts`: which processes there are on a simulated host. */

export function processTable(): string | undefined {
  return ownProcess()?.host;
}

export function isProcessAlive(pid: number): boolean {
  return currentWorld().isAlive(ownProcess()?.host ?? '', pid);
}
