import { IntegrityError } from '../model/errors.ts';
import { type Upload } from '../model/backup/upload-plan.ts';

/** A Data.db that has not the CRC-32 that Cassandra wrote beside it; `found` where it is known. */
export function damagedOnNode({ component, digest }: Upload, found?: string): IntegrityError {
  const { table, path } = component;
  const sum = found === undefined ? 'its CRC-32 is not what' : `CRC-32 ${found},`;
  return new IntegrityError(
    `${table.keyspace}.${table.table} ${path} is damaged on the node: ${sum} its Digest.crc32 says ${digest}`,
    {
      hint: 'nodetool verify (or sstableverify) names the damage, nodetool scrub or repair mends it',
    },
  );
}
