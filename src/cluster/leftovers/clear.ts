import { BackupError, LockedError } from '../../model/errors.ts';
import type { ClusterNode } from '../node.ts';
import type { Remote } from '../remote.ts';
import { clearSnapshot, listSnapshots } from '../tools/nodetool.ts';
import { clearFilesScript, clearSecretsScript, clearStagingScript, clearUndoScript } from './clear-script.ts';
import { type FoundStaging, stateDirectoriesOf } from './node-remains.ts';

/** Clears a snapshot, and makes sure that it is gone: nodetool may have done nothing and not say so. Throws RemoteError, BackupError. */
export async function clearLeftSnapshot(node: ClusterNode, tag: string, signal: AbortSignal): Promise<void> {
  await clearSnapshot(node, tag, signal);
  if ((await listSnapshots(node, signal)).includes(tag)) {
    throw new BackupError(`${node.files.host}: nodetool clearsnapshot has left snapshot ${tag}`);
  }
}

/** Files that never got their name. Throws LockedError when a restore is at work on the node, RemoteError. */
export async function clearTemporary(node: ClusterNode, path: string, signal: AbortSignal): Promise<void> {
  await alone(node, ['sh', '-c', clearFilesScript, 'sh', firstOf(node), holder, path], signal);
}

/** A staging directory with all that is in it. Throws LockedError, RemoteError where it is another directory now. */
export async function clearStaging(
  node: ClusterNode,
  { name, identity }: Pick<FoundStaging, 'name' | 'identity'>,
  signal: AbortSignal,
): Promise<void> {
  await alone(node, ['sh', '-c', clearStagingScript, 'sh', firstOf(node), holder, name, identity], signal);
}

/** What a restore moved aside, and its journal: nobody can take it back any more. Throws LockedError, RemoteError. */
export async function clearUndo(node: ClusterNode, id: string, signal: AbortSignal): Promise<void> {
  const words = [firstOf(node), holder, id, ...stateDirectoriesOf(node), '--', ...node.config.dataDirectories];
  await alone(node, ['sh', '-c', clearUndoScript, 'sh', ...words], signal);
}

/** A file of whoever logs in, or of the owner of the data. Throws RemoteError. */
export async function clearSecret({ remote, files }: ClusterNode, path: string, signal: AbortSignal): Promise<void> {
  for (const each of new Set<Remote>([remote, files])) {
    await each.run(['sh', '-c', clearSecretsScript, 'sh', path], {}, signal);
  }
}

/** What stands in the lock file of a node while we clear there. */
const holder = 'clear';

function firstOf({ config }: ClusterNode): string {
  return config.dataDirectories[0] ?? '/var/lib/cassandra/data';
}

async function alone({ files }: ClusterNode, command: readonly [string, ...string[]], signal: AbortSignal): Promise<void> {
  const answer = (await files.run(command, {}, signal)).trim();
  if (answer === 'busy') {
    throw new LockedError(`${files.host}: a restore is at work there, or nobody can say whether one is`, {
      hint: 'run the command again when it has ended',
    });
  }
  if (answer !== 'cleared') {
    throw new BackupError(`${files.host} does not say that it has cleared anything: ${answer.slice(0, 200)}`);
  }
}
