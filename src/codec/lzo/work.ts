import { IntegrityError, messageOf } from '../../model/errors.ts';
import { type Decoders, decodeBlocks } from '../lzop/block-decode.ts';
import { encodeBlocks, encodeFiles } from '../lzop/block-encode.ts';
import { openLzo } from './wasm.ts';
import type { LzoAnswer, LzoJob } from './jobs.ts';
import { openLzo1x } from './lzo1x.ts';

/** Does jobs on the thread it is called on; never rejects. Encoding never loads lzo-wasm, decoding does at its first block. */
export function openLzoWork(): (job: LzoJob) => Promise<LzoAnswer> {
  const lzo1x = openLzo1x();
  let opened: Promise<Decoders> | undefined;
  const decoders = (): Promise<Decoders> => (opened ??= openLzo().then((lzo) => ({ lzo, lzo1x })));
  const answerOf = async (job: LzoJob): Promise<LzoAnswer> => {
    if (job.type === 'encode') {
      return { type: 'encode', blocks: encodeBlocks(lzo1x, job.bytes) };
    }
    if (job.type === 'encodeFiles') {
      return { type: 'encodeFiles', files: encodeFiles(lzo1x, job.bytes, job.files, job.into) };
    }
    return { type: 'decode', pieces: await decodeBlocks(await decoders(), job.batch) };
  };
  return (job) => answerOf(job).catch(failure);
}

function failure(error: unknown): LzoAnswer {
  return { type: 'failed', integrity: error instanceof IntegrityError, message: messageOf(error) };
}
