import { type CommandOutcome, exitCodes } from '../../cli/run.ts';
import type { RestoreResult } from '../../model/restore/restore-result.ts';
import { restoreJson, restoreText } from '../../report/restore-report.ts';

/** What a command that brought files back says, and its exit code: partial where a node failed,
 * damaged where the backup lacks what is needed. */
export function restoreOutcome(result: RestoreResult): CommandOutcome {
  const { lost = [] } = result;
  const failed = result.nodes.some(({ error }) => error !== undefined);
  return {
    json: restoreJson(result),
    text: restoreText(result),
    warnings: result.warnings,
    exitCode: lost.length > 0 ? exitCodes.integrity : failed ? exitCodes.partial : exitCodes.done,
  };
}
