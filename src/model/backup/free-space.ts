import { sizeText } from '../size.ts';

/** Room on the file system that holds a directory. */
export interface Space {
  readonly directory: string;
  readonly mount: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/**
 * What speaks against a snapshot: a disk with less than `leastPercent` free. A snapshot costs nothing at first, but keeps
 * on disk whatever Cassandra compacts until it is cleared; a full data disk stops the node. Undefined when all is well.
 */
export function tooLittleSpace(spaces: readonly Space[], leastPercent: number): string | undefined {
  const low = spaces.find(({ freeBytes, totalBytes }) => freeBytes * 100 < totalBytes * leastPercent);
  if (low === undefined) {
    return undefined;
  }
  const { directory, mount, freeBytes, totalBytes } = low;
  const place = directory === mount ? mount : `${mount}, with ${directory},`;
  const percent = ((freeBytes * 100) / totalBytes).toFixed(1);
  return `${place} has ${percent} % free (${sizeText(freeBytes)} of ${sizeText(totalBytes)}), less than ${leastPercent} %`;
}
