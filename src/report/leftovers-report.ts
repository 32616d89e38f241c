import type { Leftover } from '../model/retention/leftovers/leftover.ts';
import { sizeText, total } from '../model/size.ts';
import { count } from './backup-report.ts';
import { table } from './table.ts';

/** What was found, as `operations/leftovers` gives it. */
export interface LeftoversFound {
  readonly location: string;
  readonly found: readonly (Leftover & { readonly cleared?: boolean; readonly error?: string })[];
  readonly absent: readonly { readonly host: string; readonly reason: string }[];
}

/** `clear`: everything that was found, and what became of it. */
export function clearText(result: LeftoversFound & { readonly dryRun: boolean }): string {
  const { found, dryRun } = result;
  const due = found.filter(({ remove }) => remove);
  const gone = found.filter(({ cleared }) => cleared === true);
  const failed = found.filter(({ error }) => error !== undefined).length;
  const kept = count(found.length - due.length, 'other thing');
  const verdict =
    found.length === 0
      ? 'nothing was left behind'
      : due.length === 0
        ? `nothing is removed; ${kept} stay${found.length === 1 ? 's' : ''}`
        : dryRun
          ? `dry run: nothing is done. Would remove ${figures(due)}; ${kept} would stay`
          : `removed ${figures(gone)}${failed > 0 ? `; ${failed} could not be removed` : ''}; ${kept} stay${found.length - due.length === 1 ? 's' : ''}`;
  return `${leftoversTable(result)}${verdict}\n`;
}

/** What a person is asked before anything is removed. */
export function clearQuestion(result: LeftoversFound): string {
  return `${leftoversTable(result)}Remove ${figures(result.found.filter(({ remove }) => remove))}?`;
}

function figures(items: readonly Leftover[]): string {
  return `${count(items.length, 'thing')} of ${sizeText(total(items.map(({ bytes = 0 }) => bytes)))}`;
}

function leftoversTable({ found, absent }: LeftoversFound): string {
  const rows = found.map((each) => [
    each.error !== undefined ? 'FAILED' : each.cleared === true ? 'removed' : each.remove ? 'remove' : 'keep',
    each.host ?? 'location',
    each.kind,
    each.name,
    each.bytes === undefined ? '' : sizeText(each.bytes),
    each.ageSeconds === undefined ? '' : spanText(each.ageSeconds),
    each.belongsTo,
    each.error ?? each.because,
  ]);
  const away = absent.map(({ host, reason }) => ['FAILED', host, 'node', '', '', '', '', reason]);
  return rows.length + away.length === 0
    ? ''
    : `${table(['', 'where', 'what', 'name', '>size', '>age', 'belongs to', 'because'], [...away, ...rows])}\n`;
}

function spanText(seconds: number): string {
  return seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : seconds < 172_800
        ? `${Math.round(seconds / 3600)} h`
        : `${Math.round(seconds / 86_400)} days`;
}

export function clearJson(result: LeftoversFound & { readonly dryRun: boolean }): unknown {
  const { location, dryRun, found, absent } = result;
  return { location, dryRun, found, absent };
}
