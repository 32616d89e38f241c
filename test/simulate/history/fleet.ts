import { type ChildProcess, fork } from 'node:child_process';
import type { PlantedBug } from './redirect.ts';
import type { Answer } from './worker.ts';

export interface FleetOptions {
  /** Processes that live histories side by side. */
  readonly workers: number;
  readonly planted?: PlantedBug;
  /** Hears what became of each history. True: that is enough. */
  readonly hear: (answer: Answer) => boolean | void;
}

/** How many seeds a worker gets at once. */
const atOnce = 10;

/** Lives the histories of these seeds in processes of their own. Returns when all are told, or when `hear` has heard enough. */
export async function liveAll(seeds: Iterable<number>, { workers, planted, hear }: FleetOptions): Promise<void> {
  const left = seeds[Symbol.iterator]();
  let isEnough = false;
  const next = (): readonly number[] => {
    const some: number[] = [];
    while (some.length < atOnce && !isEnough) {
      const seed = left.next();
      if (seed.done === true) {
        break;
      }
      some.push(seed.value);
    }
    return some;
  };
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = start(planted);
      try {
        for (let some = next(); some.length > 0; some = next()) {
          await live(worker, some, (answer) => {
            isEnough ||= hear(answer) === true;
            return isEnough;
          });
        }
      } finally {
        worker.kill('SIGKILL');
      }
    }),
  );
}

/** The worker is told the seeds, and heard until it has done with them. Throws when it ends before. */
async function live(worker: ChildProcess, seeds: readonly number[], hear: (answer: Answer) => boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`a worker ended with ${code}, at one of the seeds ${seeds.join(', ')}`));
    const heard = (message: Answer | 'idle' | 'ready'): void => {
      if (message === 'ready') {
        return;
      }
      if (message === 'idle' || hear(message)) {
        worker.off('exit', ended).off('message', heard);
        resolve();
      }
    };
    worker.on('exit', ended).on('message', heard);
    worker.send({ seeds });
  });
}

/** A history makes much that is gone when it ends: what is young gets room enough not to be looked through again and again. */
const roomy: readonly string[] = ['--max-semi-space-size=32'];

function start(planted: PlantedBug | undefined): ChildProcess {
  const args = planted === undefined ? [] : [JSON.stringify(planted)];
  return fork(new URL('./worker.ts', import.meta.url), args, {
    execArgv: [...process.execArgv, ...roomy],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
}
