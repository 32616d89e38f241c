import type { NodeManifest, StoredFile } from '../backup/manifest.ts';
import { sumText, withObject } from '../backup/stored-sum.ts';
import type { StoredBytes } from '../backup/upload-plan.ts';
import type { Problem, WantedComponent } from './verify-plan.ts';

/** An object that may be stored again from its node. */
export interface LostObject {
  readonly key: string;
  /** The node's name in the backup. */
  readonly host: string;
  readonly wanted: WantedComponent;
  /** Whether nothing but its etag is suspicious. */
  readonly suspect: boolean;
}

/** What there is to mend, each object once though several backups miss it. */
export function lostObjects(problems: readonly Problem[]): readonly LostObject[] {
  const lost = new Map<string, LostObject>();
  for (const { key, host, kind, component } of problems) {
    if (component !== undefined) {
      const before = lost.get(key);
      // One backup may say that the etag differs where another knows that the size does.
      lost.set(key, { key, host, wanted: component, suspect: kind === 'etag' && before?.suspect !== false });
    }
  }
  return [...lost.values()];
}

/** The manifest with what is known of objects that were stored again; undefined when it names none of them differently. */
export function withStored(
  manifest: NodeManifest,
  stored: ReadonlyMap<string, StoredBytes & { readonly wanted: WantedComponent }>,
): NodeManifest | undefined {
  let changed = false;
  const renew = (file: StoredFile): StoredFile => {
    const found = stored.get(file.key);
    if (found === undefined || !isSame(file, found.wanted.file) || agrees(file, found)) {
      return file;
    }
    changed = true;
    const { wanted: _, ...object } = found;
    return withObject(file, object);
  };
  const tables = manifest.tables.map((table) => ({ ...table, files: table.files.map(renew) }));
  return changed ? { ...manifest, tables } : undefined;
}

function isSame(a: StoredFile, b: StoredFile): boolean {
  return a.path === b.path && a.bytes === b.bytes && a.modified === b.modified && a.compression === b.compression;
}

function agrees(file: StoredFile, found: StoredBytes): boolean {
  return (
    file.storedBytes === found.storedBytes &&
    sumText(file) === sumText(found) &&
    file.storedSha256 === found.storedSha256 &&
    file.etag === found.etag
  );
}
