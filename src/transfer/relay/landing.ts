import type { Remote } from '../../cluster/remote.ts';
import type { Landing, Target } from '../transfer.ts';

/** Where a file lies on the node until its unit is proved. */
export function incomingPath({ directory, incoming }: Landing, path: string): string {
  return `${directory}/${incoming}/${path}`;
}

/** Proves that the unit's files have their sizes, gives them their owner and mode, and their final names. */
export async function placeUnit(unit: readonly Target[], landing: Landing, on: Remote, signal: AbortSignal): Promise<void> {
  const { directory, incoming, owner } = landing;
  const expected = unit.map(({ file, path }) => `${file.bytes}\t${path}`).toSorted(asBytes);
  const command = ['sh', '-c', placeUnitScript, 'sh', `${directory}/${incoming}`, owner, directory] as const;
  await on.run(command, { input: expected.join('\n') }, signal);
}

/** As `LC_ALL=C sort` does it. */
function asBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

// No list of names is laid down beside the files: the directory is Cassandra's user's, who could have put a link in its place.
// chown only as root: an unprivileged user (or --sudo-user cassandra) makes files that are its own already.
// Units of one table finish side by side, and cp fails on a directory that another cp has made since it looked: mkdir -p does not.
export const placeUnitScript: string = `
cd -- "$1" || exit 1
expected=$(cat) && found=$(find . -type f -printf '%s\\t%P\\n' | LC_ALL=C sort) || exit 1
if [ "$found" != "$expected" ]; then
  printf '%s\\n' "$expected" "$found" | LC_ALL=C sort | uniq -u | head -n 3 >&2
  echo 'sizes on disk differ from the manifest' >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then chown -R "$2" . || exit 1; fi
find . -type f -exec chmod 640 {} + && find . -type d -exec chmod 750 {} + || exit 1
find . -type d -print0 | (cd -- "$3" && xargs -0 mkdir -p --) || exit 1
cp -al --remove-destination -- . "$3"/ || exit 1
cd / && rm -rf -- "$1"
`;
