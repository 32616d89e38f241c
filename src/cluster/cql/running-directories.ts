import { z } from 'zod';
import type { ClusterNode } from '../node.ts';
import { trimmedPath } from '../tools/node-config.ts';
import { dataPathsText } from '../tools/nodetool.ts';
import { told } from '../../model/node/told.ts';
import { isSystemKeyspace } from '../../model/system-keyspaces.ts';
import { parseJsonRows, runCqlsh } from './cqlsh.ts';

/**
 * The data directories that the running server works with, asked of itself: `system_views.settings` since Cassandra 4.0, of
 * Scylla `system.config`; else `nodetool datapaths` since 4.1. Undefined where neither answers. Throws BackupError for what is no path.
 * https://cassandra.apache.org/doc/5.0/cassandra/managing/operating/virtualtables.html
 */
export async function runningDirectories(
  node: Omit<ClusterNode, 'files'>,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const directories = await askedDirectories(node, signal);
  const place = `a data directory that the server of ${node.remote.host} tells`;
  return directories?.map((directory) => told('path', directory, place));
}

async function askedDirectories(node: Omit<ClusterNode, 'files'>, signal: AbortSignal): Promise<readonly string[] | undefined> {
  try {
    const asked = await runCqlsh(node, [node.config.flavour === 'scylla' ? scyllaStatement : statement], signal);
    const directories = asked.status === 0 ? parseSettings(asked.stdout) : [];
    if (directories.length > 0) {
      return directories;
    }
  } catch {
    signal.throwIfAborted();
  }
  try {
    const directories = directoriesOf((await dataPathsText(node, signal)) ?? '');
    return directories.length > 0 ? directories : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

const names = ['data_file_directories', 'local_system_data_file_directory'];
const statement = `SELECT JSON name, value FROM system_views.settings WHERE name IN (${names.map((name) => `'${name}'`).join(', ')})`;
const scyllaStatement = `SELECT JSON name, value FROM system.config WHERE name = 'data_file_directories'`;

const row = z.object({ name: z.string(), value: z.string().nullable() });

/** `[/a, /b]` as Java prints a list, or JSON; the directory for local system keyspaces comes last. */
export function parseSettings(text: string): readonly string[] {
  const rows = z.array(row).safeParse(parseJsonRows(text).rows).data ?? [];
  const valueOf = (name: string) => rows.find((each) => each.name === name)?.value ?? '';
  const [listed = '', local = ''] = names.map(valueOf);
  const paths = [...listed.replace(/^\[|\]$/g, '').split(/, ?/), local].map((path) => path.trim().replace(/^"(.*)"$/, '$1'));
  return distinct(paths.filter((path) => path.startsWith('/')));
}

/**
 * A table that is behind a link to another place is told by where it is. So the server's own tables count, which nobody
 * moves, and others only where there are none of those.
 */
export function directoriesOf(dataPaths: string): readonly string[] {
  const found = dataPaths.split('\n').flatMap((line) => {
    const [, directory, keyspace = ''] = /^\s*(\/.*)\/(\w+)\/\w+-[0-9a-f]{32}$/.exec(line) ?? [];
    return directory === undefined ? [] : [{ directory, keyspace }];
  });
  const own = found.filter(({ keyspace }) => isSystemKeyspace(keyspace));
  return distinct((own.length > 0 ? own : found).map(({ directory }) => directory));
}

function distinct(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map(trimmedPath))];
}
