import { type DataDisk, type FullDisk, fullDisk } from '../restore/disk-plan.ts';
import type { TablePart } from '../restore/plan.ts';
import { total } from '../size.ts';
import type { TableId } from '../sstable.ts';

/**
 * What is at the end of a symbolic link below a data directory: a directory of the data's owner (`good`), one of somebody
 * else, nothing that the owner can enter, or, where the data are root's own, anything that a link of somebody else leads to.
 */
export type LinkState = 'good' | 'foreign' | 'dangling' | 'planted';

/** A directory of a keyspace, of a table, or of a part of a table, that is a symbolic link. */
export interface DataLink {
  readonly state: LinkState;
  /** Absolute. */
  readonly path: string;
  /** Where it leads in the end; of a dangling one what it says. */
  readonly target: string;
  /** Name of the user whom the target belongs to, of a planted one the link; empty where nobody can say. */
  readonly owner: string;
  /** Of the target's disk, as for DataDisk. */
  readonly device: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** The links that belong to these tables, by keyspace and name: Cassandra reads and writes them through these. */
export function linksOf(
  links: readonly DataLink[],
  dataDirectories: readonly string[],
  tables: readonly Pick<TableId, 'keyspace' | 'table'>[],
): readonly DataLink[] {
  const keyspaces = new Set(tables.map(({ keyspace }) => keyspace));
  const names = new Set(tables.map(({ keyspace, table }) => `${keyspace}/${table}`));
  return links.filter(({ path }) => {
    const data = dataDirectories.find((directory) => path.startsWith(`${directory}/`)) ?? '';
    const [keyspace = '', directory] = path.slice(data.length + 1).split('/');
    return directory === undefined
      ? keyspaces.has(keyspace)
      : names.has(`${keyspace}/${directory.slice(0, directory.lastIndexOf('-'))}`);
  });
}

/**
 * The first disk without room for what goes to it from another, those counted that tables are on behind links; undefined when
 * there is room for all.
 */
export function fullDiskBehind(
  links: readonly DataLink[],
  disks: readonly DataDisk[],
  parts: readonly TablePart[],
): FullDisk | undefined {
  const staged = new Set(disks.flatMap((disk) => (disk.staged ? [disk.device] : [])));
  const linked = links.map(({ path, device, totalBytes, freeBytes }): DataDisk => ({
    directory: path,
    device,
    totalBytes,
    freeBytes,
    staged: staged.has(device),
  }));
  const placeOf = ({ disk = '', table }: TablePart) => {
    const here = links.filter(({ path }) => path.startsWith(`${disk}/`) && path.slice(disk.length + 1).split('/').length <= 2);
    const [deepest] = linksOf(here, [disk], [table]).toSorted((a, b) => b.path.length - a.path.length);
    return deepest?.path ?? disk;
  };
  const bytes = new Map<string, number>();
  for (const part of parts) {
    const place = placeOf(part);
    bytes.set(place, (bytes.get(place) ?? 0) + bytesOf(part));
  }
  return fullDisk([...disks, ...linked], (directory) => bytes.get(directory) ?? 0);
}

function bytesOf({ table }: TablePart): number {
  return total(table.files.map(({ bytes }) => bytes));
}

/** Why one of the links is not followed; undefined when all are. */
export function linkTrouble(links: readonly DataLink[], dataOwner: string): string | undefined {
  const bad = links.find(({ state }) => state !== 'good');
  if (bad === undefined) {
    return undefined;
  }
  const { state, path, target, owner } = bad;
  const [whose = ''] = dataOwner.split(':');
  const why = {
    planted: `of ${owner}, and the data directory belongs to ${whose}`,
    foreign: `to ${target}, which belongs to ${owner} and not to ${whose}, who owns the data`,
    dangling: `to ${target}, which is no directory that ${whose} can enter`,
    good: '',
  }[state];
  return `${path} is a symbolic link ${why}`;
}
