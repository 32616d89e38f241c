/** The signals that anything on a host sends, with their numbers on Linux. */
export const signalNumbers = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, PIPE: 13, ALRM: 14, TERM: 15 } as const;

export type Signal = keyof typeof signalNumbers;

/** `TERM`, `SIGTERM` or `15`; undefined for what is none of ours, among it 0. */
export function signalOf(word: string): Signal | undefined {
  const name = word.replace(/^SIG/i, '').toUpperCase();
  for (const [known, number] of Object.entries(signalNumbers)) {
    if (name === known || name === String(number)) {
      return known as Signal;
    }
  }
  return undefined;
}

/** How a process ended: by its own will, or by a signal. */
export type Ending =
  | { readonly status: number; readonly signal?: undefined }
  | { readonly signal: Signal; readonly status?: undefined };

/** As a shell gives it in `$?`. */
export function statusOf({ status, signal }: Ending): number {
  return signal === undefined ? status : 128 + signalNumbers[signal];
}

/** What unwinds whatever a process was doing when it was ended. It may be caught by nobody but who started the process. */
export class Terminated extends Error {
  override readonly name = 'Terminated';
}
