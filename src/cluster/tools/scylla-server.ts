import { UsageError } from '../../model/errors.ts';
import { isPlainPath } from '../../model/node/told.ts';
import type { Remote } from '../remote.ts';
import { type Programs, runTool } from './run-tool.ts';

/**
 * The options that a running Scylla was started with, one word a line, under the names that `scylla.yaml` has for them: what
 * stands on the command line wins over the file (db/config.cc has one list for both).
 */
export function scyllaOptions(words: string): Readonly<Record<string, unknown>> {
  const options = new Map<string, unknown>();
  let name: string | undefined;
  for (const word of words.split('\n')) {
    const [, long, value] = /^--([a-z][a-z0-9-]*)(?:=(.*))?$/.exec(word) ?? [];
    if (long !== undefined || word === '-W') {
      name = long?.replaceAll('-', '_') ?? 'workdir';
      // A flag without a value is on.
      set(options, name, value ?? 'true');
    } else if (name !== undefined && word !== '') {
      set(options, name, word);
      name = undefined;
    }
  }
  return Object.fromEntries(options);
}

/** Only what a backup needs: other options share names with keys of the file that hold something else. */
function set(options: Map<string, unknown>, name: string, value: string): void {
  const read = kinds.get(name);
  if (read !== undefined) {
    options.set(name, read(value));
  }
}

const asIs = (value: string): unknown => value;
const kinds: ReadonlyMap<string, (value: string) => unknown> = new Map([
  ['workdir', asIs],
  ['data_file_directories', asIs],
  ['commitlog_directory', asIs],
  ['hints_directory', asIs],
  ['cluster_name', asIs],
  ['listen_address', asIs],
  ['rpc_address', asIs],
  ['broadcast_rpc_address', asIs],
  ['native_transport_port', Number],
  ['incremental_backups', (value) => value === 'true' || value === '1'],
]);

/**
 * Scylla's own version, as `5.4.9-0.20240703.8de2ad5d39b5`. By CQL and REST it says `3.0.8` for whatever it is, the version of
 * Cassandra that drivers are to take it for (version.hh). Undefined where the program is not to be found.
 * https://opensource.docs.scylladb.com/stable/faq.html
 */
export async function scyllaRelease(remote: Remote, signal: AbortSignal): Promise<string | undefined> {
  const output = await runTool(remote, ['sh', '-c', scyllaReleaseScript], {}, signal);
  return /^\d+\.\d+\.[\w.+~-]{1,80}$/m.exec(output.stdout)?.[0];
}

export const scyllaReleaseScript: string =
  'PATH=$PATH:/usr/bin:/opt/scylladb/bin && command -v scylla >/dev/null && exec scylla --version';

/**
 * The programs of a Scylla node. Its nodetool asks the REST API on port 10000 of the node itself, never JMX, and since 6.0 is
 * a part of the server's own program: so it is there also where no `nodetool` is, as in an image that has the server alone.
 */
export async function scyllaPrograms(remote: Remote, programs: Programs, signal: AbortSignal): Promise<Programs> {
  if (programs.jmxLogin !== undefined) {
    throw new UsageError(`${remote.host} runs ScyllaDB, whose nodetool asks a REST API that knows no login`, {
      hint: 'leave out --jmx-credentials',
    });
  }
  if (programs.nodetool.join(' ') !== 'nodetool') {
    // Somebody named another.
    return programs;
  }
  const output = await runTool(remote, ['sh', '-c', findNodetoolScript], {}, signal);
  const found = output.stdout.trim();
  return !isPlainPath(found) ? programs : { ...programs, nodetool: [found, 'nodetool'] };
}

// Prints the server's program where it has to stand in for nodetool; nothing where there is one, or neither.
export const findNodetoolScript: string =
  'command -v nodetool >/dev/null && exit 0; PATH=$PATH:/usr/bin:/opt/scylladb/bin; command -v scylla';
