import type { MissingNode } from '../backup/manifest.ts';
import { reasonText } from '../backup/outcome/missing-nodes.ts';
import type { RestoreMethod } from './method.ts';

/**
 * What whoever restores a degraded backup should know. What the nodes that it lacks held comes back from the replicas on
 * others; those nodes themselves get nothing, unless everything is streamed to whom it belongs to.
 */
export function degradedWarnings(
  id: string,
  missing: readonly MissingNode[],
  method: RestoreMethod | 'local',
): readonly string[] {
  if (missing.length === 0) {
    return [];
  }
  const names = missing.map(({ host }) => host).join(', ');
  const reasons = missing.map(reasonText).join('; ');
  const lacks = `backup ${id} is degraded, it lacks ${names} (${reasons}): their rows come back from the replicas on the other nodes`;
  return [`${lacks}; ${adviceFor(method, names)}`];
}

function adviceFor(method: RestoreMethod | 'local', names: string): string {
  if (method === 'load') {
    return 'they are streamed to every replica that lives now. What only a minority of the replicas had may be lacking';
  }
  if (method === 'node-restart') {
    return `what ${names} held stays there, also what is newer than the backup. Repair afterwards: --repair does it, or nodetool repair -full`;
  }
  const repair = method === 'stage' || method === 'local' ? '' : '--repair does it, or ';
  return `nothing of that goes to ${names} before a repair: ${repair}nodetool repair -full on every node; or restore by --method load, which streams to all replicas`;
}
