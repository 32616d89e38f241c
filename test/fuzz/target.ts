import assert from 'node:assert/strict';
import { BackupError } from '../../src/model/errors.ts';
import type { Chance } from './mutate.ts';

/** A reader of what others wrote, and what has to hold whatever it is given. */
export interface Target {
  readonly name: string;
  /** Files below test/fixtures, or folders of them, that are like what it reads; its own are in `fuzz/<name>`. */
  readonly corpus: readonly string[];
  /** Size of long inputs, where a megabyte takes a library seconds though not minutes. */
  readonly longBytes?: number;
  /** Another way to change an input than by its bytes. */
  readonly mutate?: (chance: Chance, corpus: readonly Buffer[]) => Buffer;
  /**
   * Gives the input to the reader. What it throws has to be one of the project's own errors: then the input was refused. Checks of
   * what was read fail by an AssertionError.
   */
  readonly check: (bytes: Buffer) => unknown;
}

/** For a reader that has several: each is given the input, and one that refuses it keeps the others from nothing. */
export async function each(...readers: readonly (() => unknown)[]): Promise<void> {
  let refused: unknown;
  for (const reader of readers) {
    try {
      await reader();
    } catch (error) {
      if (!isOwn(error)) {
        throw error;
      }
      refused = error;
    }
  }
  if (refused !== undefined) {
    throw refused;
  }
}

/** Whether an error is one of src/model/errors.ts, with words for people. */
export function isOwn(error: unknown): boolean {
  return error instanceof BackupError && error.message !== '';
}

/** Every number in a value is one that can be counted with, and every date a moment. */
export function assertSound(value: unknown, place = 'value'): void {
  if (typeof value === 'number') {
    assert.ok(Number.isFinite(value), `${place} is ${value}`);
  } else if (value instanceof Date) {
    assert.ok(Number.isFinite(value.getTime()), `${place} is no moment`);
  } else if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
    for (const item of value) {
      assertSound(item, `${place}[]`);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      assertSound(item, `${place}.${name}`);
    }
  }
}
