import type { CommandContext } from '../../src/cli/run.ts';
import { never } from './never.ts';

/** Of a command that is never interrupted, that nobody listens to, and that nobody answers yes. */
export const silentContext: CommandContext = {
  signal: never,
  listen() {},
  warn() {},
  confirm: () => Promise.resolve(false),
};
