import { StorageError, UnreachedError } from '../../model/errors.ts';
import { type Advice, type Complaint, adviceOn, refused } from '../../storage/s3/advice.ts';
import type { Answer } from './messages.ts';

/** The store has said that it has the object or the part; what became of the line afterwards does not matter. */
export function isStored({ status, etag }: Answer): boolean {
  return status >= 200 && status < 300 && etag !== '';
}

/** The object was fetched; that there is no such object is an answer too. */
export function isFetched(answer: Answer): boolean {
  return answer.status === 200 || isAbsent(answer);
}

/** The store has no such object. What else answers on the way there (a portal, another server) says 404 too, but not so. */
export function isAbsent(answer: Answer): boolean {
  return answer.status === 404 && codeOf(answer) === 'NoSuchKey';
}

/**
 * Why a request came to nothing. `transient` where the same request, signed anew, may go through: a broken or silent
 * connection, a store that is busy, a signature that has expired.
 */
export function answerError(host: string, key: string, answer: Answer): StorageError {
  const { status, said } = answer;
  const complaint = { code: codeOf(answer), message: elementOf(said, 'Message'), status };
  const sentence = complaint.code === '' ? wordsOf(said) : [complaint.code, complaint.message].filter(isSaid).join(': ');
  const told = status === 0 ? said : [sentence, `HTTP ${status}`].filter(isSaid).join(', ');
  const isUnreached = status < 300 || (complaint.code === '' && gateways.has(status));
  const Kind = isUnreached ? UnreachedError : StorageError;
  return new Kind(`${host} cannot exchange ${key} with the store: ${told}`, {
    key,
    ...adviceOnAnswer(answer, complaint),
  });
}

/** What a proxy says that does not reach the store. */
const gateways: ReadonlySet<number> = new Set([502, 504]);

/** The error code of the store; empty where it said none. */
export function codeOf({ said }: Answer): string {
  return elementOf(said, 'Code');
}

/** What stands in an element of the store's XML; what is longer than any word or sentence is none. */
function elementOf(said: string, name: 'Code' | 'Message'): string {
  return new RegExp(`<${name}>([^<]{1,300})</${name}>`).exec(said)?.[1] ?? '';
}

/** The words of a page that is not the store's: of a proxy, mostly. */
function wordsOf(said: string): string {
  return said
    .slice(0, longestPage)
    .replaceAll(/<(style|script)\b.*?<\/\1>|<[^>]*>/gis, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}

/** What a node says is as long as it likes, and nobody reads on. */
const longestPage = 4096;

function isSaid(text: string): boolean {
  return text !== '';
}

function adviceOnAnswer({ status, said, trusted }: Answer, complaint: Complaint): Advice {
  // Signed anew it is valid again, with the credentials of then.
  if (complaint.code === 'ExpiredToken' || (status === 403 && /expired/i.test(said))) {
    return { transient: true };
  }
  // A status below 300 is an answer without what it should have.
  if (status < 300) {
    return trusted ? { transient: true } : untrusted;
  }
  const advice = adviceOn(complaint);
  return advice === refused
    ? { ...refused, hint: `${refused.hint}; where it is the address that is refused, --transfer relay sends from this host` }
    : advice;
}

const untrusted: Advice = {
  hint: 'the node does not trust the certificate of the store: --ca-file names a file of own authorities, --transfer relay goes round it',
  transient: false,
};
