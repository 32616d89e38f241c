import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { BackupError, IntegrityError, messageOf } from '../../model/errors.ts';
import type { BlockBatch } from '../lzop/block-decode.ts';
import { type EncodedBlocks, type FileToEncode, mostFilesBytes } from '../lzop/block-encode.ts';
import { type LzoAnswer, type LzoJob, memoryOf, type UsedMemory } from './jobs.ts';
import { openLzoWork } from './work.ts';
import { encodeHeader } from '../lzop/format.ts';

/** Jobs that a worker holds: one at work, and one so that it need not wait for the next message. */
const jobsPerWorker = 2;

/** Blocks of so few plain bytes are decoded sooner than a message has gone to a thread and come back. */
const decodedHere = 32 * 1024;

interface Waiting {
  readonly job: LzoJob;
  /** The memory that moves to the thread. */
  readonly buffers: readonly ArrayBuffer[];
  readonly resolve: (answer: LzoAnswer) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  /** Jobs it was given and has not answered, oldest first. */
  readonly jobs: Waiting[];
}

export interface LzoPoolOptions {
  /** Worker threads at most; they start when there is work. By default one per core, four at most. */
  readonly threads?: number;
  /** Another program for the threads; the tests break it on purpose. */
  readonly worker?: URL;
}

/**
 * Worker threads that encode and decode LZO blocks; a few small blocks are decoded on the caller's own.
 *
 * Bytes handed over are given away: their whole ArrayBuffer moves to the thread and is empty afterwards (a Node Buffer is
 * copied, since it may share its memory with others). Work waits in line without limit, so a caller keeps only a few
 * promises open at a time. Every promise settles: a thread that dies rejects what it held with a BackupError, the next job
 * starts another one; close() rejects the rest. Damage found while decoding is an IntegrityError.
 */
export class LzoPool {
  readonly threads: number;
  readonly #program: URL | undefined;
  readonly #running = new Set<Thread>();
  readonly #waiting: Waiting[] = [];
  readonly #spare: ArrayBuffer[] = [];
  #own: ReturnType<typeof openLzoWork> | undefined;
  #closed = false;

  constructor(options: LzoPoolOptions = {}) {
    this.threads = options.threads ?? Math.max(1, Math.min(4, availableParallelism()));
    this.#program = options.worker;
  }

  /** Memory for bytes that will be handed over; what comes back from the threads is used again. Holds anything at first. */
  take(bytes: number): Uint8Array {
    const position = this.#spare.findIndex((buffer) => buffer.byteLength >= bytes);
    // Where none is large enough one goes, or small ones would fill the list for good.
    const [spare] = this.#spare.splice(Math.max(position, 0), 1);
    const buffer = position < 0 || spare === undefined ? new ArrayBuffer(bytes) : spare;
    return new Uint8Array(buffer, 0, bytes);
  }

  /** The whole memory beneath `bytes`, which nobody reads any more, may be used again. To be said once. */
  give({ buffer }: Uint8Array): void {
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength === 0) {
      return;
    }
    if (this.#spare.length < 2 * this.threads * jobsPerWorker) {
      this.#spare.push(buffer);
    }
  }

  /** Frames `bytes` (a few MiB) as blocks of 256 KiB; all but a container's last call bring a multiple of that. */
  async encode(bytes: Uint8Array): Promise<EncodedBlocks> {
    const answer = await this.#run({ type: 'encode', bytes: owned(bytes) });
    if (answer.type !== 'encode') {
      throw unexpected(answer);
    }
    return answer.blocks;
  }

  /**
   * A whole container for each of the files that lie in `bytes`; one message for all of them (a few MiB together). They lie in
   * the memory of the first, one after the other: `give` it back when nobody reads them any more.
   */
  async encodeFiles(bytes: Uint8Array, files: readonly FileToEncode[]): Promise<readonly Uint8Array[]> {
    const packed = files.map(({ name, modified, from, bytes: size }) => ({
      header: encodeHeader(name, modified),
      from,
      bytes: size,
    }));
    const into = this.take(mostFilesBytes(packed));
    const answer = await this.#run({ type: 'encodeFiles', bytes: owned(bytes), files: packed, into });
    if (answer.type !== 'encodeFiles') {
      throw unexpected(answer);
    }
    let end = 0;
    return answer.files.sizes.map((size) => answer.files.bytes.subarray(end, (end += size)));
  }

  /** The verified plain bytes of each block. */
  async decode(batch: BlockBatch): Promise<readonly Uint8Array[]> {
    const answer = isSmall(batch)
      ? await this.#here({ type: 'decode', batch })
      : await this.#run({ type: 'decode', batch: { ...batch, bytes: owned(batch.bytes) } });
    if (answer.type !== 'decode') {
      throw unexpected(answer);
    }
    return answer.pieces;
  }

  /** Ends the threads; what is not done yet is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(closed());
    }
    const threads = [...this.#running];
    for (const thread of threads) {
      this.#lose(thread, closed());
    }
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  async #run(job: LzoJob): Promise<LzoAnswer> {
    if (this.#closed) {
      throw closed();
    }
    const buffers = memoryOf(job).flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
    const answer = await new Promise<LzoAnswer>((resolve, reject) => {
      this.#waiting.push({ job, buffers, resolve, reject });
      this.#assign();
    });
    return unlessFailed(answer);
  }

  async #here(job: LzoJob): Promise<LzoAnswer> {
    if (this.#closed) {
      throw closed();
    }
    this.#own ??= openLzoWork();
    return unlessFailed(await this.#own(job));
  }

  /** Gives waiting jobs to whoever has least to do, starting a thread while there may be more. */
  #assign(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const thread = this.#leastBusy();
      if (thread === undefined) {
        return;
      }
      this.#waiting.shift();
      if (thread.jobs.length === 0) {
        thread.worker.ref();
      }
      thread.jobs.push(next);
      try {
        thread.worker.postMessage(next.job, next.buffers);
      } catch (error) {
        thread.jobs.pop();
        if (thread.jobs.length === 0) {
          thread.worker.unref();
        }
        next.reject(new BackupError('bytes cannot be handed to an lzo worker', { cause: error }));
      }
    }
  }

  #leastBusy(): Thread | undefined {
    let best: Thread | undefined;
    for (const thread of this.#running) {
      if (thread.jobs.length < (best?.jobs.length ?? jobsPerWorker)) {
        best = thread;
      }
    }
    return best?.jobs.length !== 0 && this.#running.size < this.threads ? this.#start() : best;
  }

  #start(): Thread {
    const thread: Thread = { worker: startWorker(this.#program), jobs: [] };
    thread.worker.on('message', (answer: LzoAnswer & UsedMemory) => {
      for (const memory of answer.used ?? []) {
        this.give(memory);
      }
      thread.jobs.shift()?.resolve(answer);
      // An idle thread must not keep the process alive, a busy one must.
      if (thread.jobs.length === 0) {
        thread.worker.unref();
      }
      this.#assign();
    });
    thread.worker.on('error', (error) =>
      this.#lose(thread, new BackupError(`lzo worker crashed: ${messageOf(error)}`, { cause: error })),
    );
    thread.worker.on('exit', (code) => this.#lose(thread, new BackupError(`lzo worker ended with exit code ${code}`)));
    this.#running.add(thread);
    return thread;
  }

  #lose(thread: Thread, error: BackupError): void {
    if (!this.#running.delete(thread)) {
      return;
    }
    for (const { reject } of thread.jobs.splice(0)) {
      reject(error);
    }
    this.#assign();
  }
}

/** See LzoPool; close it in the end. */
export function openLzoPool(options: LzoPoolOptions = {}): LzoPool {
  return new LzoPool(options);
}

/** In `dist` the worker is plain JavaScript, beside this module; from source (tests, `npm run dev`) it is TypeScript. */
function startWorker(program: URL | undefined): Worker {
  return new Worker(program ?? new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url));
}

function isSmall({ blocks }: BlockBatch): boolean {
  return blocks.reduce((sum, { plainBytes }) => sum + plainBytes, 0) <= decodedHere;
}

function unlessFailed(answer: LzoAnswer): LzoAnswer {
  if (answer.type !== 'failed') {
    return answer;
  }
  throw answer.integrity ? new IntegrityError(answer.message) : new BackupError(`lzo worker failed: ${answer.message}`);
}

function owned(bytes: Uint8Array): Uint8Array {
  return bytes instanceof Buffer && bytes.byteLength !== bytes.buffer.byteLength ? Uint8Array.from(bytes) : bytes;
}

function closed(): BackupError {
  return new BackupError('lzo pool is closed');
}

function unexpected(answer: LzoAnswer): BackupError {
  return new BackupError(`lzo worker answered ${answer.type}`);
}
