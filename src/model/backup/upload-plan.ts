import type { BackupId, Compression, StoredFile } from './manifest.ts';
import { type KnownFiles, sstableDigest } from './known-files.ts';
import { total } from '../size.ts';
import type { StoredSum } from './stored-sum.ts';
import { type Component, type TableId, isDataFile, tableDirectory } from '../sstable.ts';

/** A component that has to travel, and where to. */
export interface Upload {
  readonly component: Component;
  readonly key: string;
  readonly compression: Compression;
  /** Cassandra's own digest of a Data.db (CRC-32 of its bytes), 8 hexadecimal digits. */
  readonly digest?: string;
}

/** What one node's part of a backup will do; printing it is the dry run. */
export interface NodeUploadPlan {
  readonly uploads: readonly Upload[];
  /** Components that an object of an earlier backup holds already. */
  readonly reused: readonly (StoredFile & { readonly table: TableId })[];
  /** Plain bytes of both. */
  readonly bytes: number;
  readonly newBytes: number;
}

/** How components are to be stored. `auto`: as they are where Cassandra has compressed them, else as lzo. */
export type CompressionChoice = Compression | 'auto';

export interface UploadPlanInput {
  readonly components: readonly Component[];
  readonly compression: CompressionChoice;
  /** Cassandra's digest of a Data.db. */
  readonly digestOfData: (dataPath: string, table: TableId) => string | undefined;
  readonly keyOf: (component: Component, compression: Compression) => string;
  /** What earlier backups of this node, and this run before it was interrupted, have stored. */
  readonly known: KnownFiles;
  /** Whether the object is still there as it was stored: a reference to nothing would be a lie. */
  readonly isThere: (file: StoredFile) => boolean;
}

export function planNodeUpload(input: UploadPlanInput): NodeUploadPlan {
  const uploads: Upload[] = [];
  const reused: (StoredFile & { readonly table: TableId })[] = [];
  const compressionOf = compressionFor(input.compression, input.components);
  for (const component of input.components) {
    const { table, path, disk } = component;
    const known = input.known.find(component, sstableDigest(component, input.digestOfData));
    if (known !== undefined && input.isThere(known)) {
      reused.push({ ...known, table, disk });
      continue;
    }
    const digest = isDataFile(path) ? input.digestOfData(path, table) : undefined;
    const compression = compressionOf(component);
    const upload = { component, key: input.keyOf(component, compression), compression };
    uploads.push(digest === undefined ? upload : { ...upload, digest });
  }
  const newBytes = total(uploads.map((upload) => upload.component.bytes));
  return { uploads, reused, newBytes, bytes: newBytes + total(reused.map((file) => file.bytes)) };
}

function compressionFor(choice: CompressionChoice, components: readonly Component[]): (component: Component) => Compression {
  if (choice !== 'auto') {
    return () => choice;
  }
  // A table with compression has this beside every Data.db.
  const marker = 'CompressionInfo.db';
  const compressed = new Set(
    components.filter(({ path }) => path.endsWith(marker)).map((each) => sstableOf(each, marker.length)),
  );
  return (component) => (isDataFile(component.path) && compressed.has(sstableOf(component, 'Data.db'.length)) ? 'none' : 'lzo');
}

function sstableOf({ table, path }: Component, suffix: number): string {
  return `${tableDirectory(table)}/${path.slice(0, -suffix)}`;
}

/** The manifest's line for a component that has just been stored. */
export function storedFile(upload: Upload, stored: StoredBytes, since: BackupId): StoredFile {
  const { path, bytes, modified, disk } = upload.component;
  const line = { path, bytes, modified, disk, key: upload.key, compression: upload.compression, ...stored, since };
  return upload.digest === undefined ? line : { ...line, digest: upload.digest };
}

/** What is known of an object once it is in the store. */
export interface StoredBytes extends StoredSum {
  readonly storedBytes: number;
  readonly etag: string;
}

/** Files grouped by table, tables without files included, in the order of the tables. */
export function groupByTable(
  tables: readonly TableId[],
  files: readonly { readonly table: TableId; readonly file: StoredFile }[],
): readonly (TableId & { readonly files: readonly StoredFile[] })[] {
  const byId = new Map<string, StoredFile[]>();
  for (const { table, file } of files) {
    const key = tableDirectory(table);
    const list = byId.get(key);
    if (list === undefined) {
      byId.set(key, [file]);
    } else {
      list.push(file);
    }
  }
  return tables.map(({ keyspace, table, id }) => ({
    keyspace,
    table,
    id,
    files: byId.get(tableDirectory({ keyspace, table, id })) ?? [],
  }));
}
