import { type KeyspaceCoverage, type KnownCoverage, inOneLine, isWhole } from '../model/target/coverage.ts';
import type { TokenRange } from '../model/ring/replica-ranges.ts';
import { percentText } from '../model/size.ts';
import { count } from './backup-report.ts';

/** Which ranges come back; empty where none of the keyspaces has any. */
export function coverageText(coverages: readonly KeyspaceCoverage[]): string {
  if (coverages.length === 0) {
    return '';
  }
  if (coverages.every(isWhole)) {
    return 'coverage: every range, all replicas\n';
  }
  const lines = inOneLine(coverages, lineOf).map((line) => `coverage of ${line}\n`);
  return `${lines.join('')}${meaningOf(coverages)}`;
}

function lineOf(coverage: KeyspaceCoverage): string {
  if ('unknown' in coverage) {
    return `not known: ${coverage.unknown}`;
  }
  if (isWhole(coverage)) {
    return 'every range, all replicas';
  }
  const { missing, missingShare, thinShare } = coverage;
  const there =
    missing.length === 0
      ? 'every range'
      : `${percentText(missingShare)} of the ring MISSING, ${count(missing.length, 'range')}: ${namesOf(missing)}`;
  const thin = thinShare === 0 ? '' : `; ${percentText(thinShare)} of the ring without some of its replicas`;
  return `${there}${thin}${changeOf(coverage)}`;
}

function changeOf({ changed }: KnownCoverage): string {
  return changed === undefined || changed.backup === changed.now ? '' : ` (${changed.backup} at the backup, ${changed.now} now)`;
}

/** The first of them: a ring may have 100,000, and `--json` has them all. */
function namesOf(ranges: readonly TokenRange[]): string {
  const named = ranges.slice(0, 3).map(({ after, upTo }) => `(${after}, ${upTo}]`);
  const rest = ranges.length - named.length;
  return `${named.join(' ')}${rest === 0 ? '' : ` and ${rest} more`}`;
}

function meaningOf(coverages: readonly KeyspaceCoverage[]): string {
  const known = coverages.filter((coverage): coverage is KnownCoverage => !('unknown' in coverage));
  const missing = known.some(({ missingShare }) => missingShare > 0) ? ['rows of missing ranges do not come back'] : [];
  const thin = known.filter(({ thinShare }) => thinShare > 0);
  const added = thin.some(({ changed }) => (changed?.newShare ?? 0) > 0)
    ? ['nodes that have become replicas since the backup get no rows before a repair']
    : [];
  const lacking = thin.some(({ changed }) => changed === undefined || changed.newShare === 0)
    ? ['rows that only the nodes left out had do not come back: repair afterwards']
    : [];
  return [...missing, ...lacking, ...added].map((line) => `  ${line}\n`).join('');
}
