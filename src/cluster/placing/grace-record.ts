import type { DataNode } from '../node.ts';
import type { PurgingHold } from '../../model/restore/purging.ts';

/**
 * Which tables have a larger `gc_grace_seconds` than their own since a restore, in `<first data directory>/.sstash-grace` of
 * its nodes: a line of keyspace, table, own and larger value for each. It is written before a table is altered, and so tells
 * the own value after a crash at any moment. Whether a table still has the larger one its schema says.
 */
export async function readHolds({ files, config }: DataNode, signal: AbortSignal): Promise<readonly PurgingHold[]> {
  const [first = ''] = config.dataDirectories;
  const text = await files.run(['sh', '-c', readGraceScript, 'sh', `${first}/${recordName}`], {}, signal);
  return text.split('\n').flatMap((line): readonly PurgingHold[] => {
    // Whoever may write there is Cassandra's user; a line that none of ours has is none.
    const [, keyspace, table, own, held] = /^(\w{1,222})\t(\w{1,222})\t(\d{1,10})\t(\d{1,10})$/.exec(line) ?? [];
    return keyspace === undefined || table === undefined
      ? []
      : [{ keyspace, table, ownSeconds: Number(own), heldSeconds: Number(held) }];
  });
}

/** Writes the record anew; without tables there is none. Throws RemoteError. */
export async function writeHolds({ files, config }: DataNode, holds: readonly PurgingHold[], signal: AbortSignal): Promise<void> {
  const [first = ''] = config.dataDirectories;
  const input = holds
    .map(({ keyspace, table, ownSeconds, heldSeconds }) => `${[keyspace, table, ownSeconds, heldSeconds].join('\t')}\n`)
    .join('');
  await files.run(['sh', '-c', writeGraceScript, 'sh', first, recordName], { input }, signal);
}

const recordName = '.sstash-grace';

export const readGraceScript: string = '[ -L "$1" ] || [ ! -f "$1" ] || head -c 1048576 -- "$1"';

// A new file, and then a rename: a crash leaves the old or the new one, and whatever had the name is not written through.
export const writeGraceScript: string = String.raw`
new=$(mktemp -- "$1/$2.XXXXXXXX") || exit 1
if cat >"$new" && sync "$new"; then
  if [ -s "$new" ]; then mv -f -T -- "$new" "$1/$2"; else rm -f -- "$new" "$1/$2"; fi && exit 0
fi
rm -f -- "$new"; exit 1`;
