import { RemoteError } from '../../model/errors.ts';
import type { Remote } from '../remote.ts';
import { readPlainScript } from './plain-files.ts';

/** A small file on a node, by its path below some directory, and the size it is known to have. */
export interface SmallFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Reads many small files in one remote call, each whole, in the order given. `cat` puts no marks between files, so the
 * known sizes divide the stream. Throws RemoteError when one cannot be read or the sizes do not add up.
 */
export async function* readSmallFiles<F extends SmallFile>(
  remote: Remote,
  directory: string,
  files: readonly F[],
  signal: AbortSignal,
): AsyncGenerator<{ readonly file: F; readonly content: Buffer }> {
  if (files.length === 0) {
    return;
  }
  refuseLarge(remote, directory, files);
  const input = files.map((file) => `${file.path}\0`).join('');
  const stream = remote.read(['sh', '-c', readInScript, 'sh', directory], { input, what: 'the reading of small files' }, signal);
  const chunks = stream[Symbol.asyncIterator]();
  try {
    let rest = new Uint8Array();
    for (const file of files) {
      const parts: Uint8Array[] = [];
      for (let missing = file.bytes; missing > 0;) {
        if (rest.length === 0) {
          const next = await chunks.next();
          if (next.done === true) {
            throw changed(remote, directory);
          }
          // a copy: the stream may use its buffer again
          rest = Uint8Array.from(next.value);
          continue;
        }
        const part = rest.subarray(0, missing);
        parts.push(part);
        rest = rest.subarray(part.length);
        missing -= part.length;
      }
      yield { file, content: Buffer.concat(parts) };
    }
    // Only the end of the stream says that every file could be read.
    for (let next = await chunks.next(); next.done !== true || rest.length > 0; next = await chunks.next()) {
      if (rest.length > 0 || next.value.length > 0) {
        throw changed(remote, directory);
      }
    }
  } finally {
    await chunks.return?.();
  }
}

/** Bytes of one such file, and of all together: 41,000 sstables make a list of 2 MB, 10,000 tables some 100 MB of such files. */
const mostBytes = 32 * 1024 ** 2;
const mostTogether = 512 * 1024 ** 2;

/** They are held in memory, and a node says of itself how long they are. */
function refuseLarge(remote: Remote, directory: string, files: readonly SmallFile[]): void {
  const large = files.find(({ bytes }) => bytes > mostBytes);
  if (large !== undefined || files.reduce((sum, { bytes }) => sum + bytes, 0) > mostTogether) {
    const what = large === undefined ? 'the lists and digests together' : `${large.path}, with ${large.bytes} bytes,`;
    throw new RemoteError(`${what} in ${directory} on ${remote.host} cannot be what Cassandra writes: too large`, {
      host: remote.host,
    });
  }
}

export const readInScript: string = `# shellcheck disable=SC2016 # for another shell
cd -- "$1" && exec xargs -0 sh -c '${readPlainScript}' sh`;

function changed(remote: Remote, directory: string): RemoteError {
  return new RemoteError(`files in ${directory} on ${remote.host} changed their size while they were read`, {
    host: remote.host,
    transient: true,
  });
}
