import { UsageError } from '../errors.ts';
import { parseDuration, spanText } from './time-span.ts';

/**
 * What a node is asked for, as its limit of time goes by it. Each is that of one command, but that of `stream`: there it is the time in which
 * nothing comes or goes, however long all of it takes.
 */
export const commandVerbs = [
  'connect',
  'info',
  'cqlsh',
  'snapshot',
  'flush',
  'drain',
  'import',
  'load',
  'clearsnapshot',
  'repair',
  'stop',
  'start',
  'stream',
] as const;

export type CommandVerb = (typeof commandVerbs)[number];

export function isCommandVerb(text: string): text is CommandVerb {
  return commandVerbs.some((verb) => verb === text);
}

/** Seconds that each may take; Infinity where there is no limit. */
export type CommandLimits = Readonly<Record<CommandVerb, number>>;

const [minute, hour] = [60, 3600];

/**
 * `info` is every small question. `cqlsh` gives each statement up by itself after two minutes, and is given many at once. How long
 * a repair or sstableloader takes, nobody can say beforehand.
 */
export const defaultLimits: CommandLimits = {
  connect: 20,
  info: 2 * minute,
  cqlsh: 30 * minute,
  snapshot: 30 * minute,
  flush: 30 * minute,
  drain: 30 * minute,
  import: 2 * hour,
  load: Infinity,
  clearsnapshot: 2 * hour,
  repair: Infinity,
  stop: 30 * minute,
  start: 30 * minute,
  stream: 10 * minute,
};

/**
 * Reads the values of `--command-timeout`: `snapshot=1h` for one, `5m` for all that have a limit, `none` for no limit. What is said of one goes
 * before what is said of all. Throws UsageError.
 */
export function parseCommandLimits(values: readonly string[]): CommandLimits {
  const own = new Map<string, number>();
  let all: number | undefined;
  for (const value of values) {
    const [, verb, text = ''] = /^(?:([a-z]+)=)?(.+)$/.exec(value) ?? [];
    if (verb !== undefined && !isCommandVerb(verb)) {
      throw new UsageError(`--command-timeout ${value}: there is no ${verb}`, {
        hint: `it is one of ${commandVerbs.join(', ')}`,
      });
    }
    if (verb === undefined ? all !== undefined : own.has(verb)) {
      throw new UsageError(`--command-timeout says twice what holds for ${verb ?? 'all commands'}`);
    }
    const seconds = secondsIn(value, text);
    if (verb === undefined) {
      all = seconds;
    } else {
      own.set(verb, seconds);
    }
  }
  const limitOf = (verb: CommandVerb): number => {
    const usual = defaultLimits[verb];
    return own.get(verb) ?? (usual === Infinity ? usual : (all ?? usual));
  };
  return {
    connect: limitOf('connect'),
    info: limitOf('info'),
    cqlsh: limitOf('cqlsh'),
    snapshot: limitOf('snapshot'),
    flush: limitOf('flush'),
    drain: limitOf('drain'),
    import: limitOf('import'),
    load: limitOf('load'),
    clearsnapshot: limitOf('clearsnapshot'),
    repair: limitOf('repair'),
    stop: limitOf('stop'),
    start: limitOf('start'),
    stream: limitOf('stream'),
  };
}

/** Node's timers know no more than 24 days, and less than a second is no time at all. */
const mostSeconds = 24 * 24 * hour;

function secondsIn(value: string, text: string): number {
  const hint = 'write snapshot=1h, or 5m for all that have a limit; none is no limit';
  if (text === 'none') {
    return Infinity;
  }
  let seconds: number;
  try {
    seconds = parseDuration(text);
  } catch (cause) {
    throw new UsageError(`--command-timeout ${value} is not a duration`, { cause, hint });
  }
  if (seconds < 1 || seconds > mostSeconds) {
    throw new UsageError(`--command-timeout ${value}: from 1s to ${spanText(mostSeconds)}`, { hint });
  }
  return seconds;
}

/** A time that was waited, for people: `45 s`, `1 min`, `2.5 h`. */
export function waitText(milliseconds: number): string {
  const seconds = milliseconds < 1000 ? milliseconds / 1000 : Math.round(milliseconds / 1000);
  if (seconds < 2 * minute && seconds !== minute) {
    return `${seconds} s`;
  }
  return seconds < 2 * hour ? `${Math.round(seconds / minute)} min` : `${Math.round((seconds / hour) * 10) / 10} h`;
}
