import { createRequire, syncBuiltinESMExports } from 'node:module';
import { Transform, type TransformCallback } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Random } from './random.ts';
import { ownProcess } from './process.ts';
import { VirtualTime } from './time.ts';

/** What the program takes for time and chance. */
export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  /** What a right calendar says at the world's beginning. */
  readonly beginsAt: number;
}

/** Modules that are loaded before the first world ask already. */
let world: World = { time: new VirtualTime(), random: new Random(0), beginsAt: 0 };

/** From here on the program lives in this world; `interpose` must have been called. */
export function enterWorld(entered: World): void {
  world = entered;
}

/** What a right calendar says. */
export function trueTimeMs(): number {
  const { time, beginsAt } = world;
  return beginsAt + Math.floor(time.nowMs);
}

const RealDate = Date;
const require = createRequire(import.meta.url);

/**
 * Puts the simulated world in the place of what this process would ask for time and chance: timers, calendars, stop watches, random numbers, and
 * the threads of zlib, whose answers come when they like. For good: a process that simulates does nothing else.
 */
export function interpose(): void {
  interposeCalendar();
  interposeTimers();
  interposeChance();
  interposeThreads();
  syncBuiltinESMExports();
}

function interposeCalendar(): void {
  class CalendarDate extends RealDate {
    constructor(...args: [] | [string | number | Date]) {
      // @ts-expect-error -- the forms with year and month go through as well
      super(...(args.length === 0 ? [calendarMs()] : args));
    }

    static override now(): number {
      return calendarMs();
    }

    static override [Symbol.hasInstance](value: unknown): boolean {
      return Object.prototype.toString.call(value) === '[object Date]';
    }
  }
  Object.assign(globalThis, { Date: CalendarDate });
  performance.now = () => world.time.nowMs;
  Object.assign(require('node:os'), { uptime: () => world.time.nowMs / 1000 });
}

function calendarMs(): number {
  return trueTimeMs() + (ownProcess()?.aheadMs ?? 0);
}

type Callback = (...args: unknown[]) => void;

/** What `setTimeout` gives: our own code calls `unref` and hands it back. */
class Timer {
  readonly #cancel: () => void;
  constructor(cancel: () => void) {
    this.#cancel = cancel;
  }
  unref(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
  close(): void {
    this.#cancel();
  }
  [Symbol.dispose](): void {
    this.#cancel();
  }
}

function later(run: Callback, milliseconds = 0, ...args: unknown[]): Timer {
  const owner = ownProcess();
  const within = owner === undefined ? () => run(...args) : () => owner.run(() => run(...args));
  return new Timer(world.time.after(milliseconds, within, owner));
}

/** Timers know whole milliseconds, and none that is shorter than one. */
const setTimer = (run: Callback, milliseconds = 1, ...args: unknown[]): Timer =>
  later(run, Math.max(1, Math.trunc(milliseconds)), ...args);

function again(run: Callback, milliseconds = 1, ...args: unknown[]): Timer {
  let timer: Timer;
  const round = (): void => {
    timer = setTimer(round, milliseconds);
    run(...args);
  };
  timer = setTimer(round, milliseconds);
  return new Timer(() => timer.close());
}

const clear = (timer: unknown): void => {
  if (timer instanceof Timer) {
    timer.close();
  }
};

/** One for all: nobody looks at where it was thrown, and there is one at the end of most commands. */
const abortedTimer = new DOMException('The operation was aborted', 'AbortError');

async function delay<T>(
  milliseconds: number,
  value: T,
  { signal }: { readonly signal?: AbortSignal } = {},
  make = setTimer,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      timer.close();
      reject(abortedTimer);
    };
    const timer = make(() => {
      signal?.removeEventListener('abort', leave);
      resolve(value);
    }, milliseconds);
    if (signal?.aborted === true) {
      leave();
    } else {
      signal?.addEventListener('abort', leave, { once: true });
    }
  });
}

function interposeTimers(): void {
  const timers = {
    setTimeout: setTimer,
    setInterval: again,
    setImmediate: (run: Callback, ...args: unknown[]) => later(run, 0, ...args),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  };
  Object.assign(globalThis, timers);
  Object.assign(require('node:timers'), timers);
  Object.assign(require('node:timers/promises'), {
    setTimeout: delay,
    setImmediate: (value: unknown, options?: { readonly signal?: AbortSignal }) => delay(0, value, options, later),
  });
  AbortSignal.timeout = (milliseconds) => {
    const controller = new AbortController();
    later(() => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')), milliseconds);
    return controller.signal;
  };
}

function interposeChance(): void {
  Math.random = () => world.random.next();
  Object.assign(require('node:crypto'), {
    randomBytes: (length: number) => world.random.bytes(length),
    randomUUID: () => {
      const hex = world.random.bytes(16).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  });
}

/** A zlib stream that does all of its work at the end, on the thread that asks. */
class AtOnce extends Transform {
  readonly #work: (bytes: Buffer) => Buffer;
  readonly #chunks: Buffer[] = [];

  constructor(work: (bytes: Buffer) => Buffer) {
    super();
    this.#work = work;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#chunks.push(chunk);
    done();
  }

  override _flush(done: TransformCallback): void {
    try {
      done(null, this.#work(Buffer.concat(this.#chunks)));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function interposeThreads(): void {
  const zlib: object = require('node:zlib');
  const packed = (bytes: Buffer): Buffer => gzipSync(bytes, { level: 1 });
  Object.defineProperties(zlib, {
    createGzip: { value: () => new AtOnce(packed), enumerable: true },
    createGunzip: { value: () => new AtOnce((bytes) => gunzipSync(bytes)), enumerable: true },
  });
}
