import { createHash } from 'node:crypto';
import { spreadLoads, tablesToLoad } from '../../../model/restore/load-plan.ts';
import { type TablePart, partsOf } from '../../../model/restore/plan.ts';
import type { MatchedBy, NodeMatch } from '../../../model/target/node-match.ts';
import type { Member } from '../../nodes/members.ts';
import type { Sources } from '../../restore-sources.ts';

/** What a node is to get, and of whom. */
export interface Share {
  readonly host: string;
  readonly sources: readonly string[];
  readonly matchedBy?: MatchedBy;
  readonly parts: readonly TablePart[];
  /** The data directories that the files came from; none where they are of several nodes. */
  readonly dataDirectories: readonly string[];
  /** What tells files from those of another share, besides the backup. */
  readonly mark: string;
}

/** Every node the data of the node that it stands for; one that cannot be reached is named later, by who needs it. */
export function sharesByMatch(matches: readonly NodeMatch[], { manifests, tables }: Sources): readonly Share[] {
  return matches.flatMap(({ source, target, by }) =>
    manifests
      .filter(({ host }) => host === source.host)
      .map((manifest) => ({
        host: target.host,
        sources: [source.host],
        matchedBy: by,
        parts: partsOf(manifest, tables),
        dataDirectories: manifest.dataDirectories,
        mark: '',
      })),
  );
}

/** The data of all nodes over these ones, in equal shares: sstableloader finds out to which nodes a row belongs. */
export function sharesToLoad({ manifests, tables, views }: Sources, members: readonly Member[]): readonly Share[] {
  const hosts = members.map(({ host }) => host);
  return [...spreadLoads(manifests, tablesToLoad(tables, views), hosts)].map(([host, parts]) => ({
    host,
    sources: [...new Set(parts.flatMap(({ sources }) => sources))].toSorted(),
    parts,
    dataDirectories: [],
    mark: ` for sstableloader ${fingerprint(parts)}`,
  }));
}

/** With other hosts, tables or disks an sstable gets another number or place, and small files may have others' name and size. */
export function fingerprint(parts: readonly TablePart[]): string {
  const lines = parts.flatMap(({ table, directory }) => table.files.map(({ path, key }) => `${directory}/${path}\t${key}\n`));
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 16);
}
