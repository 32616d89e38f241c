import { enterFunctionScript } from '../../cluster/placing/staging-script.ts';
import type { Remote } from '../../cluster/remote.ts';
import type { Landing, Target } from '../transfer.ts';

/** Proves that the unit's files have their sizes, gives them their mode, and their final names. */
export async function placeUnit(unit: readonly Target[], landing: Landing, on: Remote, signal: AbortSignal): Promise<void> {
  const { directory, identity, incoming } = landing;
  const expected = unit.map(({ file, path }) => `${file.bytes}\t${path}`).toSorted(asBytes);
  const command = ['sh', '-c', placeUnitScript, 'sh', directory, identity, incoming] as const;
  await on.run(command, { input: expected.join('\n'), verb: 'import', what: 'the placing of files that were fetched' }, signal);
}

/** As `LC_ALL=C sort` does it. */
function asBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

// No list of names is laid down beside the files: their owner could have put a link in its place.
// cp gives the mode of what it copies from to where it copies to.
// Units of one table finish side by side, and cp fails on a directory that another cp has made since it looked: mkdir -p does not.
export const placeUnitScript: string = `${enterFunctionScript}
enter "$1" "$2"
in=./$3
list() { find "$in/" -mindepth 1 "$@"; }
expected=$(cat) && found=$(list -type f -printf '%s\\t%P\\n' | LC_ALL=C sort) || exit 1
if [ "$found" != "$expected" ]; then
  printf '%s\\n' "$expected" "$found" | LC_ALL=C sort | uniq -u | head -n 3 >&2
  echo 'sizes on disk differ from the manifest' >&2
  exit 1
fi
list -type f -exec chmod 640 {} + && list -type d -exec chmod 750 {} + || exit 1
list -type d -printf '%P\\0' | xargs -0 -r mkdir -p -- || exit 1
chmod --reference=. -- "$in" || exit 1
cp -al --remove-destination -- "$in/." . || exit 1
rm -rf -- "$in"
`;
