import type { BlockBatch } from '../lzop/block-decode.ts';
import type { EncodedBlocks, EncodedFiles, PackedFile } from '../lzop/block-encode.ts';

/** What the pool asks of a worker thread; the buffers beneath the bytes travel along. */
export type LzoJob =
  | { readonly type: 'encode'; readonly bytes: Uint8Array }
  | {
      readonly type: 'encodeFiles';
      readonly bytes: Uint8Array;
      readonly files: readonly PackedFile[];
      readonly into: Uint8Array;
    }
  | { readonly type: 'decode'; readonly batch: BlockBatch };

/** What a worker thread answers, in the order of the jobs. Errors lose their class on the way, so it goes by name. */
export type LzoAnswer =
  | { readonly type: 'encode'; readonly blocks: EncodedBlocks }
  | { readonly type: 'encodeFiles'; readonly files: EncodedFiles }
  | { readonly type: 'decode'; readonly pieces: readonly Uint8Array[] }
  | { readonly type: 'failed'; readonly integrity: boolean; readonly message: string };

/** With an answer: the memory of the job that did not go into it. */
export interface UsedMemory {
  readonly used?: readonly Uint8Array[];
}

/** What moves to the thread with a job, and back with its answer. */
export function memoryOf(job: LzoJob): readonly Uint8Array[] {
  if (job.type === 'decode') {
    return [job.batch.bytes];
  }
  return job.type === 'encode' ? [job.bytes] : [job.bytes, job.into];
}
