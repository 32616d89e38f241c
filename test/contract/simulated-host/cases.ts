import type { Twin } from './twin.ts';

/** A directory is made, commands are run in it on both hosts; each must come to the same. */
export type Cases = Readonly<Record<string, (twin: Twin) => Promise<void>>>;
