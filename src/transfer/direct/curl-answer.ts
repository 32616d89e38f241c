import { StorageError } from '../../model/errors.ts';

/** What came of a request that a node sent. */
export interface Answer {
  /** Exit status of curl. */
  readonly curl: number;
  /** HTTP status; 0 when none was seen. */
  readonly http: number;
  readonly etag: string;
  /** What curl or the store said of a failure. */
  readonly said: string;
  /** Of the answer's body. */
  readonly bytes?: number;
}

/** The store has said that it has the object or the part; what became of the line afterwards does not matter. */
export function isStored({ http, etag }: Answer): boolean {
  return http >= 200 && http < 300 && etag !== '';
}

/**
 * Why a request came to nothing. `transient` where the same request, signed anew, may go through: a broken or silent
 * connection, a store that is busy, a signature that has expired.
 */
export function answerError(host: string, key: string, answer: Answer): StorageError {
  const { curl, http } = answer;
  const code = /<Code>([^<]{1,80})<\/Code>/.exec(answer.said)?.[1];
  const said = code ?? /curl: \(\d+\) (.{1,200})/.exec(answer.said)?.[1] ?? (http === 0 ? `curl ended with status ${curl}` : '');
  const status = http === 0 ? '' : `HTTP ${http}`;
  const reason = [said, status].filter((part) => part !== '').join(', ');
  const hint = hintFor(http, code ?? '', curl);
  return new StorageError(`${host} cannot exchange ${key} with the store: ${reason}`, {
    key,
    transient: isTransient(http, code ?? '', answer.said, curl),
    hint,
  });
}

function isTransient(http: number, code: string, said: string, curl: number): boolean {
  if (code === 'RequestTimeTooSkewed') {
    return false;
  }
  if (['RequestTimeout', 'ExpiredToken', 'NoSuchUpload'].includes(code)) {
    return true;
  }
  if (http === 403) {
    return /expired/i.test(said);
  }
  // 23: the node could not write; 60 and 77: certificates.
  if (http < 300) {
    return ![23, 26, 35, 51, 58, 60, 77].includes(curl);
  }
  return http === 408 || http === 429 || (http >= 500 && http !== 501);
}

function hintFor(http: number, code: string, curl: number): string | undefined {
  if (code === 'RequestTimeTooSkewed') {
    return 'set the clock of the control host';
  }
  if (http === 403) {
    return 'see what the credentials may do in this bucket; --transfer relay sends through this host instead';
  }
  if (curl === 23) {
    return 'look for a full disk on that node';
  }
  if ([35, 51, 58, 60, 77].includes(curl)) {
    return 'the node does not trust the certificate of the store: --transfer relay goes round it';
  }
  return undefined;
}
