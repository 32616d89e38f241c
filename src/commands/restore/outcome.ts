import { type CommandOutcome, exitCodes } from '../../cli/run.ts';
import type { RestoreResult } from '../../model/restore/restore-result.ts';
import { restoreJson, restoreText } from '../../report/restore-report.ts';

/** What a command that brought files back says, and its exit code: partial where a node failed. */
export function restoreOutcome(result: RestoreResult): CommandOutcome {
  const failed = result.nodes.some(({ error }) => error !== undefined);
  return {
    json: restoreJson(result),
    text: restoreText(result),
    warnings: result.warnings,
    exitCode: failed ? exitCodes.partial : exitCodes.done,
  };
}
