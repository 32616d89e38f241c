import { parseDictionaries, readDictionaries } from '../../../cluster/cql/dictionaries.ts';
import { type Topology, liveTable } from '../../../cluster/tools/topology.ts';
import {
  dictionaryNames,
  dictionaryRows,
  dictionaryTable,
  isDictionaryText,
  tablesWithout,
} from '../../../model/schema/dictionaries.ts';
import { dictionariesKey } from '../../../storage/keys.ts';
import type { Repository } from '../../../storage/backups/repository.ts';
import type { Member } from '../../nodes/members.ts';
import type { Sources } from '../../restore-sources.ts';

/**
 * What whoever agrees should know of tables that were compressed with a dictionary that the cluster has not: another cluster,
 * or one where it was lost. Silent where the cluster cannot say what it has: restored rows are read either way.
 */
export async function dictionaryWarnings(
  { ref, tables }: Sources,
  { member, topology }: { readonly member: Member | undefined; readonly topology: Topology | undefined },
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const text = await repository.dictionaries(ref, signal);
  if (
    text === undefined ||
    member === undefined ||
    topology === undefined ||
    liveTable(topology, dictionaryTable) === undefined
  ) {
    return [];
  }
  const live = await readDictionaries(member, dictionaryNames, signal).catch(() => undefined);
  signal.throwIfAborted();
  const saved = parseDictionaries(dictionaryRows(text, dictionariesKey(ref))) ?? [];
  const lacking = live === undefined ? [] : tablesWithout(live, saved, tables);
  const file = `${repository.store.url}/${dictionariesKey(ref)}`;
  const way = isDictionaryText(text)
    ? ` or ${file} is run by cqlsh, once you have read it`
    : `. Do not give ${file} to cqlsh: it is not what a backup writes`;
  return lacking.length === 0
    ? []
    : [
        `${lacking.join(', ')}: the cluster lacks the dictionary of the backup. What is restored can be read; what is written then is compressed without one, until one is trained (nodetool compressiondictionary train)${way}`,
      ];
}
