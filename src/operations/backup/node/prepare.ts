import { listSetAside } from '../../../cluster/files/incremental-files.ts';
import { clearSnapshot, flush, listSnapshots, takeSnapshot } from '../../../cluster/tools/nodetool.ts';
import { missingFromSnapshot, onlyTables } from '../../../cluster/files/snapshot-listing.ts';
import { listSnapshot } from '../../../cluster/files/snapshot.ts';
import { BackupError } from '../../../model/errors.ts';
import { tooLittleSpace } from '../../../model/backup/free-space.ts';
import { knowsTtl, lastsLongEnough } from '../../../model/node/snapshot-ttl.ts';
import type { SetAsideFile } from '../../../model/backup/manifest.ts';
import { belongsTo } from '../../../model/backup/table-changes.ts';
import type { TableId } from '../../../model/sstable.ts';
import type { Node } from '../../../model/ring/ring.ts';
import { snapshotScope } from '../../../model/backup/snapshot-scope.ts';
import { keyspacesOf } from '../../../model/options/table-filter.ts';
import type { BackupOptions } from '../options.ts';
import { whetherLinked } from '../opening/situation.ts';
import type { Run } from '../run.ts';
import { earlierAttempt, setAsideByParent } from './earlier-manifests.ts';
import { withoutDropped } from './dropped-tables.ts';
import { withTablesKnown } from './known-tables.ts';
import type { Member } from '../../nodes/members.ts';
import { nodeHead } from './plan.ts';
import { type UploadedNode, partOf } from './upload.ts';

/** A node whose data is fixed on its disk and can be uploaded. */
export interface PreparedNode {
  readonly takenAt: string;
  readonly setAside: readonly SetAsideFile[];
  /** Whether Cassandra keeps incremental files from a snapshot on. */
  readonly keepsIncrementals: boolean;
}

/**
 * Fixes a node's data: takes its snapshot, or flushes for an incremental backup. A resumed run keeps the snapshot that it
 * took before. Gives the node's part where an earlier attempt has finished it.
 *
 * What lies in `backups/` is noted before the snapshot and stored before it too: after a crash nobody could tell any more
 * which of those files are older than the snapshot.
 */
export async function prepareNode(
  member: Member,
  node: Node,
  run: Run,
  signal: AbortSignal,
): Promise<PreparedNode | UploadedNode> {
  const { parts } = run;
  const { host } = member;
  const takenAt = (await parts.repository.now(signal)).toISOString();
  const before = await run.gate.wholeNode(async () => partBefore(host, run, signal), signal);
  if (before !== undefined && 'summary' in before) {
    return before;
  }
  parts.listen({ type: 'node', host, state: 'snapshot' });
  if (run.ref.parent !== undefined) {
    await flush(member, flushScope(run.living.tables), signal);
    const setAside = await run.gate.wholeNode(async () => setAsideByParent(run, node.hostId, signal), signal);
    return { takenAt, setAside, keepsIncrementals: true };
  }
  if (run.resumed && (await hasWholeSnapshot(member, run, signal))) {
    return before ?? { takenAt: run.progress.startedAt, setAside: [], keepsIncrementals: false };
  }
  assertFreeSpace(member, run.options);
  const setAside = await listSetAside(member, signal);
  const linked = run.incrementals.get(host);
  const keepsIncrementals = typeof linked === 'boolean' ? linked : member.config.incrementalBackups;
  if (setAside.length > 0 || keepsIncrementals || before !== undefined) {
    const head = nodeHead({ member, node, ref: run.ref, tag: run.tag, takenAt, setAside, keepsIncrementals });
    await run.gate.wholeNode(async () => {
      const attempt = await earlierAttempt(run, host, 'again', signal);
      await parts.repository.saveDraft({ ...head, tables: attempt?.manifest.tables ?? [] }, signal);
    }, signal);
  }
  await takeSnapshotOf(member, node, run, signal);
  // A restart in between may have turned off what was on, and what was flushed until somebody turns it on again is linked nowhere.
  return { takenAt, setAside, keepsIncrementals: keepsIncrementals && (await whetherLinked(member, signal)) === true };
}

/** Of the tables that live still. A snapshot that failed may have left a part of itself under the tag. */
async function takeSnapshotOf(member: Member, node: Node, run: Run, signal: AbortSignal): Promise<void> {
  const ttlSeconds = knowsTtl(node.version, member.config.flavour) ? run.ttl.seconds : undefined;
  let attempts = 0;
  const take = async (tables: readonly TableId[]): Promise<void> => {
    if (attempts++ > 0) {
      await clearSnapshot(member, run.tag, signal);
    }
    const gone = new Set(run.tables.filter((table) => !tables.includes(table)));
    const all = run.topology.tables.filter((table) => !gone.has(table));
    await takeSnapshot(member, { tag: run.tag, ttlSeconds, ...snapshotScope(tables, all) }, signal);
  };
  await withTablesKnown(member, run, take, signal);
}

/** What an earlier attempt at this run has come to. */
async function partBefore(host: string, run: Run, signal: AbortSignal): Promise<PreparedNode | UploadedNode | undefined> {
  const attempt = await earlierAttempt(run, host, 'first', signal);
  if (attempt === undefined) {
    return undefined;
  }
  if (attempt.finished) {
    const { tables } = run.living;
    return partOf(await withoutDropped(attempt.manifest, tables, run.parts.repository, signal), tables);
  }
  const { takenAt, setAside = [], keepsIncrementals = false } = attempt.manifest;
  return { takenAt, setAside, keepsIncrementals };
}

/** A snapshot may fill the disk before it is cleared, and a node whose disk is full is down. */
function assertFreeSpace({ host, probe }: Member, { minFreePercent }: BackupOptions): void {
  const trouble = tooLittleSpace(probe.space, minFreePercent);
  if (trouble !== undefined) {
    throw new BackupError(`${host}: no snapshot is taken: ${trouble}`, {
      hint: 'make room (nodetool listsnapshots shows forgotten snapshots), or lower --min-free',
    });
  }
}

/**
 * Whether the snapshot that the run took before is there and holds every table. One that broke off, or that lacks a table
 * which was made since, or that Cassandra will clear before a run has surely ended, is cleared, so that another can be taken under the tag.
 */
async function hasWholeSnapshot(member: Member, run: Run, signal: AbortSignal): Promise<boolean> {
  if (!(await listSnapshots(member, signal)).includes(run.tag)) {
    return false;
  }
  const listing = await listSnapshot(member, run.tag, signal);
  const { tables } = run.living;
  const isWhole = missingFromSnapshot(onlyTables(listing, belongsTo(tables)), tables).length === 0;
  const nowMs = Date.now() + (member.probe.clockAheadMs ?? 0);
  if (isWhole && lastsLongEnough(listing.expiresAtMs, nowMs, run.ttl)) {
    return true;
  }
  await clearSnapshot(member, run.tag, signal);
  return false;
}

/** nodetool flushes one keyspace or all; a flush of more than is selected costs little and is never wrong. */
function flushScope(tables: readonly TableId[]): { readonly keyspace?: string } {
  const [keyspace, ...others] = keyspacesOf(tables);
  return keyspace === undefined || others.length > 0 ? {} : { keyspace };
}
