import { IntegrityError } from '../../model/errors.ts';
import { lackingFrom, namesOf } from '../../model/backup/table-changes.ts';
import { unlimited } from '../../model/options/per-datacenter.ts';
import { everyTable } from '../../storage/backups/node-manifest-format.ts';
import { type Outcomes, eachNode } from '../nodes/each-node.ts';
import { withoutDropped } from './node/dropped-tables.ts';
import { type UploadedNode, partOf } from './node/upload.ts';
import type { Run } from './run.ts';

/**
 * Before the commit: the parts of all nodes hold the same tables, those that live still. A part that was finished with a
 * table that was dropped later is stored again without it; a node whose part lacks one has failed.
 */
export async function withSameTables(
  run: Run,
  { done, failed }: Outcomes<UploadedNode>,
  signal: AbortSignal,
): Promise<Outcomes<UploadedNode>> {
  const uploaded = run.members.present.filter(({ host }) => done.has(host));
  const limits = { parallel: unlimited, listen: run.parts.listen };
  const same = await eachNode(uploaded, limits, async ({ host }) => partOfLiving(host, done, run, signal), signal);
  return { done: same.done, failed: new Map([...failed, ...same.failed]) };
}

async function partOfLiving(
  host: string,
  done: Outcomes<UploadedNode>['done'],
  { ref, amended, living, gate, parts: { repository } }: Run,
  signal: AbortSignal,
): Promise<UploadedNode> {
  const part = done.get(host);
  // The other parts of a backup that nodes are added to hold what they hold: what was dropped since is in them.
  const tables = amended?.manifest.tables ?? living.tables;
  const lacking = lackingFrom(part?.tables ?? [], tables);
  if (part === undefined || lacking.length > 0) {
    throw new IntegrityError(`${host}: its part lacks ${namesOf(lacking)}, which other nodes hold`);
  }
  if (part.tables.length === tables.length) {
    return part;
  }
  const manifest = await gate.wholeNode(async () => {
    const stored = await repository.nodeManifest(ref, host, everyTable, signal);
    return stored === undefined ? undefined : withoutDropped(stored, tables, repository, signal);
  }, signal);
  if (manifest === undefined) {
    throw new IntegrityError(`${host}: its manifest, which was just written, is not there`);
  }
  return { ...partOf(manifest, tables), warnings: part.warnings };
}
