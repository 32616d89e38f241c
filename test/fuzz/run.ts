import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { setTimeout as delay } from 'node:timers/promises';
import { type Amount, inputsOf } from './corpus.ts';
import { targetOf } from './targets/all.ts';
import type { Outcome, Work } from './worker.ts';

/** An input that a target did not bear. */
export interface Failure {
  /** `hang`, `memory`, or the name of what was thrown. */
  readonly kind: string;
  readonly text: string;
  readonly input: Buffer;
  /** The number of the input. */
  readonly index: number;
}

/** What one input may take of this process's processors. Other programs on the machine make it no more. */
export const mostCpuSeconds = 10;

/** What one target may hold, inputs of a megabyte included. */
const mostMegabytes = 512;

export interface Order {
  readonly target: string;
  readonly seed: number;
  readonly amount: Amount;
  readonly from?: number;
  readonly only?: Buffer;
  readonly cpuSeconds?: number;
}

/** Runs a target over its inputs, up to the first that it does not bear. Gives how many were tried, too. */
export async function runTarget(order: Order): Promise<{ readonly failure?: Failure; readonly tried: number }> {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const { target, seed, amount, from = 0, only } = order;
  const work: Work = { target, seed, amount, from, progress, ...(only === undefined ? {} : { only }) };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: mostMegabytes },
  });
  const ended = new AbortController();
  const failed = (kind: string, text: string, index: number) => ({
    failure: { kind, text, index, input: only ?? inputsOf(targetOf(target), seed, amount)(index) ?? Buffer.of() },
    tried: index - from + 1,
  });
  try {
    const result = await Promise.race([
      once(worker, 'message').then(([outcome]: readonly Outcome[]) => outcome),
      watch(progress, order.cpuSeconds ?? mostCpuSeconds, ended.signal),
    ]);
    const { index, error } = result ?? { index: Atomics.load(progress, 0), error: { name: 'hang', text: 'it takes too long' } };
    return error === undefined ? { tried: index - from } : failed(error.name, error.text, index);
  } catch (error) {
    const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    return failed(isMemory ? 'memory' : 'crash', String(error), Atomics.load(progress, 0));
  } finally {
    ended.abort();
    await worker.terminate();
  }
}

/** Ends when one input has taken more than it may. */
async function watch(progress: Int32Array, cpuSeconds: number, signal: AbortSignal): Promise<undefined> {
  let [index, before] = [-1, process.cpuUsage()];
  for (;;) {
    await delay(100, undefined, { signal });
    const used = process.cpuUsage(before);
    const now = Atomics.load(progress, 0);
    if (now !== index) {
      [index, before] = [now, process.cpuUsage()];
    } else if ((used.user + used.system) / 1e6 > cpuSeconds) {
      return undefined;
    }
  }
}
