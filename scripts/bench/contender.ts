import type { Program } from './measure.ts';

/** A way to bring the data set into the store, and ways to get it back. */
export interface Contender {
  readonly name: string;
  /** Prefix in the bucket that is its own; emptied before each upload. */
  readonly prefix: string;
  readonly upload: Program;
  /** The same once more, nothing having changed; undefined where it would simply send everything again. */
  readonly again?: Program;
  readonly downloads: readonly Download[];
}

export interface Download {
  readonly name: string;
  readonly program: Program;
  /** A directory whose `bench` must then hold exactly the data set's files; removed before and after. */
  readonly result: string;
  /** Removed too. */
  readonly whole: string;
  /** `whole` is to be there, empty, beforehand. */
  readonly made?: true;
}
