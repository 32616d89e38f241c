import type { DataNode } from '../node.ts';
import type { SetAsideFile } from '../../model/backup/manifest.ts';
import { type Component, dataPathFor, dataPathOf, tableDirectory } from '../../model/sstable.ts';
import { type SnapshotEntry, findLinks } from './find-links.ts';
import { type DirectoryContents, type SnapshotListing, assembleListing, componentKey } from './snapshot-listing.ts';
import { readLinks } from './snapshot.ts';

/**
 * Cassandra's own incremental backup files: with incremental backups on, it links every sstable that is flushed, streamed
 * or imported into `<table>/backups` (indexes into a directory of their own below it) and never removes one.
 */
export interface IncrementalListing extends SnapshotListing {
  /** Sstables that Cassandra is linking at this moment: not all that their TOC names is there. The next run takes them. */
  readonly unfinished: readonly Component[];
}

export async function listIncrementalFiles(node: DataNode, signal: AbortSignal): Promise<IncrementalListing> {
  const remote = node.files;
  const directories: DirectoryContents[] = [];
  for (const directory of node.config.dataDirectories) {
    directories.push(await readLinks(remote, directory, 'backups', isRead, signal));
  }
  const listing = assembleListing(remote.host, 'backups', directories);
  const unfinished = unfinishedSSTables(listing, directories);
  return {
    ...listing,
    components: listing.components.filter((component) => !unfinished.has(sstableKey(component))),
    unfinished: listing.components.filter((component) => unfinished.has(sstableKey(component))),
  };
}

/** Names, sizes and times of what lies in `backups` now; for a new snapshot, which sets it aside. */
export async function listSetAside(node: DataNode, signal: AbortSignal): Promise<readonly SetAsideFile[]> {
  const remote = node.files;
  const files: SetAsideFile[] = [];
  for (const directory of node.config.dataDirectories) {
    for await (const { type, keyspace, directory: table, name, bytes, modified } of findLinks(
      remote,
      directory,
      'backups',
      signal,
    )) {
      if (type === 'f') {
        files.push({ path: `${keyspace}/${table}/${name}`, bytes, modified });
      }
    }
  }
  return files;
}

/** The same file that a manifest set aside: it belongs to an older chain. */
export function isSetAside(component: Component, setAside: ReadonlyMap<string, SetAsideFile>): boolean {
  const file = setAside.get(componentKey(component));
  return file?.bytes === component.bytes && file.modified === component.modified;
}

/**
 * Deletes exactly these files from `backups`, if size and time are still what they were when they were uploaded. A file
 * that is gone is fine; another file under the name stays.
 */
export async function deleteIncrementalFiles(node: DataNode, uploaded: readonly Component[], signal: AbortSignal): Promise<void> {
  const remote = node.files;
  for (const [disk, directory] of node.config.dataDirectories.entries()) {
    const wanted = new Map(
      uploaded.filter((component) => component.disk === disk).map((component) => [componentKey(component), component]),
    );
    const paths: string[] = [];
    for await (const entry of findLinks(remote, directory, 'backups', signal)) {
      const component = wanted.get(`${entry.keyspace}/${entry.directory}/${entry.name}`);
      if (component?.bytes === entry.bytes && component.modified === entry.modified) {
        paths.push(`${entry.path}\0`);
      }
    }
    if (paths.length > 0) {
      await remote.run(
        ['sh', '-c', removeFilesScript, 'sh', directory],
        { input: paths.join(''), verb: 'clearsnapshot', what: 'the removal of incremental files' },
        signal,
      );
    }
  }
}

export const removeFilesScript: string = 'cd -- "$1" && exec xargs -0 rm -f --';

function isRead(entry: SnapshotEntry): boolean {
  return entry.type === 'f' && (dataPathOf(entry.name) !== undefined || entry.name.endsWith(tocSuffix));
}

/** Told by TOC.txt, which Cassandra writes with every sstable; what the TOC does not name is no sign of anything. */
function unfinishedSSTables(listing: SnapshotListing, directories: readonly DirectoryContents[]): ReadonlySet<string> {
  const held = new Set(listing.components.map(componentKey));
  const whole = new Set<string>();
  for (const { entries, texts } of directories) {
    for (const entry of entries.filter(({ name }) => name.endsWith(tocSuffix))) {
      const stem = `${entry.keyspace}/${entry.directory}/${entry.name.slice(0, -tocSuffix.length)}`;
      const named = (texts.get(entry.path) ?? '').split('\n').filter((line) => line !== '');
      if (named.length > 0 && named.every((component) => held.has(`${stem}-${component}`))) {
        whole.add(`${stem}-Data.db`);
      }
    }
  }
  return new Set(listing.components.map(sstableKey).filter((key) => !whole.has(key)));
}

function sstableKey(component: Component): string {
  return `${tableDirectory(component.table)}/${dataPathFor(component.path) ?? component.path}`;
}

const tocSuffix = '-TOC.txt';
