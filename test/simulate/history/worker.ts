import { interpose } from '../clock/interpose.ts';
import { injectedIn } from '../weather/injected.ts';
import { type PlantedBug, redirect } from './redirect.ts';

/** What a worker is asked: to live these histories. */
export interface Task {
  readonly seeds: readonly number[];
}

/** Of each history what became of it. */
export interface Answer {
  readonly seed: number;
  /** Undefined where the world broke. */
  readonly digest?: string;
  readonly faults: readonly string[];
  /** Of a history with faults. */
  readonly lines: readonly string[];
  /** How often what was made to fail, by kind. */
  readonly injected: Readonly<Record<string, number>>;
  readonly broken?: string;
}

/** A process that lives histories, one after the other: seeds come by message, answers go so. With a planted bug, if one is named. */
// Stacks of errors that are expected cost a fifth of the time; `replay.ts` has them.
Error.stackTraceLimit = 0;
const planted = process.argv[2];
redirect(planted === undefined ? [] : [parsed(planted)]);
interpose();
const { runHistory } = await import('./run-history.ts');

process.on('message', (task: Task) => {
  void live(task);
});
process.send?.('ready');

async function live({ seeds }: Task): Promise<void> {
  for (const seed of seeds) {
    process.send?.(await answerOf(seed));
  }
  process.send?.('idle');
}

async function answerOf(seed: number): Promise<Answer> {
  try {
    const { digest, faults, lines } = await runHistory(seed);
    return { seed, digest, faults, lines: faults.length > 0 ? lines : [], injected: injectedIn(lines) };
  } catch (error) {
    return {
      seed,
      faults: [],
      lines: [],
      injected: {},
      broken: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

function parsed(text: string): PlantedBug {
  return JSON.parse(text);
}
