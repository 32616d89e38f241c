import { sizeText } from '../model/size.ts';
import { type Problem, type ProblemKind, isDamage } from '../model/verify/verify-plan.ts';
import { type VerifyResult, isSound } from '../model/verify/verify-result.ts';
import { count } from './backup-report.ts';
import { signaturesText } from './signatures-report.ts';
import { table } from './table.ts';

/** Problems shown to people; the rest are counted, and all are in the JSON document. */
const shown = 100;

/** What is wrong, worst first, and the verdict in the last lines. */
export function verifyText(result: VerifyResult): string {
  const { problems, mendings } = result;
  const sorted = problems.toSorted((a, b) => Number(isDamage(b)) - Number(isDamage(a)));
  const rows = sorted
    .slice(0, shown)
    .map((problem) => [problem.kind, problem.backup, problem.host, problem.path || problem.key, outcomeText(problem, result)]);
  const repairing = mendings.size > 0 ? ', repair' : '';
  const list = rows.length === 0 ? '' : table(['problem', 'backup', 'node', 'file or object', `detail${repairing}`], rows);
  const more = problems.length > shown ? `… and ${problems.length - shown} more (--json names all)\n` : '';
  return `${list}${more}${list === '' ? '' : '\n'}${lookedAt(result)}\n${verdict(result)}\n`;
}

export function verifyJson(result: VerifyResult): unknown {
  const { location, backup, backups, unfinished, degraded, objects, bytes, readObjects, readBytes, sample, mendings } = result;
  const problems = result.problems.map(({ kind, backup: of, host, path, key, detail }) => {
    const repair = mendings.get(key);
    return { kind, backup: of, host, path, key, detail, ...(repair === undefined ? {} : { repair }) };
  });
  return {
    ok: isSound(result),
    location,
    backup,
    backups,
    ...(unfinished.length === 0 ? {} : { unfinished }),
    ...(degraded.length === 0 ? {} : { degraded }),
    problems,
    objects,
    bytes,
    readObjects,
    readBytes,
    ...(sample === undefined ? {} : { sample }),
    ...(result.signatures === undefined ? {} : { signatures: result.signatures }),
  };
}

function outcomeText({ key, detail }: Problem, { mendings }: VerifyResult): string {
  const mending = mendings.get(key);
  return mending === undefined ? detail : `${detail}; ${mending.mended ? 'MENDED' : 'NOT mended'}: ${mending.detail}`;
}

function lookedAt({ backups, objects, bytes, readObjects, readBytes, sample }: VerifyResult): string {
  const listed = `${count(objects, 'object')} of ${count(backups.length, 'backup')} (${sizeText(bytes)}) compared with what is stored`;
  if (sample === undefined) {
    return `${listed}; their contents were not read (--read-data)`;
  }
  const part = sample.percent >= 100 ? '' : `, a sample of ${sample.percent} % (--sample-seed ${sample.seed})`;
  return `${listed}; ${readObjects} of them read to their end (${sizeText(readBytes)})${part}`;
}

function verdict(result: VerifyResult): string {
  const { backup, problems, mendings, unfinished, degraded } = result;
  const what = backup === 'all' ? 'the backups' : `backup ${backup}`;
  const damage = problems.filter(isDamage);
  const left = damage.filter(({ key }) => mendings.get(key)?.mended !== true);
  const orphans = problems.filter(({ kind }) => kind === 'orphan').length;
  const foreign = problems.filter(({ kind }) => kind === 'foreign').length;
  return [
    ...(result.signatures === undefined ? [] : [signaturesText(result.signatures)]),
    ...(unfinished.length === 0 ? [] : [`unfinished, only whole nodes were looked at: ${unfinished.join(', ')}`]),
    ...degraded.map(({ id, missing }) => `degraded, it lacks ${missing.join(', ')}: ${id}`),
    ...(orphans === 0 ? [] : [`${count(orphans, 'orphan')}: they only take room; \`sstash prune\` removes them`]),
    ...(foreign === 0
      ? []
      : [`${count(foreign, 'object')} not stored by sstash: no fault of the backup, and nothing deletes them`]),
    ...(damage.length === left.length ? [] : [`${count(damage.length - left.length, 'problem')} mended`]),
    isSound(result) ? `${what}: ok` : `${what}: NOT ok, ${kindsText(left)}`,
  ].join('\n');
}

function kindsText(problems: readonly Problem[]): string {
  const counts = new Map<ProblemKind, number>();
  for (const { kind } of problems) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return `${count(problems.length, 'problem')} (${[...counts].map(([kind, number]) => `${number} ${kind}`).join(', ')})`;
}
