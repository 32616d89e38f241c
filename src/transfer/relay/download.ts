import { cksumOfTurned, turning } from '../../codec/cksum.ts';
import { enterFunctionScript } from '../../cluster/placing/staging-script.ts';
import type { Command, Remote } from '../../cluster/remote.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { gathered, wholeOf } from '../../flow/gather.ts';
import { limited } from '../../flow/rate-limit.ts';
import { IntegrityError, RemoteError } from '../../model/errors.ts';
import { checkStored, plainBytes } from '../fetch.ts';
import type { StoredFile } from '../../model/backup/manifest.ts';
import { cannotUnpack, hintOfDisk, otherSum } from '../proof.ts';
import { type RelayParts, objectsAtOnce } from './parts.ts';
import { tarOf } from './tar.ts';
import type { Landing, Target } from '../transfer.ts';

/** What OpenSSH takes in one packet. */
const packetBytes = 32 * 1024;

/**
 * One file as a stream: unpacked by the node's lzop where it has one. Then the node also sums what it writes, and Cassandra's
 * digest is held against that; it would take the control host three CPU-seconds per GiB to unpack it only for that.
 */
export async function downloadOne(
  parts: RelayParts,
  { file, path }: Target,
  landing: Landing,
  to: Remote,
  signal: AbortSignal,
): Promise<void> {
  const onNode = file.compression === 'lzo' && parts.hasLzop(to);
  const proved = onNode && file.digest !== undefined;
  const input = onNode ? checkStored(parts.store, file, signal) : plainBytes(parts.store, file, parts.pool, signal);
  const place = [landing.directory, landing.identity, landing.incoming, path];
  const write: Command = proved
    ? ['sh', '-c', unpackAndSumScript, 'sh', ...place]
    : onNode
      ? ['sh', '-c', unpackScript, 'sh', ...place]
      : ['sh', '-c', writeScript, 'sh', ...place];
  let said: string;
  try {
    said = await to.run(write, { input: limited(input, parts.limitOf?.(to), signal) }, signal);
  } catch (error) {
    // The node's lzop may notice damage before this side does, and knows no name for what it reads.
    throw told(error, `${file.key}: `);
  }
  if (proved) {
    proveWritten(to.host, file, said);
  }
}

/** `plainBytes` has stopped before. */
function tooMuch({ key, bytes }: StoredFile): IntegrityError {
  return new IntegrityError(`${key} holds more than ${bytes} bytes of data`, { check: 'plain-size' });
}

/** The error of a command, which knows nothing of what it writes; one that may pass stays as it is. */
function told(error: unknown, of = ''): unknown {
  return error instanceof RemoteError && !error.transient
    ? new RemoteError(`${of}${error.message}`, {
        host: error.host,
        cause: error,
        stderr: error.stderr,
        hint: hintOfDisk(error.stderr) ?? error.hint,
      })
    : error;
}

/** Holds what `unpackAndSumScript` printed against Cassandra's digest. */
function proveWritten(host: string, file: StoredFile, said: string): void {
  const [, sum, bytes] = /^(\d+) (\d+)\s*$/.exec(said) ?? [];
  if (sum === undefined) {
    throw new RemoteError(`${host} did not say the sum of ${file.key}`, { host });
  }
  // The container that was passed on had the right size, by the heads of its blocks.
  if (Number(bytes) !== file.bytes) {
    throw cannotUnpack(host, file.key, `lzop gave ${bytes} bytes instead of ${file.bytes}`);
  }
  if (Number(sum) !== cksumOfTurned(Number.parseInt(file.digest ?? '', 16), file.bytes)) {
    throw otherSum(file, 'plain');
  }
}

// A file that is there is left from another way that was tried.
const beginFile = `${enterFunctionScript}
enter "$1" "$2"
to=./$3/$4
mkdir -p -- "$(dirname -- "$to")" && rm -f -- "$to" && set -C && : >"$to" && set +C || exit 1`;

export const writeScript: string = `${beginFile}\ncat >"$to"`;

export const unpackScript: string = `${beginFile}\nlzop -d -c >"$to"`;

/** Writes what it reads, unpacked, and prints `cksum` of that with the bits of each byte turned round. */
export const unpackAndSumScript: string = `${beginFile}
LC_ALL=C; export LC_ALL
exec 4>&1
ended=$({ { lzop -d -c; echo $? >&3; } | { tee -- "$to"; echo $? >&3; } | tr '\\000-\\377' '${turning}' | { cksum >&4; echo $? >&3; }; } 3>&1)
for status in $ended; do [ "$status" = 0 ] || exit "$status"; done
[ "$ended" = "0
0
0" ]
`;

/** Small files: unpacked here, and written by one `tar`. */
export async function downloadBatch(
  parts: RelayParts,
  unit: readonly Target[],
  landing: Landing,
  to: Remote,
  signal: AbortSignal,
): Promise<void> {
  const entries = sideBySide(unit, objectsAtOnce, async ({ file, path }) => ({
    path,
    body: await wholeOf(plainBytes(parts.store, file, parts.pool, signal), file.bytes, () => tooMuch(file)),
  }));
  // With -m files get the time of the restore. A time out of the header would be the same for every version of a file, and the
  // next backup would take a rewritten Statistics.db for one that it knows.
  const input = limited(gathered(tarOf(entries), packetBytes), parts.limitOf?.(to), signal);
  try {
    await to.run(['sh', '-c', extractScript, 'sh', landing.directory, landing.identity, landing.incoming], { input }, signal);
  } catch (error) {
    throw told(error);
  }
}

export const extractScript: string = `${enterFunctionScript}
enter "$1" "$2"
mkdir -p -- "./$3" && cd -P -- "./$3" && exec tar -x -m -f - --no-same-owner`;
