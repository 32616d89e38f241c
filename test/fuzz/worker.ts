/** Gives inputs to one target, in a thread that `run.ts` watches. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Amount, inputsOf } from './corpus.ts';
import { isOwn } from './target.ts';
import { targetOf } from './targets/all.ts';

export interface Work {
  readonly target: string;
  readonly seed: number;
  readonly amount: Amount;
  /** The number of the first input. */
  readonly from: number;
  /** This input alone, instead of all that. */
  readonly only?: Uint8Array;
  /** The number of the input that is at work. */
  readonly progress: Int32Array;
}

/** Which input a target failed on; `index` is past the last one, with no error, when there are no more. */
export interface Outcome {
  readonly index: number;
  readonly error?: { readonly name: string; readonly text: string };
}

const work: Work = workerData;
const target = targetOf(work.target);
const given = work.only === undefined ? undefined : Buffer.from(work.only);
const inputs =
  given === undefined ? inputsOf(target, work.seed, work.amount) : (index: number) => (index === 0 ? given : undefined);

async function outcome(): Promise<Outcome> {
  for (let index = work.from; ; index += 1) {
    const input = inputs(index);
    if (input === undefined) {
      return { index };
    }
    Atomics.store(work.progress, 0, index);
    try {
      await target.check(input);
    } catch (error) {
      if (!isOwn(error)) {
        const { name, stack } = error instanceof Error ? error : new TypeError(`thrown: ${String(error)}`);
        return { index, error: { name, text: stack ?? name } };
      }
    }
  }
}

const told = await outcome();
// The target has threads of its own, which it never ends.
parentPort?.postMessage(told, []);
