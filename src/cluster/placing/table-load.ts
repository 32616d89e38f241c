import type { ClusterNode } from '../node.ts';
import { IntegrityError, RemoteError } from '../../model/errors.ts';
import type { NodeConfig } from '../tools/node-config.ts';
import type { Remote } from '../remote.ts';
import { trustedScript } from '../tools/whose/is-server.ts';
import { failureLine, runTool } from '../tools/run-tool.ts';

/** How sstableloader is started: its path, with options of its own if need be. */
export type Loader = readonly string[];

/**
 * Throws RemoteError when an sstableloader or a `nodetool import` is still at work below the directory: of a run that was killed or whose connection
 * was lost, and with rows that maybe nobody wants any more, which could come after a TRUNCATE.
 */
export async function requireIdle(remote: Remote, directory: string, signal: AbortSignal): Promise<void> {
  // The directory comes on standard input, so that no command line of ours holds it.
  const busy = await runTool(remote, ['sh', '-c', findLoadersScript], { input: `${directory}/\n` }, signal);
  if (busy.stdout !== '') {
    throw new RemoteError(`an earlier sstableloader or nodetool import is still at work in ${directory} on ${remote.host}`, {
      host: remote.host,
      hint: `wait until it has ended, or end it: kill ${[...busy.stdout.matchAll(/\d+/g)].join(' ')}`,
    });
  }
}

/** Throws RemoteError when the program is not on the node: better before everything is fetched than after. */
export async function requireLoader(remote: Remote, [program = 'sstableloader']: Loader, signal: AbortSignal): Promise<void> {
  const output = await runTool(remote, ['sh', '-c', findProgramScript, 'sh', program], {}, signal);
  if (output.status !== 0) {
    throw new RemoteError(`${program} not found on ${remote.host}`, {
      host: remote.host,
      command: program,
      status: output.status,
      hint: "give its place with --sstableloader-path; it is in bin/ of Cassandra's tarball, in its packages in /usr/bin",
    });
  }
}

/** A directory `…/<keyspace>/<table>`, and the bare names of the Data.db files in it. */
export interface LoadedDirectory {
  readonly directory: string;
  readonly dataFiles: readonly string[];
}

/**
 * Streams the sstables of a directory `…/<keyspace>/<table>` to all nodes that their rows belong to now, which may be
 * repeated. The node's own cassandra.yaml says ports and encryption.
 * https://cassandra.apache.org/doc/5.0/cassandra/managing/tools/sstable/sstableloader.html
 *
 * The tool ends with 0 having skipped a file that it cannot open or whose table it does not know, so what counts is that it
 * names every Data.db among those that it streams. Throws RemoteError, or IntegrityError when one
 * was skipped.
 */
export async function loadTable(
  {
    files: remote,
    config,
  }: Pick<ClusterNode, 'files'> & { readonly config: Pick<NodeConfig, 'path' | 'cqlAddress' | 'cqlPort'> },
  loader: Loader,
  { directory, dataFiles }: LoadedDirectory,
  signal: AbortSignal,
): Promise<void> {
  const options = ['--no-progress', '-f', config.path, '-d', config.cqlAddress, '-p', String(config.cqlPort)];
  const text = await remote.run(
    ['sh', '-c', endWithUsScript, 'sh', ...loader, ...options, directory],
    { verb: 'load', what: 'sstableloader' },
    signal,
  );
  const [stdout = '', status = ''] = text.split('\u001e');
  const output = { stdout, stderr: '', status: Number(status) };
  if (output.status !== 0) {
    const line = failureLine(output, 'sstableloader');
    throw new RemoteError(`sstableloader failed on ${remote.host}: ${line}`, {
      host: remote.host,
      command: `sstableloader ${directory}`,
      status: output.status,
      stderr: stdout.slice(-2000),
      hint: /Auth|credentials/i.test(line)
        ? 'it takes a login as options only: give --sstableloader-path a script on the node that adds them, where you trust all who may list processes there'
        : 'does it work in a terminal on the node? Options can follow --sstableloader-path',
    });
  }
  const streamed = new Set(streamedFiles(stdout));
  const skipped = dataFiles.filter((name) => !streamed.has(name));
  if (skipped.length > 0) {
    // Its old driver gives the whole schema up for one type that it does not know, of whatever table in the cluster (a vector, say).
    const schema = /Error parsing schema .*\n(?:[\w.$]+: )?(.*)/.exec(stdout)?.[1];
    const why = stdout.split('\n').find((line) => line.startsWith('Skipping file ')) ?? schema ?? skipped[0];
    throw new IntegrityError(`sstableloader on ${remote.host} skipped ${skipped.length} sstables of ${directory}: ${why}`, {
      hint:
        schema === undefined
          ? 'sstables of a newer Cassandra cannot be read by the tool of an older one'
          : 'the sstableloader of this Cassandra knows no table in a cluster that has a type which it cannot read; use another method',
    });
  }
}

// Only processes of root and of the user who runs this count, who owns the data: anybody may start one that is called so, and whose command
// line, which is memory of its own, never comes to an end.
export const findLoadersScript: string = String.raw`${trustedScript}
known=" 0 $(id -u) "
in_time() { if command -v timeout >/dev/null; then timeout 20 "$@"; else "$@"; fi; }
loaders=$(for p in /proc/[0-9]*; do ! trusted "$p" || echo "$p/cmdline"; done |
  in_time xargs -r grep -alE 'org\.apache\.cassandra\.tools\.([B]ulkLoader|[N]odeTool)' 2>/dev/null)
# shellcheck disable=SC2062,SC2086 # what is looked for comes by -f; a word each
[ -z "$loaders" ] || in_time grep -alF -f - $loaders 2>/dev/null
true`;

export const findProgramScript: string = 'command -v -- "$1"';

// A restore that is interrupted must not go on streaming behind everybody's back. sudo hands a signal on to this shell alone,
// and a shell hears none while it waits for a program in the foreground; so the program is in the background, and its whole
// process group (a script and its java) is ended.
export const endWithUsScript: string = `trap 'trap "" TERM; kill -TERM 0' TERM; "$@" 2>&1 </dev/null & wait $!; printf '\\036%s' "$?"`;

/** `Streaming relevant part of /a/b/nb-1-big-Data.db /a/b/nb-2-big-Data.db to [/10.0.0.1:7000]` */
function streamedFiles(stdout: string): readonly string[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('Streaming relevant part of '));
  return lines.flatMap((line) => line.split(' ')).map((word) => word.slice(word.lastIndexOf('/') + 1));
}
