import type { Command } from './remote.ts';

/** The disk gets the lowest of the priorities that still get their turn, where the node has `ionice` (util-linux, busybox). */
export const runNicelyScript: string = 'ionice -c 2 -n 7 -p $$ >/dev/null 2>&1; exec nice -n "$0" "$@"';

/** The command with less claim on the node's CPU and disk than Cassandra has: 1 to 19, the higher the less; 0 changes nothing. */
export function nicely(command: Command, niceness: number): Command {
  return niceness === 0 ? command : ['sh', '-c', runNicelyScript, String(niceness), ...command];
}

/** What `nicely` was given, which is what people want to read about. */
export function withoutNiceness(command: Command): Command {
  const [shell, option, text, , program, ...args] = command;
  return shell === 'sh' && option === '-c' && text === runNicelyScript && program !== undefined ? [program, ...args] : command;
}
