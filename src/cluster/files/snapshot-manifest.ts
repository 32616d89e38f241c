import { z } from 'zod';

/**
 * Reads the manifest.json that Cassandra writes into a snapshot: the Data.db paths it lists, those of secondary indexes
 * as `.index/nb-1-big-Data.db`. Newer Scylla lists sstables by their TOC instead. Undefined when it is neither.
 */
export function parseFileList(text: string): readonly string[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = fileList.safeParse(json);
  if (!parsed.success) {
    return undefined;
  }
  return 'files' in parsed.data
    ? parsed.data.files
    : parsed.data.sstables.map(({ toc_name: toc }) => toc.replace(/TOC\.txt$/, 'Data.db'));
}

/** When Cassandra clears the snapshot by itself, in milliseconds since 1970 by the node's clock; undefined where it does not. */
export function parseExpiry(text: string): number | undefined {
  const found = /"expires_at"\s*:\s*(?:"([^"]{1,40})"|(\d{1,13}(?:\.\d{1,9})?))/.exec(text);
  const moment = found?.[2] === undefined ? Date.parse(found?.[1] ?? '') : Number(found[2]) * 1000;
  return Number.isNaN(moment) ? undefined : moment;
}

const fileList = z.union([
  z.object({ files: z.array(z.string()) }),
  z.object({ sstables: z.array(z.object({ toc_name: z.string() })) }),
]);
