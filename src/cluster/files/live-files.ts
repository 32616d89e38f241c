import type { DataNode } from '../node.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Remote } from '../remote.ts';
import { entriesIn } from './find-links.ts';
import { unreadable } from './snapshot.ts';

/** A live sstable component; `directory` is `<keyspace>/<table>-<id>`. */
export interface LiveFile {
  readonly directory: string;
  readonly bytes: number;
}

/** The live sstables of a node, index directories included, snapshots and backups not. For sizes, not for copying. */
export async function* listLiveFiles(node: DataNode, signal: AbortSignal): AsyncGenerator<LiveFile> {
  const remote = node.files;
  for (const directory of node.config.dataDirectories) {
    try {
      yield* liveFilesIn(remote, directory, signal);
    } catch (error) {
      if (!(error instanceof RemoteError)) {
        throw error;
      }
      if (!onlyGone(error)) {
        throw unreadable(remote, 'live sstables', directory, error);
      }
    }
  }
}

async function* liveFilesIn(remote: Remote, directory: string, signal: AbortSignal): AsyncGenerator<LiveFile> {
  const listing = remote.read(['sh', '-c', listLiveFilesScript, 'sh', directory], { what: 'the list of files' }, signal);
  for await (const entries of entriesIn(listing, `${directory} on ${remote.host}`)) {
    yield* entries.map((entry) => parseEntry(entry.toString('utf8')));
  }
}

// No deeper than an index of a table: a link to what it lies in would have no end.
export const listLiveFilesScript: string = String.raw`cd -- "$1" && LC_ALL=C && export LC_ALL && exec find -L . -ignore_readdir_race -maxdepth 4 \( -name snapshots -o -name backups -o -path ./lost+found -o -path './.[!.]*' \) -prune -o -type f -path './*/*/*' -printf '%s\t%P\0'`;

/** Files and directories come and go under a running Cassandra: what is gone is no error for a size. */
function onlyGone({ stderr }: RemoteError): boolean {
  const lines = stderr.trim().split('\n');
  return lines.every((line) => line.startsWith('find: ') && line.endsWith(': No such file or directory'));
}

function parseEntry(entry: string): LiveFile {
  const [bytes = '0', path = ''] = entry.split('\t');
  return { directory: path.split('/').slice(0, 2).join('/'), bytes: Number(bytes) };
}
