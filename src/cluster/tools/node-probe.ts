import { RemoteError } from '../../model/errors.ts';
import { visibleInLine } from '../../model/visible.ts';
import { isPlainPath } from '../../model/node/told.ts';
import type { Remote } from '../remote.ts';
import { runTool } from './run-tool.ts';

/** A program on a node. */
export interface NodeTool {
  readonly path: string;
  /** The first line of what `--version` prints; empty when it printed nothing. */
  readonly version: string;
}

/** Room on the file system that holds a directory, or will hold it once it is made. */
export interface DirectorySpace {
  readonly directory: string;
  readonly exists: boolean;
  readonly mount: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What a node offers to those who log in. */
export interface NodeProbe {
  readonly lzop: NodeTool | undefined;
  /** Python 3: the first that is 3.6 or newer, else any; the version is its number alone. */
  readonly python: NodeTool | undefined;
  readonly space: readonly DirectorySpace[];
  /** How far its clock is ahead of this host's, to a second; behind where negative. Undefined where it does not tell. */
  readonly clockAheadMs?: number | undefined;
}

/**
 * Finds out, in one call, what a node has: programs, and room for the given directories.
 * Throws RemoteError when a shell there cannot even say that.
 */
export async function probeNode(remote: Remote, directories: readonly string[], signal: AbortSignal): Promise<NodeProbe> {
  const askedAt = Date.now();
  const output = await runTool(remote, ['sh', '-c', probeToolsScript, 'sh', ...directories], {}, signal);
  const tools = parseProbe(output.stdout, directories);
  if (output.status !== 0 || tools === undefined) {
    const line = output.stderr.trim().split('\n').at(-1) ?? '';
    throw new RemoteError(`the tools of ${remote.host} cannot be found out${line === '' ? '' : `: ${line}`}`, {
      host: remote.host,
      status: output.status,
      stderr: output.stderr.slice(-2000),
    });
  }
  return { ...tools, clockAheadMs: aheadOf(output.stdout, askedAt, Date.now()) };
}

/** The time between question and answer is nobody's skew. */
function aheadOf(text: string, askedAt: number, answeredAt: number): number | undefined {
  const seconds = /^now\t(\d{1,11})$/m.exec(text)?.[1];
  if (seconds === undefined) {
    return undefined;
  }
  const began = Number(seconds) * 1000;
  return began > answeredAt ? began - answeredAt : Math.min(0, began + 1000 - askedAt);
}

/** Reads the answer of the probe; undefined when anything is missing from it. */
export function parseProbe(text: string, directories: readonly string[]): NodeProbe | undefined {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const fields = new Map(lines.map(([name = '', ...values]) => [name, values]));
  const tool = (name: string): NodeTool | undefined => {
    const [path, version] = fields.get(name) ?? [];
    // A shell answers with the name alone where it has such a function: that is no program for others to start.
    return path === undefined || !isPlainPath(path) ? undefined : { path, version: visibleInLine(version ?? '').slice(0, 200) };
  };
  const spaces = lines.filter(([name]) => name === 'space').map(([, exists = '', ...df]) => parseSpace(exists, df.join('\t')));
  const space = directories.flatMap((directory, index) => {
    const found = spaces[index];
    return found === undefined ? [] : [{ directory, ...found }];
  });
  if (space.length !== directories.length) {
    return undefined;
  }
  return {
    lzop: tool('lzop'),
    python: tool('python'),
    space,
  };
}

// `name TAB values` per line. A directory that is not there yet will lie on its nearest existing parent's file system.
export const probeToolsScript: string = String.raw`
place=$(command -v lzop) && printf 'lzop\t%s\t%s\n' "$place" "$(lzop --version </dev/null 2>/dev/null | head -n 1 | tr '\t' ' ')"
limit='' python='' version=''
! command -v timeout >/dev/null || limit='timeout 20'
for tool in python3 /usr/libexec/platform-python /opt/scylladb/python3/bin/python3; do
  place=$(command -v "$tool") || continue
  found=$(cd / && $limit "$place" -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 6))' </dev/null 2>/dev/null)
  status=$?
  [ $status != 124 ] || found='no answer within 20 s'
  [ -n "$found" ] || continue
  if [ $status = 0 ] || [ -z "$python" ]; then python=$place; version=$found; fi
  [ $status != 0 ] || break
done
[ -z "$python" ] || printf 'python\t%s\t%s\n' "$python" "$version"
for directory; do
  exists=yes; place=$directory
  while [ ! -e "$place" ]; do exists=no; place=$(dirname -- "$place"); done
  printf 'space\t%s\t%s\n' "$exists" "$(df -Pk -- "$place" | tail -n 1 | tr '\t' ' ')"
done
printf 'now\t%s\n' "$(date +%s)"`;

/** A line of `df -Pk`: device, 1024-byte blocks, used, available, per cent, mount; device and mount may hold spaces. */
function parseSpace(exists: string, df: string): Omit<DirectorySpace, 'directory'> | undefined {
  const [, total, available, mount] = /\s(\d{1,15})\s+\d+\s+(-?\d{1,15})\s+\S+\s+(\/.*)$/s.exec(df) ?? [];
  return total === undefined || available === undefined || mount === undefined
    ? undefined
    : {
        exists: exists === 'yes',
        mount: visibleInLine(mount),
        totalBytes: Number(total) * 1024,
        freeBytes: Math.max(0, Number(available)) * 1024,
      };
}
