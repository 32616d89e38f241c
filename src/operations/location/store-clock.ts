import { type ClockReading, judgeSkew } from '../../model/backup/clock-skew.ts';
import { BackupError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import type { Repository } from '../../storage/backups/repository.ts';

/** What time it is for a location, and how far its clock is from this host's. */
export interface StoreClock {
  /** The store's; this host's where the store does not tell. */
  readonly now: Date;
  /** Empty where the store does not tell. */
  readonly readings: readonly ClockReading[];
}

export async function readStoreClock({ store }: Repository, signal: AbortSignal): Promise<StoreClock> {
  const told = await store.now(signal);
  const here = new Date();
  return told === undefined
    ? { now: here, readings: [] }
    : { now: told, readings: [{ whose: store.url, aheadMs: told.getTime() - here.getTime() }] };
}

export interface ClockParts {
  readonly repository: Repository;
  readonly listen: Listen;
}

/** The store's time, for who only looks: a skew is said. */
export async function timeToLookAt({ repository, listen }: ClockParts, signal: AbortSignal): Promise<Date> {
  const { now, readings } = await readStoreClock(repository, signal);
  judgeSkew(readings).warnings.forEach((text) => listen({ type: 'warning', text }));
  return now;
}

/**
 * The store's time, for who writes dates or deletes by them: a large skew is refused, with BackupError, unless `allowSkew`. What is
 * done then goes by the store's clock.
 */
export async function timeToActBy({ repository, listen }: ClockParts, allowSkew: boolean, signal: AbortSignal): Promise<Date> {
  const { now, readings } = await readStoreClock(repository, signal);
  saySkew(readings, allowSkew, repository).forEach((text) => listen({ type: 'warning', text }));
  return now;
}

/** What there is to say of clocks that dates will go by. Throws BackupError for a large skew, unless `allowSkew`. */
export function saySkew(readings: readonly ClockReading[], allowSkew: boolean, { store }: Repository): readonly string[] {
  const { warnings, refusal } = judgeSkew(readings);
  if (refusal !== undefined && !allowSkew) {
    throw new BackupError(refusal, {
      hint: 'set the clock that is wrong (`timedatectl` shows it); --allow-clock-skew goes on, by the clock of the store',
    });
  }
  const untold = readings.some(({ whose }) => whose === store.url)
    ? []
    : [`${store.url} does not say what time it is: dates go by this host's clock`];
  return [...untold, ...warnings];
}
