import { EventEmitter } from 'node:events';
import { type LzoAnswer, type LzoJob, memoryOf, type UsedMemory } from '../../../../src/codec/lzo/jobs.ts';
import { openLzoWork } from '../../../../src/codec/lzo/work.ts';

/** Stands for `node:worker_threads`: the thread of `codec/lzo/pool.ts`, which answers at once. Memory that is handed over is gone for whoever had it. */
export class Worker extends EventEmitter {
  readonly #work = openLzoWork();
  #last: Promise<void> = Promise.resolve();

  postMessage(job: LzoJob, moved: readonly ArrayBuffer[]): void {
    const own = structuredClone(job, { transfer: [...moved] });
    this.#last = this.#last.then(async () => this.#answer(own));
  }

  ref(): void {}

  unref(): void {}

  async terminate(): Promise<number> {
    this.removeAllListeners();
    return 0;
  }

  async #answer(job: LzoJob): Promise<void> {
    const answer = await this.#work(job);
    const answered = new Set(viewsOf(answer).map(({ buffer }) => buffer));
    const used = memoryOf(job).filter(({ buffer }) => !answered.has(buffer));
    this.emit('message', { ...answer, used } satisfies LzoAnswer & UsedMemory);
  }
}

function viewsOf(answer: LzoAnswer): readonly Uint8Array[] {
  if (answer.type === 'encode') {
    return [answer.blocks.bytes];
  }
  if (answer.type === 'encodeFiles') {
    return [answer.files.bytes];
  }
  return answer.type === 'decode' ? answer.pieces : [];
}
