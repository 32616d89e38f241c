import { type CommandOutcome, exitCodes } from '../../cli/run.ts';
import type { RestoreResult } from '../../model/restore/restore-result.ts';
import { restoreJson, restoreText } from '../../report/restore-report.ts';

/**
 * What a command that brought files back says, and its exit code: partial where a node failed, damaged where what was
 * restored cannot be read, and where a plan finds that the backup lacks what is needed.
 */
export function restoreOutcome(result: RestoreResult): CommandOutcome {
  const { dryRun, lost = [] } = result;
  const damaged = (dryRun && lost.length > 0) || result.tables.some(({ probe }) => probe?.state === 'failed');
  const failed = result.nodes.some(({ error }) => error !== undefined);
  return {
    json: restoreJson(result),
    text: restoreText(result),
    warnings: result.warnings,
    exitCode: damaged ? exitCodes.integrity : failed ? exitCodes.partial : exitCodes.done,
  };
}

/** Asked before files that an earlier restore of something else brought to this host are removed. */
export function localQuestion(texts: readonly string[]): string {
  return `${texts.join('\n')}\nThese are removed first: sstables of two moments must not be mixed. Go on?`;
}
