import { type DirectParts } from './parts.ts';
import { uploadBatch } from './batch.ts';
import { downloadBatch } from './download-batch.ts';
import { downloadLarge } from './download.ts';
import { uploadLarge } from './upload.ts';
import { type Transfer } from '../transfer.ts';

/**
 * Bytes go from the node straight to the store and back, by requests that this host signs one at a time. The node runs `sh`,
 * `lzop`, `curl` and what POSIX and GNU coreutils have; it gets no credentials, and nothing is left on it.
 *
 * What passes cannot be seen here. Proved instead: that every program ended well and as many bytes were read as the listing
 * promised; of small files, also that what lies in their containers has Cassandra's digests. The manifest records the sum that
 * the node itself made of what it sent.
 */
export function direct(parts: DirectParts): Transfer {
  return {
    upload: (from, unit, signal) => {
      const [only, ...rest] = unit;
      return only !== undefined && rest.length === 0 && only.upload.component.bytes >= aloneFrom
        ? uploadLarge(parts, from, only, signal).then((stored) => [stored])
        : uploadBatch(parts, from, unit, signal);
    },
    download: (unit, to, signal) => {
      const [only, ...rest] = unit;
      return only !== undefined && rest.length === 0 && only.file.bytes >= aloneFrom
        ? downloadLarge(parts, only, to, signal)
        : downloadBatch(parts, unit, to, signal);
    },
  };
}

/** A single file from this size on travels as a stream. */
const aloneFrom = 1024 * 1024;
