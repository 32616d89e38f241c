import type { DataLink, LinkState } from '../../model/node/data-links.ts';
import type { DataNode } from '../node.ts';

/**
 * The symbolic links in the places of keyspaces and tables below the data directories, and of a table's snapshots, incremental
 * files and indexes. What they lead to is looked at as the owner of the data. Throws RemoteError.
 */
export async function readDataLinks(node: DataNode, signal: AbortSignal): Promise<readonly DataLink[]> {
  const command = ['sh', '-c', listDataLinksScript, 'sh', ...node.config.dataDirectories] as const;
  const fields = (await node.files.run(command, {}, signal)).split('\0');
  return Array.from({ length: Math.floor(fields.length / 7) }, (_, index) => {
    const [state = '', path = '', target = '', owner = '', device = '', totalKib = '', freeKib = ''] = fields.slice(
      index * 7,
      index * 7 + 7,
    );
    const room = { totalBytes: bytesOf(totalKib), freeBytes: bytesOf(freeKib) };
    return { state: stateOf(state), path, target, owner, device, ...room };
  });
}

/** From KiB; nothing for what is no such number. */
function bytesOf(kib: string): number {
  return /^\d{1,15}$/.test(kib) ? Number(kib) * 1024 : 0;
}

function stateOf(text: string): LinkState {
  return text === 'good' || text === 'foreign' || text === 'planted' ? text : 'dangling';
}

// Seven fields for each link. Where the data are root's own, a link that somebody else has put there is not followed either.
export const listDataLinksScript: string = String.raw`
owner=$(stat -L -c %u -- "$1" 2>/dev/null) || exit 0
look() {
  [ -L "$1" ] || return 0
  whose='' device='' room='' state=dangling
  to=$(readlink -f -- "$1") && [ -d "$to/" ] || to=
  if [ -n "$to" ]; then
    state=good; whose=$(stat -c %U -- "$to"); device=$(stat -c %d -- "$to"); room=$(df -Pk -- "$to" | awk 'NR==2 { print $2, $4 }')
    [ "$(stat -c %u -- "$to")" = "$owner" ] || state=foreign
    [ "$(id -u)" != 0 ] || [ "$(stat -c %u -- "$1")" = 0 ] || { state=planted; whose=$(stat -c %U -- "$1"); }
  fi
  [ -n "$to" ] || to=$(readlink -- "$1")
  printf '%s\0%s\0%s\0%s\0%s\0%s\0%s\0' "$state" "$1" "$to" "$whose" "$device" "${'$'}{room% *}" "${'$'}{room#* }"
}
for data; do
  for keyspace in "$data"/*; do
    look "$keyspace"
    for table in "$keyspace"/*-*; do
      look "$table"; look "$table/snapshots"; look "$table/backups"
      for index in "$table"/.[!.]*; do look "$index"; done
    done
  done
done`;
