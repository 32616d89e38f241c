import type { Transfer } from '../transfer.ts';
import { downloadUnit } from './download.ts';
import type { DirectParts } from './parts.ts';
import { uploadUnit } from './upload.ts';

/**
 * Bytes go from the node straight to the store and back, by requests that this host signs one at a time. The node runs one
 * program in its Python, and `lzop`; it gets no credentials, and nothing is left on it.
 *
 * What passes cannot be seen here. The node says how many bytes it read, sent, received and wrote, and their CRC-32s; this host
 * holds them against the listing, Cassandra's digest and the manifest, and signs what makes an object only when they agree.
 */
export function direct(parts: DirectParts): Transfer {
  const { programs } = parts;
  return {
    upload: (from, unit, signal) => uploadUnit(parts, programs.on(from), unit, signal),
    download: (unit, landing, to, signal) => downloadUnit({ parts, node: programs.on(to), landing }, unit, signal),
  };
}
