import { z } from 'zod';
import type { CqlNode } from '../node.ts';
import { BackupError } from '../../model/errors.ts';
import { type Dictionary, selectDictionaries } from '../../model/schema/dictionaries.ts';
import { cqlshError, parseJsonRows, runCqlsh } from './cqlsh.ts';

const rowSchema = z.object({ keyspace_name: z.string(), table_name: z.string(), dict_id: z.string().regex(/^-?\d+$/) }).loose();

/** The rows of the table of dictionaries, with these columns. Throws RemoteError, or BackupError when the answer is not whole. */
export async function readDictionaries(node: CqlNode, columns: string, signal: AbortSignal): Promise<readonly Dictionary[]> {
  const output = await runCqlsh(node, [selectDictionaries(columns)], signal);
  if (output.status !== 0) {
    throw cqlshError(node, output);
  }
  const { rows, whole, results } = parseJsonRows(output.stdout);
  const dictionaries = whole && results === 1 ? parseDictionaries(rows) : undefined;
  if (dictionaries === undefined) {
    throw new BackupError(`cqlsh on ${node.remote.host} gave compression dictionaries that are not understood`);
  }
  return dictionaries;
}

/** Undefined when a row is none of that table. */
export function parseDictionaries(rows: readonly unknown[]): readonly Dictionary[] | undefined {
  const { data } = z.array(rowSchema).safeParse(rows);
  return data?.map((row) => ({
    keyspace: row.keyspace_name,
    table: row.table_name,
    id: row.dict_id,
    json: JSON.stringify(row),
  }));
}
