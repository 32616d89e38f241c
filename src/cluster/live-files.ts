import { RemoteError } from '../model/errors.ts';
import type { Remote } from './remote.ts';
import { unreadable } from './snapshot.ts';

/** A live sstable component; `directory` is `<keyspace>/<table>-<id>`. */
export interface LiveFile {
  readonly directory: string;
  readonly bytes: number;
}

/** The live sstables of a node, index directories included, snapshots and backups not. For sizes, not for copying. */
export async function* listLiveFiles(
  remote: Remote,
  dataDirectories: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<LiveFile> {
  for (const directory of dataDirectories) {
    try {
      yield* liveFilesIn(remote, directory, signal);
    } catch (error) {
      throw error instanceof RemoteError ? unreadable(remote, 'live sstables', directory, error) : error;
    }
  }
}

async function* liveFilesIn(remote: Remote, directory: string, signal: AbortSignal): AsyncGenerator<LiveFile> {
  // Files come and go under a running Cassandra, so find may complain of one that is gone: no error for a size.
  const script = String.raw`cd -- "$1" && { find . -mindepth 3 \( -name snapshots -o -name backups \) -prune -o -type f -printf '%s\t%P\0' || true; }`;
  let rest = '';
  for await (const chunk of remote.read(['sh', '-c', script, 'sh', directory], { signal })) {
    const entries = (rest + Buffer.from(chunk).toString('utf8')).split('\0');
    rest = entries.pop() ?? '';
    yield* entries.map(parseEntry);
  }
}

function parseEntry(entry: string): LiveFile {
  const [bytes = '0', path = ''] = entry.split('\t');
  return { directory: path.split('/').slice(0, 2).join('/'), bytes: Number(bytes) };
}
