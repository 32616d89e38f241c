import type { DataNode } from '../../cluster/node.ts';
import { readJournals } from '../../cluster/placing/placing.ts';
import { BackupError, reasonOf } from '../../model/errors.ts';
import { isHalfDone, leftDown } from '../../model/restore/restart-plan.ts';

/** The error of a Cassandra that gives no answer; where a restore that broke off is why, by its journal on the node, it says so. */
export async function whyDown(node: DataNode, error: unknown, signal: AbortSignal): Promise<unknown> {
  const journals = await readJournals(node, signal).catch(() => []);
  const left = journals.findLast(({ phase, isDown }) => isDown || isHalfDone(phase));
  if (left === undefined) {
    return error;
  }
  const { why, hint } = leftDown(left);
  return new BackupError(`${node.files.host}: ${why}: ${reasonOf(error)}`, { cause: error, hint });
}
