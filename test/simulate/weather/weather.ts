import type { Random } from '../clock/random.ts';

/** What becomes of a request: refused before anything is done, done with the answer lost, broken off in the middle, or late. */
export type Fate = 'well' | 'refused' | 'lost' | 'cut' | 'late';

/** How bad things are in a history: probabilities of each fate for a request. */
export interface Climate {
  readonly store: number;
  readonly remote: number;
  /** Each step of a script on a node: see `troubleSteps`. */
  readonly steps: number;
  /** How far listings are behind at most, in milliseconds. */
  readonly lagMs: number;
}

/** Decides what becomes of requests, until it becomes calm. */
export class Weather {
  readonly #random: Random;
  #climate: Climate;

  constructor(random: Random, climate: Climate) {
    this.#random = random;
    this.#climate = climate;
  }

  /** From here on nothing fails by itself. */
  calm(): void {
    this.#climate = { store: 0, remote: 0, steps: 0, lagMs: 0 };
  }

  get lagMs(): number {
    return this.#climate.lagMs;
  }

  fate(of: 'store' | 'remote'): Fate {
    return this.#random.chance(this.#climate[of])
      ? this.#random.weighted<Fate>([
          [3, 'refused'],
          [4, 'lost'],
          [3, 'cut'],
          [2, 'late'],
        ])
      : 'well';
  }

  /** Whether a script is broken into before its next step. */
  breaksStep(): boolean {
    return this.#climate.steps > 0 && this.#random.chance(this.#climate.steps);
  }

  /** Milliseconds that a message takes. */
  travelMs(bytes = 0): number {
    return this.#random.between(1, 12) + bytes / 10_000;
  }

  /** Milliseconds that something late takes. */
  lateMs(): number {
    return Math.exp(this.#random.between(Math.log(2_000), Math.log(240_000)));
  }

  chance(probability: number): boolean {
    return this.#random.chance(probability);
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }
}
