import { IntegrityError, RemoteError } from '../model/errors.ts';
import type { NodeConfig } from './node-config.ts';
import type { Remote } from './remote.ts';
import { failureLine, runTool } from './tools.ts';

/** How sstableloader is started: its path, with options of its own if need be. */
export type Loader = readonly string[];

/** Throws RemoteError when the program is not on the node: better before everything is fetched than after. */
export async function requireLoader(remote: Remote, [program = 'sstableloader']: Loader, signal: AbortSignal): Promise<void> {
  const output = await runTool(remote, ['sh', '-c', 'command -v -- "$1"', 'sh', program], { signal });
  if (output.status !== 0) {
    throw new RemoteError(`${program} not found on ${remote.host}`, {
      host: remote.host,
      command: program,
      status: output.status,
      hint: "give its place with --sstableloader-path; it is in bin/ of Cassandra's tarball, in its packages in /usr/bin",
    });
  }
}

/**
 * Streams the sstables of a directory `…/<keyspace>/<table>` to all nodes that their rows belong to now, which may be
 * repeated. The node's own cassandra.yaml says ports and encryption.
 * https://cassandra.apache.org/doc/5.0/cassandra/managing/tools/sstable/sstableloader.html
 *
 * The tool ends with 0 having skipped a file that it cannot open or whose table it does not know, so what counts is that it
 * names every Data.db (`dataFiles`, bare names) among those that it streams. Throws RemoteError, or IntegrityError when one
 * was skipped.
 */
export async function loadTable(
  remote: Remote,
  loader: Loader,
  config: Pick<NodeConfig, 'path' | 'cqlAddress' | 'cqlPort'>,
  directory: string,
  dataFiles: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const options = ['--no-progress', '-f', config.path, '-d', config.cqlAddress, '-p', String(config.cqlPort)];
  const output = await runTool(remote, [...loader, ...options, directory], { signal });
  if (output.status !== 0) {
    const line = failureLine(output, 'sstableloader');
    throw new RemoteError(`sstableloader failed on ${remote.host}: ${line}`, {
      host: remote.host,
      command: `sstableloader ${directory}`,
      status: output.status,
      stderr: output.stderr.slice(-2000),
      hint: /Auth|credentials/i.test(line)
        ? 'it takes a login as options only: give --sstableloader-path a script on the node that adds them'
        : 'does it work in a terminal on the node? Options can follow --sstableloader-path',
    });
  }
  const streamed = new Set(streamedFiles(output.stdout));
  const skipped = dataFiles.filter((name) => !streamed.has(name));
  if (skipped.length > 0) {
    const why = output.stdout.split('\n').find((line) => line.startsWith('Skipping file ')) ?? skipped[0];
    throw new IntegrityError(`sstableloader on ${remote.host} skipped ${skipped.length} sstables of ${directory}: ${why}`, {
      hint: 'sstables of a newer Cassandra cannot be read by the tool of an older one',
    });
  }
}

/** `Streaming relevant part of /a/b/nb-1-big-Data.db /a/b/nb-2-big-Data.db to [/10.0.0.1:7000]` */
function streamedFiles(stdout: string): readonly string[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('Streaming relevant part of '));
  return lines.flatMap((line) => line.split(' ')).map((word) => word.slice(word.lastIndexOf('/') + 1));
}
