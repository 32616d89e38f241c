import type { RestoreResult } from '../model/restore/restore-result.ts';

/** How many tables' rows can be read, in the words that follow `restored and checked`; empty where nobody looked. */
export function readCount({ tables }: RestoreResult): string {
  const probed = tables.filter(({ probe }) => probe !== undefined);
  const read = probed.filter(({ probe }) => probe?.state === 'read').length;
  return probed.length === 0 ? '' : read === probed.length ? ', and read by CQL' : `; ${read} of ${probed.length} read by CQL`;
}

/** Tables that cannot be read, by which replicas, and what those say in their logs. */
export function unreadableText({ tables, method }: RestoreResult): string {
  const lines = tables.flatMap(({ keyspace, table, probe }) =>
    probe?.state !== 'failed'
      ? []
      : [
          `  ${keyspace}.${table}: ${probe.reason ?? ''}\n`,
          ...(probe.replicas ?? []).flatMap(({ address, host, log }) =>
            log.length > 0
              ? log.map((line) => `    ${host ?? address}: ${line}\n`)
              : [`    ${host ?? address}: see its system.log\n`],
          ),
        ],
  );
  return lines.length === 0
    ? ''
    : `\nThese tables hold what cannot be READ, though every file was right when it was loaded:\n${lines.join('')}${method === 'node-restart' ? afterRestart : online}`;
}

/** How many tables cannot be read. */
export function unreadable({ tables }: RestoreResult): number {
  return tables.filter(({ probe }) => probe?.state === 'failed').length;
}

const afterRestart = '  The way back is below; or mend the files that the logs name (nodetool scrub).\n';
const online =
  '  Mend the files that the logs name (nodetool scrub); or, where nothing newer is needed of a table, restore it again with --truncate.\n';
