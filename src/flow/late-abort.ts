/** A signal that aborts when another has been aborted for so long. */
export interface LateAbort {
  readonly signal: AbortSignal;
  /** To be called in any case when nobody heeds it any more. */
  readonly forget: () => void;
}

/** For what is better brought to its end than broken off, if that takes no longer than so many milliseconds; it aborts for the same reason. */
export function lateAbort(milliseconds: number, signal: AbortSignal): LateAbort {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => late.abort(signal.reason), milliseconds);
  };
  signal.addEventListener('abort', begin, { once: true });
  if (signal.aborted) {
    begin();
  }
  const forget = (): void => {
    signal.removeEventListener('abort', begin);
    clearTimeout(timer);
  };
  return { signal: late.signal, forget };
}
