import type { DataNode, ToolNode } from '../node.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackupError, OverdueError, RemoteError } from '../../model/errors.ts';
import { startServiceScript, stopServiceScript } from '../../model/restore/by-hand/restart.ts';
import { serversScript } from './whose/is-server.ts';
import { jmxListener } from './whose/listener.ts';
import { parseStatus } from './nodetool-output.ts';
import { nodeInfo, nodetool, statusText } from './nodetool.ts';
import type { Remote } from '../remote.ts';
import { failureLine, runTool } from './run-tool.ts';

/** How Cassandra is stopped and started on a node: shell text, run with the rights that commands on the nodes have. */
export const defaultService: { readonly stop: string; readonly start: string } = {
  stop: stopServiceScript,
  start: startServiceScript,
};

/** What a server that is to be stopped must do before. */
export type Drain = 'must' | 'if it answers';

/**
 * Flushes and stops Cassandra, and makes sure that no server process is left. A node that is down already stays so. Gives
 * `undrained` for a server that was stopped without having flushed: only with `if it answers`, when it gave no answer, as
 * one that never came up, or did not come to the end of it.
 *
 * Throws RemoteError when a command fails, BackupError when it runs on all the same, or when nodetool is answered by a
 * server of root or of the data's owner whose process cannot be seen: nothing may be moved under it.
 */
export async function stopServer(
  node: ToolNode & Pick<DataNode, 'config'>,
  stopCommand: string,
  drain: Drain,
  signal: AbortSignal,
): Promise<'stopped' | 'undrained' | 'down'> {
  // Whoever else has an account on the node can take the port of a server that is down: his answer counts for nothing.
  const listener = await jmxListener(node, signal);
  const answers = listener === 'stranger' ? false : await answersNodetool(node, signal);
  if (!(await isRunning(node, signal))) {
    if (answers) {
      throw new BackupError(`${node.remote.host}: nodetool is answered, but no server process can be seen`, {
        hint: "log in as root or as Cassandra's user, or give --use-sudo",
      });
    }
    return 'down';
  }
  if (listener === 'stranger' && drain === 'must') {
    throw new BackupError(
      `${node.remote.host}: another user listens on the port that nodetool asks: the server cannot be drained`,
      {
        hint: 'the port of JMX must be of root or of the owner of the data; options can follow --nodetool-path',
      },
    );
  }
  // What is in memory and in the commit log gets into sstables, so that moving the log aside loses no other table's rows.
  const drained = (answers || drain === 'must') && (await drainServer(node, drain, signal));
  await runShell(node.remote, 'stop', stopCommand, signal);
  for (let tries = 0; await isRunning(node, signal); tries += 1) {
    if (tries >= stopTries) {
      throw new BackupError(`${node.remote.host}: Cassandra runs on after it was stopped`, {
        hint: 'give the command that stops it with --stop-cmd',
      });
    }
    await sleep(1000, undefined, { signal });
  }
  return drained ? 'stopped' : 'undrained';
}

/**
 * `nodetool drain`. False when it did not come to its end in time and need not: a server that cannot write to a full disk
 * goes on answering and drains for ever. Throws RemoteError.
 */
export async function drainServer(node: ToolNode, drain: Drain, signal: AbortSignal): Promise<boolean> {
  try {
    await nodetool(node, ['drain'], signal);
    return true;
  } catch (error) {
    if (!(error instanceof OverdueError)) {
      throw error;
    }
    if (drain === 'must') {
      const { message: why, host, command } = error;
      throw new OverdueError(why, {
        host,
        command,
        cause: error,
        hint: 'its system.log says why; a data disk may be full. A server that hangs so must be ended by hand (kill -9), then run the command again. --command-timeout drain=DURATION waits longer',
      });
    }
    return false;
  }
}

async function answersNodetool(node: ToolNode, signal: AbortSignal): Promise<boolean> {
  try {
    await nodeInfo(node, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    // A server that lets us not in is up all the same, and so may be one that the connection was lost to.
    if (error instanceof RemoteError && (error.transient || /SecurityException|[Aa]uthentication/.test(error.message))) {
      throw error;
    }
    return false;
  }
}

const stopTries = 60;

/**
 * Whether a Cassandra server process of the data's owner or of root is there: a JVM that is shutting down answers no nodetool and still
 * has its files. A process of somebody else that is called like one is none: it must keep nobody from stopping or going back.
 */
export async function isRunning(
  { remote, config }: { readonly remote: Remote; readonly config: DataNode['config'] },
  signal: AbortSignal,
): Promise<boolean> {
  return (await remote.run(['sh', '-c', findServerScript, 'sh', ...config.dataDirectories], {}, signal)).trim() === 'yes';
}

// The owner is that of the first data directory that is there and is not root's.
export const findServerScript: string = `${serversScript}
owner=
for directory; do owner=$(stat -L -c %u -- "$directory" 2>/dev/null) && [ "$owner" != 0 ] && break; done
known_users "$owner"
[ -z "$(servers)" ] && echo no || echo yes`;

/** Gives the command to start and does not wait. Throws RemoteError when it fails. */
export async function startServer(remote: Remote, startCommand: string, signal: AbortSignal): Promise<void> {
  await runShell(remote, 'start', startCommand, signal);
}

/**
 * Waits until the node says of itself that it is up and normal, and gives its host id. Throws BackupError when it does not
 * in time.
 */
export async function waitUntilUp(node: ToolNode, timeoutSeconds: number, signal: AbortSignal): Promise<string> {
  let hostId = '';
  const look = async (): Promise<string> => {
    ({ hostId } = await nodeInfo(node, signal));
    return (await states(node, signal)).get(hostId) ?? 'unknown';
  };
  await waitFor(node, timeoutSeconds, look, signal);
  return hostId;
}

/** Waits until the node sees all of these up and normal: a node that has just started takes others for down for a while. */
export async function waitUntilSeen(
  node: ToolNode,
  hostIds: readonly string[],
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const look = async (): Promise<string> => {
    const seen = await states(node, signal);
    return hostIds.map((hostId) => seen.get(hostId) ?? 'unknown').find((state) => state !== 'UN') ?? 'UN';
  };
  await waitFor(node, timeoutSeconds, look, signal);
}

async function waitFor(
  { remote }: ToolNode,
  timeoutSeconds: number,
  look: () => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  const until = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const state = await look().catch((error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof RemoteError && error.transient) {
        throw error;
      }
      return 'nodetool gets no answer';
    });
    if (state === 'UN') {
      return;
    }
    if (performance.now() > until) {
      throw new BackupError(`${remote.host} is not up ${timeoutSeconds} s after it was started (${state})`, {
        hint: 'its system.log says why; --start-timeout waits longer',
      });
    }
    await sleep(2000, undefined, { signal });
  }
}

async function states(node: ToolNode, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  return new Map(parseStatus(await statusText(node, signal)).map(({ hostId, state }) => [hostId, state]));
}

// A server that a start command leaves in the background keeps whatever output it was given: a pipe would never end, and a
// process group of ours would be ended with us. So it gets a file, and a session of its own; none where /tmp has no room for one:
// that must not keep a node down.
export const runDetachedScript: string = String.raw`said=$(mktemp "${'$'}{TMPDIR:-/tmp}/sstash-said-XXXXXXXXXX" 2>/dev/null) || said=/dev/null
if command -v setsid >/dev/null; then setsid -w sh -c "$1" </dev/null >"$said" 2>&1; else sh -c "$1" </dev/null >"$said" 2>&1; fi
status=$?; [ "$said" = /dev/null ] || { tail -n 20 -- "$said" >&2; rm -f -- "$said"; }; exit "$status"`;

async function runShell(remote: Remote, verb: 'stop' | 'start', text: string, signal: AbortSignal): Promise<void> {
  const patience = { verb, what: `the command that ${verb}s Cassandra` } as const;
  const output = await runTool(remote, ['sh', '-c', runDetachedScript, 'sh', text], patience, signal);
  if (output.status !== 0) {
    throw new RemoteError(`${remote.host}: ${text} failed: ${failureLine(output, 'sh')}`, {
      host: remote.host,
      command: text,
      status: output.status,
      stderr: output.stderr.slice(-2000),
      hint: 'give the right command with --stop-cmd or --start-cmd; it needs the rights for it (--use-sudo)',
    });
  }
}
