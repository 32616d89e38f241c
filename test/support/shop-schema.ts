import { readFile } from 'node:fs/promises';

/** The schema that integration tests share, as far as the cluster knows it. */
export async function shopSchema({ hasSai }: { readonly hasSai: boolean }): Promise<string> {
  const names = ['schema.cql', ...(hasSai ? ['schema-5.0.cql'] : []), 'schema-view.cql'];
  const texts = names.map((name) => readFile(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'));
  return (await Promise.all(texts)).join('\n');
}
