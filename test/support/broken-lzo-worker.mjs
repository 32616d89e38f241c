// Stands in for src/codec/lzo-worker.ts and dies at its first message, in the way its query string says.
import { parentPort } from 'node:worker_threads';

const way = new URL(import.meta.url).search.slice(1);
if (way === 'start') throw new Error('cannot start');
parentPort.on('message', () => {
  if (way === 'exit') process.exit(7);
  if (way === 'throw') throw new Error('out of order');
  if (way === 'silent') return;
  parentPort.postMessage({ type: 'check', plainCrc32: 0 });
});
