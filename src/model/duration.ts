import { UsageError } from './errors.ts';

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
