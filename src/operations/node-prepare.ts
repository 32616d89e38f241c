import { listSetAside } from '../cluster/incremental-files.ts';
import { flush, listSnapshots, takeSnapshot } from '../cluster/nodetool.ts';
import type { NodeManifest, SetAsideFile } from '../model/manifest.ts';
import type { Node } from '../model/ring.ts';
import { snapshotScope } from '../model/snapshot-scope.ts';
import { keyspacesOf } from '../model/table-filter.ts';
import type { BackupParts, Run } from './backup-run.ts';
import type { Earlier } from './earlier.ts';
import type { Member } from './members.ts';
import { nodeHead } from './node-upload.ts';

/** A node whose data is fixed on its disk and can be uploaded; or whose part is done already. */
export interface PreparedNode {
  readonly earlier: Earlier;
  readonly takenAt: string;
  readonly setAside: readonly SetAsideFile[];
}

/**
 * Fixes a node's data: takes its snapshot, or flushes for an incremental backup. A resumed run keeps the snapshot that it
 * took before.
 *
 * What lies in `backups/` is noted before the snapshot and stored before it too: after a crash nobody could tell any more
 * which of those files are older than the snapshot.
 */
export async function prepareNode(
  member: Member,
  node: Node,
  run: Run,
  earlier: Earlier,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<PreparedNode> {
  const { remote, host } = member;
  const takenAt = new Date().toISOString();
  if (earlier.finished !== undefined) {
    return { earlier, takenAt: earlier.finished.takenAt, setAside: [] };
  }
  parts.listen({ type: 'node', host, state: 'snapshot' });
  if (run.ref.parent !== undefined) {
    await flush(remote, parts.tools, flushScope(run), signal);
    return { earlier, takenAt, setAside: earlier.parent?.setAside ?? [] };
  }
  if (run.resumed && (await listSnapshots(remote, parts.tools, signal)).includes(run.tag)) {
    return { earlier, takenAt: earlier.draft?.takenAt ?? run.progress.startedAt, setAside: earlier.draft?.setAside ?? [] };
  }
  const setAside = await listSetAside(remote, member.config.dataDirectories, signal);
  if (setAside.length > 0) {
    const draft: NodeManifest = {
      ...nodeHead({ member, node, ref: run.ref, tag: run.tag, takenAt, setAside }),
      tables: earlier.draft?.tables ?? [],
    };
    await parts.repository.saveDraft(draft, signal);
  }
  await takeSnapshot(remote, parts.tools, { tag: run.tag, ...snapshotScope(run.tables, run.topology.tables) }, signal);
  return { earlier, takenAt, setAside };
}

/** nodetool flushes one keyspace or all; a flush of more than is selected costs little and is never wrong. */
function flushScope(run: Run): { readonly keyspace?: string } {
  const [keyspace, ...others] = keyspacesOf(run.tables);
  return keyspace === undefined || others.length > 0 ? {} : { keyspace };
}
