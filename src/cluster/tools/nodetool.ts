import type { ToolNode } from '../node.ts';
import { BackupError, RemoteError } from '../../model/errors.ts';
import { told } from '../../model/node/told.ts';
import { type CommandVerb, isCommandVerb } from '../../model/options/command-limits.ts';
import { parseInfo, parseSnapshotTags, type NodeInfo } from './nodetool-output.ts';
import { jmxPasswordFile } from '../../model/options/login.ts';
import { nodetoolProgram, programAt } from '../../model/options/program-words.ts';
import { failureLine, isMissingProgram, runTool, type ToolOutput } from './run-tool.ts';
import { jmxEndpoint, listenerWords } from './whose/listener.ts';
import { secretFileTrouble, withSecretFile } from './secret-file.ts';

/** Host id, place and tokens of the node itself. Throws RemoteError. */
export async function nodeInfo(node: ToolNode, signal: AbortSignal): Promise<NodeInfo> {
  const text = await nodetool(node, ['info', '-T'], signal);
  const info = parseInfo(text);
  for (const [what, name] of [
    ['Data Center', info?.dc ?? ''],
    ['Rack', info?.rack ?? ''],
  ] as const) {
    told('name', name, `${node.remote.host}: ${what} of nodetool info`);
  }
  info?.tokens.forEach((token) => told('token', token, `${node.remote.host}: a token of nodetool info`));
  if (info === undefined) {
    throw new RemoteError(`nodetool info on ${node.remote.host} gave no host id`, {
      host: node.remote.host,
      command: 'nodetool info -T',
      stderr: text.slice(-2000),
    });
  }
  return info;
}

/** `nodetool ring` as printed. */
export async function ringText(node: ToolNode, signal: AbortSignal): Promise<string> {
  return nodetool(node, ['ring'], signal);
}

/** `nodetool status` as printed. */
export async function statusText(node: ToolNode, signal: AbortSignal): Promise<string> {
  return nodetool(node, ['status'], signal);
}

/** `nodetool describecluster` as printed. */
export async function clusterText(node: ToolNode, signal: AbortSignal): Promise<string> {
  return nodetool(node, ['describecluster'], signal);
}

/** `nodetool datapaths` as printed (Cassandra 4.1 and later); undefined where nodetool does not know it. */
export async function dataPathsText(node: ToolNode, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await nodetool(node, ['datapaths'], signal);
  } catch (error) {
    if (error instanceof RemoteError && /unexpected parameters: \[datapaths\]/.test(error.message)) {
      return undefined;
    }
    throw error;
  }
}

/** What a snapshot holds: everything, some keyspaces, or some tables; not both lists. */
export interface SnapshotRequest {
  readonly tag: string;
  readonly keyspaces?: readonly string[];
  readonly tables?: readonly { readonly keyspace: string; readonly table: string }[];
  /** After how many seconds Cassandra clears it by itself; only for a nodetool that knows it. */
  readonly ttlSeconds?: number | undefined;
}

/**
 * Flushes and takes a snapshot. Throws RemoteError when the tag is taken on this node (tags must be unique per cluster,
 * or a backup would mix files of two moments) or a keyspace or table does not exist.
 */
export async function takeSnapshot(node: ToolNode, request: SnapshotRequest, signal: AbortSignal): Promise<void> {
  const { keyspaces, tables } = request;
  const ttl = request.ttlSeconds === undefined ? [] : ['--ttl', `${request.ttlSeconds}s`];
  const args = ['snapshot', '-t', checkedTag(request.tag), ...ttl];
  // An empty list would mean everything to nodetool, which is not what an empty selection means.
  if ((keyspaces !== undefined && tables !== undefined) || keyspaces?.length === 0 || tables?.length === 0) {
    throw new BackupError('a snapshot needs keyspaces or tables, or neither for everything');
  }
  if (tables !== undefined && node.config?.flavour === 'scylla') {
    // Its nodetool takes several `-kt` for so many keyspaces (test/nodetool/test_snapshot.py): tables go by their keyspace.
    for (const keyspace of new Set(tables.map((table) => table.keyspace))) {
      const names = tables.filter((table) => table.keyspace === keyspace).map(({ table }) => table);
      await nodetool(node, [...args, '-cf', names.join(','), '--', keyspace], signal);
    }
    return;
  }
  if (tables !== undefined) {
    args.push('-kt', tables.map(({ keyspace, table }) => `${keyspace}.${table}`).join(','));
  }
  if (keyspaces !== undefined) {
    args.push('--', ...keyspaces);
  }
  await nodetool(node, args, signal);
}

/** Clears the snapshots of this tag in every keyspace; a tag that is not there is no error. */
export async function clearSnapshot(node: ToolNode, tag: string, signal: AbortSignal): Promise<void> {
  await nodetool(node, ['clearsnapshot', '-t', checkedTag(tag)], signal);
}

/** Tags of all snapshots on the node, each once. */
export async function listSnapshots(node: ToolNode, signal: AbortSignal): Promise<readonly string[]> {
  const text = await nodetool(node, ['listsnapshots'], signal);
  const tags = parseSnapshotTags(text);
  if (tags === undefined) {
    throw unexpected(node, 'listsnapshots', text);
  }
  return tags;
}

/** Whether Cassandra keeps links to every flushed sstable in `backups/` (`nodetool statusbackup`). */
export async function backupsEnabled(node: ToolNode, signal: AbortSignal): Promise<boolean> {
  const text = await nodetool(node, ['statusbackup'], signal);
  const answer = /^(not running|running)\s*$/m.exec(text)?.[1];
  if (answer === undefined) {
    throw unexpected(node, 'statusbackup', text);
  }
  return answer === 'running';
}

/** Writes the memtables of everything, of a keyspace, or of some of its tables to disk. */
export async function flush(
  node: ToolNode,
  what: { readonly keyspace?: string; readonly tables?: readonly string[] } = {},
  signal: AbortSignal,
): Promise<void> {
  const names = what.keyspace === undefined ? [] : [what.keyspace, ...(what.tables ?? [])];
  await nodetool(node, names.length === 0 ? ['flush'] : ['flush', '--', ...names], signal);
}

/** Runs any verb and gives standard output. Throws RemoteError with nodetool's own complaint in one line. */
export async function nodetool(node: ToolNode, args: readonly string[], signal: AbortSignal): Promise<string> {
  const output = await runNodetool(node, args, signal);
  if (output.status === 0) {
    return output.stdout;
  }
  const failure = {
    host: node.remote.host,
    command: `nodetool ${args.join(' ')}`,
    status: output.status,
    stderr: output.stderr.slice(-2000),
  };
  if (isMissingProgram(output)) {
    throw new RemoteError(`nodetool not found on ${node.remote.host}`, {
      ...failure,
      hint: 'give its place with --nodetool-path; a login over ssh often has a shorter PATH than a terminal',
    });
  }
  const trouble = node.programs.jmxLogin === undefined ? undefined : secretFileTrouble(output);
  const line = trouble ?? failureLine(output, 'nodetool');
  const hint = hintFor(line);
  throw new RemoteError(`nodetool ${args[0] ?? ''} failed on ${node.remote.host}: ${line}`, { ...failure, hint });
}

/** With a login its password is in a file on the node, for as long as nodetool runs. */
async function runNodetool(node: ToolNode, args: readonly string[], signal: AbortSignal): Promise<ToolOutput> {
  const { remote, programs } = node;
  const { nodetool: words, jmxLogin } = programs;
  // A server that hangs takes the call, and nodetool waits for ever.
  const patience = { verb: verbOf(args), what: `nodetool ${args[0] ?? ''}` };
  if (jmxLogin === undefined) {
    return runTool(remote, [...words, ...args], patience, signal);
  }
  const at = programAt(words, nodetoolProgram);
  const { command, line } = withSecretFile({
    before: words.slice(0, at),
    program: [...words.slice(at), '-u', jmxLogin.user, '-pwf'],
    args,
    contents: jmxPasswordFile(jmxLogin),
    listener: listenerWords(node, jmxEndpoint(words), words, nodetoolProgram),
  });
  return runTool(remote, command, { ...patience, input: line }, signal);
}

/** By whose limit of time it is waited for. */
function verbOf([verb = '']: readonly string[]): CommandVerb {
  if (verb === 'refresh') {
    return 'import';
  }
  // `cluster repair` of ScyllaDB.
  return verb === 'cluster' ? 'repair' : isCommandVerb(verb) ? verb : 'info';
}

function hintFor(line: string): string | undefined {
  if (/Credentials required|Authentication failed|Invalid username or password|Provided username .* incorrect/i.test(line)) {
    return 'give user and password of JMX in a file of this host, mode 600: --jmx-credentials FILE';
  }
  if (/listens on port/.test(line)) {
    return 'is the server running there, and is that the port of its JMX? Another one follows --nodetool-path: nodetool -p 7299';
  }
  if (/Failed to connect to/.test(line)) {
    return 'is cassandra running there, and does nodetool know the JMX host and port? Options can follow --nodetool-path';
  }
  if (/Connection refused/.test(line)) {
    return 'is the server running there? ScyllaDB answers nodetool on api_address and api_port (10000), nobody on JMX; options can follow --nodetool-path';
  }
  if (/snapshot .* already exists/i.test(line)) {
    return 'another run used this tag; clear it or begin a new backup';
  }
  return undefined;
}

function checkedTag(tag: string): string {
  // Without a tag clearsnapshot would take every snapshot there is; a tag that begins with - would be an option.
  if (!/^[A-Za-z0-9_][A-Za-z0-9._:+-]*$/.test(tag)) {
    throw new BackupError(`${JSON.stringify(tag)} cannot be a snapshot's tag`);
  }
  return tag;
}

function unexpected({ remote }: ToolNode, verb: string, text: string): RemoteError {
  return new RemoteError(
    `nodetool ${verb} on ${remote.host} gave an answer that is not understood: ${text.trim().slice(0, 200)}`,
    {
      host: remote.host,
      command: `nodetool ${verb}`,
    },
  );
}
