import { downloadBatch, downloadOne } from './download.ts';
import { placeUnit } from './landing.ts';
import type { RelayParts } from './parts.ts';
import { uploadBatch, uploadOne } from './upload.ts';
import type { Transfer } from '../transfer.ts';

/**
 * Bytes go through the control host: node → ssh → store, and back.
 *
 * Large files are compressed by `lzop` on the node where it is, and are never held in memory. Small files travel
 * together in one `cat` stream that is cut by the known sizes; one exec per file would give 18–300 files/s instead of
 * thousands. Such a batch is held in memory until the exit status has shown that it is whole, and only then stored.
 */
export function relay(parts: RelayParts): Transfer {
  return {
    upload: (from, unit, signal) => {
      const [only, ...rest] = unit;
      return only !== undefined && rest.length === 0 && only.upload.component.bytes >= streamedFrom
        ? uploadOne(parts, from, only, signal).then((stored) => [stored])
        : uploadBatch(parts, from, unit, signal);
    },
    download: async (unit, landing, to, signal) => {
      const [only, ...rest] = unit;
      await (only !== undefined && rest.length === 0 && only.file.bytes >= streamedFrom
        ? downloadOne(parts, only, landing, to, signal)
        : downloadBatch(parts, unit, landing, to, signal));
      await placeUnit(unit, landing, to, signal);
    },
  };
}

/** A single file from this size on is streamed; below it is treated as a batch of one. */
const streamedFrom = 1024 * 1024;
