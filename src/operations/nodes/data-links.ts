import { readDataLinks } from '../../cluster/files/data-links.ts';
import { type DataLink, linkTrouble, linksOf } from '../../model/node/data-links.ts';
import { UsageError } from '../../model/errors.ts';
import type { TableId } from '../../model/sstable.ts';
import type { Member } from './members.ts';

/**
 * The symbolic links that a node has in the places of these tables. Throws UsageError where one of them leads to what is not of
 * the data's owner, and RemoteError.
 */
export async function followedLinks(
  member: Member,
  tables: readonly Pick<TableId, 'keyspace' | 'table'>[],
  signal: AbortSignal,
): Promise<readonly DataLink[]> {
  const { links, trouble } = await linksAndTrouble(member, tables, signal);
  if (trouble !== undefined) {
    throw new UsageError(`${member.host}: ${trouble}`, {
      hint: 'give the directory to the owner of the data (chown -R), or remove the link if it is of no use any more',
    });
  }
  return links;
}

/** The same, and why one of them is not followed; undefined when all are. Throws RemoteError. */
export async function linksAndTrouble(
  member: Member,
  tables: readonly Pick<TableId, 'keyspace' | 'table'>[],
  signal: AbortSignal,
): Promise<{ readonly links: readonly DataLink[]; readonly trouble: string | undefined }> {
  const { config } = member;
  const links = linksOf(await readDataLinks(member, signal), config.dataDirectories, tables);
  return { links, trouble: linkTrouble(links, config.dataOwner ?? 'another user') };
}
