import { type FoundFile, findComponents, readDigests } from '../../cluster/files/component-search.ts';
import type { LostObject } from '../../model/verify/repair-plan.ts';
import { type TableId, dataPathFor, digestPathOf, tableDirectory } from '../../model/sstable.ts';
import type { Source } from '../../transfer/transfer.ts';
import type { Member } from '../nodes/members.ts';

/** Where a lost component still lies on its node. */
export interface Found {
  readonly lost: LostObject;
  readonly source: Source;
}

/** … or why it cannot be taken from there. */
export type Origin = Found | { readonly lost: LostObject; readonly reason: string };

/**
 * Looks for components on the node that they came from. The same component is one of the same size and time, to the last
 * digit, whose sstable has the same digest: Statistics.db gets new bytes under its old name, and integer ids restart.
 */
export async function findOrigins(member: Member, lost: readonly LostObject[], signal: AbortSignal): Promise<readonly Origin[]> {
  const wanted = new Map(lost.map((each) => [nameOf(each), each]));
  const tables = new Map<string, TableId>(lost.map(({ wanted: { table } }) => [tableDirectory(table), table]));
  const same = new Map<string, FoundFile[]>();
  const others = new Set<string>();
  for await (const found of findComponents(member, [...tables.values()], signal)) {
    const name = `${found.table}/${found.path}`;
    const file = wanted.get(name)?.wanted.file;
    if (file === undefined) {
      continue;
    }
    if (file.bytes === found.bytes && file.modified === found.modified) {
      same.set(name, [...(same.get(name) ?? []), found]);
    } else {
      others.add(name);
    }
  }
  const digests = await readDigests(
    member.files,
    [...new Set([...same.values()].flat().flatMap((found) => digestPlaceOf(found) ?? []))],
    signal,
  );
  return lost.map((each) => {
    const name = nameOf(each);
    const candidates = same.get(name) ?? [];
    // Hard links in a snapshot stay while they are read; live files may be compacted away.
    const found = candidates
      .filter((candidate) => hasDigest(candidate, each, digests))
      .toSorted((a, b) => Number(a.live) - Number(b.live))[0];
    return found === undefined
      ? { lost: each, reason: reasonFor(candidates.length > 0, others.has(name)) }
      : { lost: each, source: sourceOf(each, found) };
  });
}

/** An sstable without a digest is told by size and time alone; there is no more to go by. */
function hasDigest(found: FoundFile, { wanted: { digest } }: LostObject, digests: ReadonlyMap<string, string>): boolean {
  return digest === undefined || digests.get(digestPlaceOf(found) ?? '') === digest;
}

function digestPlaceOf({ place }: FoundFile): string | undefined {
  const data = dataPathFor(place);
  return data === undefined ? undefined : digestPathOf(data);
}

function reasonFor(otherDigest: boolean, otherTime: boolean): string {
  if (otherDigest) {
    return 'the node has a file of this name, size and time that belongs to another sstable';
  }
  return otherTime
    ? 'the node has another version of this file: its size or time differs'
    : 'the node does not have it any more, neither live nor in a snapshot';
}

function sourceOf({ key, wanted: { table, file } }: LostObject, found: FoundFile): Source {
  const { path, bytes, modified, compression, digest } = file;
  const component = { table, path, bytes, modified, disk: found.disk };
  const upload = { component, key, compression };
  return { upload: digest === undefined ? upload : { ...upload, digest }, path: found.place };
}

function nameOf({ wanted: { table, file } }: LostObject): string {
  return `${tableDirectory(table)}/${file.path}`;
}
