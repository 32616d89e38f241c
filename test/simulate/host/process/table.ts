import type { Process } from './process.ts';
import type { Signal } from './signals.ts';

/** The processes that run on a host. */
export class ProcessTable {
  readonly #running = new Map<number, Process>();
  #last = 1;

  nextPid(): number {
    this.#last += 1;
    return this.#last;
  }

  add(process: Process): void {
    this.#running.set(process.pid, process);
  }

  remove(process: Process): void {
    this.#running.delete(process.pid);
  }

  get(pid: number): Process | undefined {
    return this.#running.get(pid);
  }

  all(): readonly Process[] {
    return [...this.#running.values()];
  }

  ofGroup(group: number): readonly Process[] {
    return this.all().filter((process) => process.group === group);
  }

  /** As kill(2): a process, or with a negative number a group. False where there is none. */
  kill(pid: number, signal: Signal): boolean {
    const hit = pid < 0 ? this.ofGroup(-pid) : this.all().filter((process) => process.pid === pid);
    for (const process of hit) {
      process.signal(signal);
    }
    return hit.length > 0;
  }
}
