import { type Clock, systemClock } from '../../flow/clock.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import type { Listen } from '../../model/events.ts';
import { type Owner, isOfSystem, isUnchanged, lockTimes } from '../../model/lock.ts';
import type { SeenReading } from '../../model/retention/being-read.ts';
import type { ObjectStore } from '../object-store.ts';
import { isProcessAlive, processTable } from './process-table.ts';
import { listReadings, readReading } from './reading-format.ts';

/**
 * Who reads from a location.
 *
 * - alive: its mark is young by the store's own dates, or changes while it is watched.
 * - dead: its mark is of a process of this very system that is gone; or it was seen unchanged, by our own stop watch, for as long as no
 *   living reader is silent.
 *
 * Dates only tell whether watching is worth while: a reader is never taken for dead by them.
 */
export interface Watch {
  readonly store: ObjectStore;
  /** Whoever asks: processes of the same system can be looked up. */
  readonly owner: Owner;
  readonly listen: Listen;
  /** Which marks matter; the others are not watched. */
  readonly concerns: (reading: SeenReading) => boolean;
  /** Who only looks does not wait: what looks dead is taken for dead. */
  readonly waits: boolean;
  readonly clock?: Clock | undefined;
  readonly isAlive?: ((pid: number) => boolean) | undefined;
}

export interface Readers {
  readonly alive: readonly SeenReading[];
  /** Keys of marks that nobody renews any more. */
  readonly dead: readonly string[];
}

const readersAtOnce = 16;

export async function readersOf(watch: Watch, signal: AbortSignal): Promise<Readers> {
  const { store, owner, isAlive = isProcessAlive, waits } = watch;
  const self = { owner, ...ownProcesses() };
  const [alive, dead, silent]: [SeenReading[], string[], SeenReading[]] = [[], [], []];
  const marks = (await look(store, signal)).filter(watch.concerns);
  const now = marks.length === 0 ? undefined : await store.now(signal);
  for (const mark of marks) {
    if (mark.record !== undefined && isOfSystem(mark.record, self) && !isAlive(mark.record.owner.pid)) {
      dead.push(mark.key);
    } else if (isYoung(mark, now)) {
      alive.push(mark);
    } else {
      silent.push(mark);
    }
  }
  if (!waits || silent.length === 0) {
    return { alive, dead: [...dead, ...silent.map(({ key }) => key)] };
  }
  const watched = await watchSilent(silent, watch, signal);
  return { alive: [...alive, ...watched.alive], dead: [...dead, ...watched.dead] };
}

/** Watches marks that look dead until each has changed, gone, or been silent for long enough. */
async function watchSilent(
  silent: readonly SeenReading[],
  { store, listen, clock = systemClock }: Watch,
  signal: AbortSignal,
): Promise<Readers> {
  const staleMs = lockTimes.staleSeconds * 1000;
  const alive: SeenReading[] = [];
  let left = silent;
  const began = clock.elapsedMs();
  listen({
    type: 'step',
    text: `${silent.length} marks of readers look abandoned; watching them for ${lockTimes.staleSeconds} s`,
  });
  while (left.length > 0 && clock.elapsedMs() - began < staleMs) {
    await clock.sleep((lockTimes.heartbeatSeconds * 1000) / 5, {}, signal);
    const now = new Map((await look(store, signal)).map((mark) => [mark.key, mark]));
    alive.push(...left.flatMap((mark) => changed(mark, now.get(mark.key)) ?? []));
    left = left.filter((mark) => now.has(mark.key) && changed(mark, now.get(mark.key)) === undefined);
  }
  return { alive, dead: left.map(({ key }) => key) };
}

function changed(before: SeenReading, now: SeenReading | undefined): SeenReading | undefined {
  return now === undefined || isUnchanged(before, now) ? undefined : now;
}

/** Dated too late is as odd as too early. Both dates are the store's. */
function isYoung({ modified }: SeenReading, now: Date | undefined): boolean {
  return now !== undefined && Math.abs(now.getTime() - Date.parse(modified)) <= lockTimes.staleSeconds * 1000;
}

async function look(store: ObjectStore, signal: AbortSignal): Promise<readonly SeenReading[]> {
  const found: SeenReading[] = [];
  for await (const each of sideBySide(listReadings(store, signal), readersAtOnce, (object) =>
    readReading(store, object, signal),
  )) {
    found.push(...(each === undefined ? [] : [each]));
  }
  return found;
}

function ownProcesses(): { readonly processes?: string } {
  const processes = processTable();
  return processes === undefined ? {} : { processes };
}
