import { UsageError } from '../errors.ts';

/**
 * Spans of time as options take them: a whole number and a unit, `90s 30m 12h 1d 2w 6mo 1y`. `m` is minutes and `mo` months
 * wherever a span is read; which of the units are allowed is said by each reader.
 */
export type TimeUnit = 's' | 'm' | 'h' | 'd' | 'w' | 'mo' | 'y';

/** A span of the calendar, as in `--older-than 30d`. */
export interface Age {
  readonly count: number;
  readonly unit: AgeUnit;
}

/** Hours, days, weeks, months, years. */
export type AgeUnit = Extract<TimeUnit, 'h' | 'd' | 'w' | 'mo' | 'y'>;

const ageUnits: readonly AgeUnit[] = ['h', 'd', 'w', 'mo', 'y'];

/** Reads `12h`, `30d`, `4w`, `6mo`, `1y`. Throws UsageError for anything else, for nothing and for more than six digits. */
export function parseAge(text: string): Age {
  const span = spanOf(text, ageUnits);
  if (span === undefined || span.count === 0 || span.count > 999_999) {
    // Months were written `m` once: as minutes they would be an age too, and a prune by it would delete nearly everything.
    const months = spanOf(text, ['m']);
    const hint = 'write 12h, 30d, 4w, 6mo (months) or 1y';
    throw new UsageError(`${text} is not an age`, {
      hint: months === undefined ? hint : `months are written ${months.count}mo now; ${hint}`,
    });
  }
  return span;
}

/** The text that `parseAge` reads. */
export function ageText({ count, unit }: Age): string {
  return `${count}${unit}`;
}

/**
 * The moment that is so long before another, in UTC. A month before 31 March is the last of February. Before the calendar
 * begins it is the calendar's first moment: an invalid date would be later than nothing, and a prune would take all for old.
 */
export function momentBefore(now: Date, age: Age): Date {
  const moment = unbounded(now, age);
  return Number.isNaN(moment.getTime()) ? new Date(firstMomentMs) : moment;
}

/** The first moment that a Date can hold: 100,000,000 days before 1970. */
const firstMomentMs = -8.64e15;

function unbounded(now: Date, { count, unit }: Age): Date {
  if (unit !== 'mo' && unit !== 'y') {
    return new Date(now.getTime() - count * secondsOf[unit] * 1000);
  }
  const moment = new Date(now);
  moment.setUTCMonth(now.getUTCMonth() - (unit === 'y' ? 12 * count : count));
  // There is no such day in that month: the calendar went on into the next one.
  if (moment.getUTCDate() !== now.getUTCDate()) {
    moment.setUTCDate(0);
  }
  return moment;
}

/** The units whose length is the same whenever they begin. */
type FixedUnit = Exclude<TimeUnit, 'mo' | 'y'>;

const secondsOf: Readonly<Record<FixedUnit, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

const fixedUnits: readonly FixedUnit[] = ['s', 'm', 'h', 'd', 'w'];

/** Seconds from `90s`, `30m` (minutes), `12h`, `1d`, `2w`; `0` needs no unit. Throws UsageError for anything else. */
export function parseDuration(text: string): number {
  if (text === '0') {
    return 0;
  }
  const span = spanOf(text, fixedUnits);
  if (span === undefined) {
    throw new UsageError(`${text} is not a duration`, { hint: 'write 30m, 12h, 1d or 2w' });
  }
  return span.count * secondsOf[span.unit];
}

/** A span for people, in the largest unit that it has at least two of, or that it is: `7d`, `36h`, `1h`, `90s`. */
export function spanText(seconds: number): string {
  const units = ['d', 'h', 'm'] as const;
  const unit = units.find((each) => seconds >= 2 * secondsOf[each] || seconds === secondsOf[each]) ?? 's';
  return `${Math.floor(seconds / secondsOf[unit])}${unit}`;
}

function spanOf<U extends TimeUnit>(text: string, units: readonly U[]): { readonly count: number; readonly unit: U } | undefined {
  const [, digits, letters] = /^(\d{1,15})([a-z]{1,2})$/.exec(text) ?? [];
  const unit = units.find((each) => each === letters);
  return digits === undefined || unit === undefined ? undefined : { count: Number(digits), unit };
}
