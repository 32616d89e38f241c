import { UsageError } from './errors.ts';

/** A span of the calendar, as in `--older-than 30d`. */
export interface Age {
  readonly count: number;
  readonly unit: AgeUnit;
}

/** Hours, days, weeks, months, years. */
export type AgeUnit = 'h' | 'd' | 'w' | 'm' | 'y';

const hoursOf: Readonly<Record<'h' | 'd' | 'w', number>> = { h: 1, d: 24, w: 168 };

/** Reads `12h`, `30d`, `4w`, `6m` (months), `1y`. Throws UsageError for anything else. */
export function parseAge(text: string): Age {
  const [, digits, letter] = /^(\d{1,6})([hdwmy])$/.exec(text) ?? [];
  const unit = units.find((each) => each === letter);
  if (digits === undefined || unit === undefined || Number(digits) === 0) {
    throw new UsageError(`${text} is no age`, { hint: 'write 12h, 30d, 4w, 6m (months) or 1y' });
  }
  return { count: Number(digits), unit };
}

/** The text that `parseAge` reads. */
export function ageText({ count, unit }: Age): string {
  return `${count}${unit}`;
}

/** The moment that is so long before another, in UTC. A month before 31 March is the last of February. */
export function momentBefore(now: Date, { count, unit }: Age): Date {
  if (unit !== 'm' && unit !== 'y') {
    return new Date(now.getTime() - count * hoursOf[unit] * 3_600_000);
  }
  const moment = new Date(now);
  moment.setUTCMonth(now.getUTCMonth() - (unit === 'y' ? 12 * count : count));
  // There is no such day in that month: the calendar went on into the next one.
  if (moment.getUTCDate() !== now.getUTCDate()) {
    moment.setUTCDate(0);
  }
  return moment;
}

const units: readonly AgeUnit[] = ['h', 'd', 'w', 'm', 'y'];

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds from `90s`, `30m`, `12h`, `1d`, `2w`. Throws UsageError for anything else. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  const seconds = secondsOf[unit ?? ''];
  if (number === undefined || seconds === undefined) {
    throw new UsageError(`${text} is no duration`, { hint: 'write 30m, 12h, 1d or 2w' });
  }
  return Number(number) * seconds;
}
