import type { RestoreResult } from '../model/results.ts';
import { sizeText } from '../model/size.ts';
import { count } from './backup-report.ts';
import { table } from './table.ts';

/** What came back where, and for staged files how to put them in place. */
export function restoreText(result: RestoreResult): string {
  const rows = result.nodes.map((node) => [
    node.host,
    node.source === node.host ? '' : node.source,
    node.error === undefined ? (result.dryRun ? 'planned' : 'ok') : 'FAILED',
    String(node.files),
    sizeText(node.bytes),
    String(node.presentFiles),
    node.error ?? node.directory,
  ]);
  const failed = result.nodes.filter((node) => node.error !== undefined).length;
  const verdict = result.dryRun
    ? `nothing is done yet: ${count(result.tables.length, 'table')} of backup ${result.backup} would be restored by ${result.method}: ${result.reason}`
    : failed === 0
      ? `${count(result.tables.length, 'table')} of backup ${result.backup} restored and checked`
      : `NOT restored: ${failed} of ${count(result.nodes.length, 'node')} failed; run the command again, what is there and right stays`;
  return `${table(['node', 'data of', 'state', '>files', '>size', '>present', 'directory'], rows)}\n${verdict}\n${statementsOf(result)}${placing(result)}`;
}

/** The plan, and the question whether to go on. */
export function restoreQuestion(plan: RestoreResult): string {
  return `${restoreText(plan)}Go on?`;
}

/** The first line of each: a table's options fill a page, and `--json` has them. */
function statementsOf({ dryRun, statements = [] }: RestoreResult): string {
  const heads = statements.map((statement) => {
    const [head = '', ...rest] = statement.split('\n');
    return rest.length === 0 ? `  ${head};\n` : `  ${head} …\n`;
  });
  return dryRun && heads.length > 0 ? `\nIt begins with these statements:\n${heads.join('')}` : '';
}

function placing(result: RestoreResult): string {
  if (result.commands === '' || result.dryRun) {
    return '';
  }
  return `
The files are beside the live data; nothing was stopped or replaced. To put them in place by the node restart method,
run this on this host (it stops the whole cluster; old files are moved aside, not deleted):

# ---- node restart method, begin
${result.commands}# ---- node restart method, end
`;
}

export function restoreJson(result: RestoreResult): unknown {
  return result;
}
