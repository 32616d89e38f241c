import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A backup or a run as it lies in the bucket, seen from behind. */
export interface Stored {
  readonly id: string;
  readonly state: 'complete' | 'degraded' | 'unfinished';
  /** `keyspace.table` of each. */
  readonly tables: readonly string[];
}

/** All that lie below a location's directory; none where there is no such directory yet. */
export async function storedBackups(directory: string): Promise<readonly Stored[]> {
  const found: Stored[] = [];
  for (const id of await directories(directory)) {
    found.push(...(await storedAt(directory, id)));
    for (const incremental of await directories(join(directory, id, 'incrementals'))) {
      found.push(...(await storedAt(join(directory, id, 'incrementals'), incremental)));
    }
  }
  return found;
}

async function storedAt(directory: string, id: string): Promise<readonly Stored[]> {
  const manifest = await textOf(join(directory, id, 'manifest.json'));
  if (manifest !== undefined) {
    const { state, tables }: { state?: string; tables: readonly { keyspace: string; table: string }[] } = JSON.parse(manifest);
    const names = tables.map(({ keyspace, table }) => `${keyspace}.${table}`);
    return [{ id, state: state === 'degraded' ? 'degraded' : 'complete', tables: names }];
  }
  const mark = await textOf(join(directory, id, 'in-progress.json'));
  return mark === undefined ? [] : [{ id, state: 'unfinished', tables: [] }];
}

async function directories(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && /^\d{8}T\d{6}Z$/.test(entry.name)).map(({ name }) => name);
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
