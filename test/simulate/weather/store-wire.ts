import { StorageError } from '../../../src/model/errors.ts';
import type { SimulatedProcess } from '../clock/process.ts';
import type { VirtualTime } from '../clock/time.ts';
import type { StoreCall, Wire } from '../store/memory-store.ts';
import type { Journal } from './journal.ts';
import type { Fate, Weather } from './weather.ts';

export interface WireParts {
  readonly time: VirtualTime;
  readonly weather: Weather;
  readonly journal: Journal;
}

/** One process's way to the store. What it has sent arrives, or not, when it is killed or loses patience meanwhile. */
export class StoreWire implements Wire {
  readonly whose: string;
  readonly #process: SimulatedProcess;
  readonly #parts: WireParts;

  constructor(whose: string, process: SimulatedProcess, parts: WireParts) {
    this.whose = whose;
    this.#process = process;
    this.#parts = parts;
  }

  get lagMs(): number {
    return this.#parts.weather.lagMs;
  }

  isLate(): boolean {
    return this.#parts.weather.chance(0.5);
  }

  breaksAfter(call: StoreCall): number | undefined {
    const { weather } = this.#parts;
    const breaks = weather.fate('store') === 'cut';
    return breaks ? this.#told(call, 'cut', weather.below(65_536)) : undefined;
  }

  async call<T>(call: StoreCall, deed: () => T, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { time, weather } = this.#parts;
    const fate = weather.fate('store');
    if (fate !== 'well') {
      this.#told(call, fate, undefined);
    }
    return new Promise<T>((resolve, reject) => {
      let isGivenUp = false;
      const leave = (): void => {
        isGivenUp = true;
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      const answer = (tell: () => void, milliseconds: number): void => {
        const told = (): void => {
          signal.removeEventListener('abort', leave);
          tell();
        };
        time.after(milliseconds, told, this.#process);
      };
      const arrive = (): void => {
        if ((isGivenUp || this.#process.isDead) && weather.chance(0.5)) {
          return;
        }
        const back = weather.travelMs() + (fate === 'late' && weather.chance(0.5) ? weather.lateMs() : 0);
        if (fate === 'refused') {
          answer(() => reject(failure(call, '503 Slow Down')), back);
          return;
        }
        try {
          const value = deed();
          const isLost = fate === 'lost' || (fate === 'cut' && call.verb !== 'get');
          answer(() => (isLost ? reject(failure(call, 'socket hang up')) : resolve(value)), back);
        } catch (error) {
          answer(() => reject(error), back);
        }
      };
      time.after(weather.travelMs(call.bytes) + (fate === 'late' ? weather.lateMs() / 2 : 0), arrive);
    });
  }

  #told<T>({ verb, key }: StoreCall, fate: Fate, value: T): T {
    this.#parts.journal.note(this.whose, `(${fate}: ${verb} ${key})`);
    return value;
  }
}

function failure({ verb, key }: StoreCall, text: string): StorageError {
  return new StorageError(`cannot ${verb} ${key}: ${text}`, { key, transient: true });
}
