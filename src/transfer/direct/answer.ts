import { StorageError } from '../../model/errors.ts';
import type { Answer } from './messages.ts';

/** The store has said that it has the object or the part; what became of the line afterwards does not matter. */
export function isStored({ status, etag }: Answer): boolean {
  return status >= 200 && status < 300 && etag !== '';
}

/** The object was fetched; that there is no such object is an answer too. */
export function isFetched({ status }: Answer): boolean {
  return status === 200 || status === 404;
}

/**
 * Why a request came to nothing. `transient` where the same request, signed anew, may go through: a broken or silent
 * connection, a store that is busy, a signature that has expired.
 */
export function answerError(host: string, key: string, answer: Answer): StorageError {
  const { status, said } = answer;
  const code = codeOf(answer);
  const told = status === 0 ? said : [sentenceOf(said, code), `HTTP ${status}`].filter((part) => part !== '').join(', ');
  return new StorageError(`${host} cannot exchange ${key} with the store: ${told}`, {
    key,
    transient: isTransient(answer, code),
    hint: hintFor(answer, code),
  });
}

/** The error code of the store; empty where it said none. */
export function codeOf({ said }: Answer): string {
  return /<Code>([^<]{1,80})<\/Code>/.exec(said)?.[1] ?? '';
}

/** The store's own sentence, behind the code that others know it by. */
function sentenceOf(said: string, code: string): string {
  const message = /<Message>([^<]{1,300})<\/Message>/.exec(said)?.[1];
  return [code, message].filter((part) => part !== undefined && part !== '').join(': ');
}

function isTransient({ status, said, trusted }: Answer, code: string): boolean {
  if (code === 'RequestTimeTooSkewed') {
    return false;
  }
  if (['RequestTimeout', 'ExpiredToken', 'NoSuchUpload'].includes(code)) {
    return true;
  }
  if (status === 403) {
    return /expired/i.test(said);
  }
  // A status below 300 is an answer without what it should have.
  return status < 300 ? trusted : status === 408 || status === 429 || (status >= 500 && status !== 501);
}

function hintFor({ status, trusted }: Answer, code: string): string | undefined {
  if (code === 'RequestTimeTooSkewed') {
    return 'set the clock of the control host';
  }
  if (status === 403) {
    return 'see what the credentials may do in this bucket; --transfer relay sends through this host instead';
  }
  return trusted
    ? undefined
    : 'the node does not trust the certificate of the store: --ca-file names a file of own authorities, --transfer relay goes round it';
}
