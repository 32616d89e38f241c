import { setMaxListeners } from 'node:events';

/** For calls that a test does not interrupt: a signal that is never aborted. */
export const never: AbortSignal = new AbortController().signal;

// Whole suites hang their listeners on it.
setMaxListeners(0, never);
