/** The worker thread of lzo-pool.ts. */
import { parentPort, type Transferable } from 'node:worker_threads';
import type { LzoAnswer, LzoJob } from './lzo-jobs.ts';
import { openLzoWork } from './lzo-work.ts';

const work = openLzoWork();

function buffersOf(answer: LzoAnswer): readonly Transferable[] {
  const views = viewsOf(answer).map((view) => view.buffer);
  return [...new Set(views)].filter((buffer) => buffer instanceof ArrayBuffer);
}

function viewsOf(answer: LzoAnswer): readonly Uint8Array[] {
  if (answer.type === 'encode') return [answer.blocks.bytes];
  if (answer.type === 'encodeFiles') return answer.files;
  return answer.type === 'decode' ? answer.pieces : [];
}

const port = parentPort;
if (port === null) throw new TypeError('lzo-worker runs as a worker thread');

async function serve(job: LzoJob): Promise<void> {
  const answer = await work(job);
  port?.postMessage(answer, buffersOf(answer));
}

// One job at a time, in order: a job may wait for lzo-wasm to load while the next message is already here.
let last = Promise.resolve();
port.on('message', (job: LzoJob) => {
  last = last.then(() => serve(job));
});
