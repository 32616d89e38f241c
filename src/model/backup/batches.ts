/** Units of work: one large file, or many small ones that travel in one stream. */
export interface BatchLimits {
  /** Files of this size and more travel alone. */
  readonly largeBytes: number;
  /** A batch is held in memory while it is checked, so this bounds memory. */
  readonly batchBytes: number;
  readonly batchFiles: number;
}

export const batchLimits: BatchLimits = { largeBytes: 1024 * 1024, batchBytes: 8 * 1024 * 1024, batchFiles: 500 };

/** Groups files into units, largest single files first so that the long ones do not start last. */
export function batchBySize<T>(
  files: readonly T[],
  bytesOf: (file: T) => number,
  limits: BatchLimits = batchLimits,
): readonly (readonly T[])[] {
  const large = files.filter((file) => bytesOf(file) >= limits.largeBytes).toSorted((a, b) => bytesOf(b) - bytesOf(a));
  const batches: T[][] = [];
  let open: T[] = [];
  let openBytes = 0;
  for (const file of files) {
    const bytes = bytesOf(file);
    if (bytes >= limits.largeBytes) {
      continue;
    }
    if (open.length > 0 && (openBytes + bytes > limits.batchBytes || open.length >= limits.batchFiles)) {
      batches.push(open);
      open = [];
      openBytes = 0;
    }
    open.push(file);
    openBytes += bytes;
  }
  if (open.length > 0) {
    batches.push(open);
  }
  return [...large.map((file) => [file]), ...batches];
}
