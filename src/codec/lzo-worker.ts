/** The worker thread of lzo-pool.ts. Encoding never loads lzo-wasm, decoding does at its first block. */
import { parentPort, type Transferable } from 'node:worker_threads';
import { IntegrityError, messageOf } from '../model/errors.ts';
import { checkBlocks, type Decoders, decodeBlocks } from './block-decode.ts';
import { encodeBlocks, encodeFiles } from './block-encode.ts';
import { openLzo } from './lzo.ts';
import type { LzoAnswer, LzoJob } from './lzo-jobs.ts';
import { openLzo1x } from './lzo1x.ts';

const lzo1x = openLzo1x();
let decoders: Decoders | undefined;

async function answerOf(job: LzoJob): Promise<LzoAnswer> {
  if (job.type === 'encode') return { type: 'encode', blocks: encodeBlocks(lzo1x, job.bytes) };
  if (job.type === 'encodeFiles') return { type: 'encodeFiles', files: encodeFiles(lzo1x, job.bytes, job.files) };
  decoders ??= { lzo: await openLzo(), lzo1x };
  if (job.type === 'decode') return { type: 'decode', pieces: await decodeBlocks(decoders, job.batch) };
  return { type: 'check', plainCrc32: await checkBlocks(decoders, job.batch) };
}

function failure(error: unknown): LzoAnswer {
  return { type: 'failed', integrity: error instanceof IntegrityError, message: messageOf(error) };
}

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
  const answer = await answerOf(job).catch(failure);
  port?.postMessage(answer, buffersOf(answer));
}

// One job at a time, in order: a job may wait for lzo-wasm to load while the next message is already here.
let last = Promise.resolve();
port.on('message', (job: LzoJob) => {
  last = last.then(() => serve(job));
});
