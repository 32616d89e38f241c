import type { Owner } from '../../../../src/model/lock.ts';
import { ownProcess } from '../../clock/process.ts';

/** Stands for `cli/environment.ts`: who a simulated process is. */

export function agentSocket(): string | undefined {
  return undefined;
}

export function defaultKeys(): readonly string[] {
  return [];
}

export function processOwner(): Owner {
  const { host = 'nowhere', pid = 0 } = ownProcess() ?? {};
  return { host, pid, user: 'ops' };
}

export function userId(): number | undefined {
  return 1000;
}

export function userName(): string {
  return 'ops';
}
