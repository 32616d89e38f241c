/** The worker thread of `pool.ts`. */
import { parentPort, type Transferable } from 'node:worker_threads';
import { type LzoAnswer, type LzoJob, memoryOf, type UsedMemory } from './jobs.ts';
import { openLzoWork } from './work.ts';

const work = openLzoWork();

function viewsOf(answer: LzoAnswer): readonly Uint8Array[] {
  if (answer.type === 'encode') {
    return [answer.blocks.bytes];
  }
  if (answer.type === 'encodeFiles') {
    return [answer.files.bytes];
  }
  return answer.type === 'decode' ? answer.pieces : [];
}

/** The job's memory goes back too: V8 lets 64 MB of it lie about here before it collects any. */
function post(answer: LzoAnswer, job: LzoJob): void {
  const answered = new Set(viewsOf(answer).map(({ buffer }) => buffer));
  const used = memoryOf(job).filter(({ buffer }) => !answered.has(buffer));
  const message: LzoAnswer & UsedMemory = { ...answer, used };
  const moved: Transferable[] = [...answered, ...used.map(({ buffer }) => buffer)].filter(
    (buffer) => buffer instanceof ArrayBuffer,
  );
  port?.postMessage(message, moved);
}

const port = parentPort;
if (port === null) {
  throw new TypeError('lzo-worker runs as a worker thread');
}

async function serve(job: LzoJob): Promise<void> {
  post(await work(job), job);
}

// One job at a time, in order: a job may wait for lzo-wasm to load while the next message is already here.
let last = Promise.resolve();
port.on('message', (job: LzoJob) => {
  last = last.then(() => serve(job));
});
