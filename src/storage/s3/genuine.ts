import { StorageError, UnreachedError } from '../../model/errors.ts';
import { visibleInLine } from '../../model/visible.ts';

/** Where requests go, for messages. */
export interface Asked {
  readonly url: string;
  readonly endpoint: string;
}

/** The head of an answer; header names in lower case. */
export interface AnswerHead {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the document is called that answers a request which has succeeded, by the SDK's name for it. */
const documents: ReadonlyMap<string, string> = new Map([
  ['ListObjectsV2Command', 'ListBucketResult'],
  ['ListMultipartUploadsCommand', 'ListMultipartUploadsResult'],
  ['CreateMultipartUploadCommand', 'InitiateMultipartUploadResult'],
  ['CompleteMultipartUploadCommand', 'CompleteMultipartUploadResult'],
  ['DeleteObjectsCommand', 'DeleteResult'],
]);

/**
 * Whether an answer is somebody else's, and no S3 server's: a page for people to read, a way to go elsewhere. Login pages of networks, proxies
 * and load balancers come with a status that says that all is well, or that nothing is there. Those that fail are left to the advice on their status.
 */
export function isStranger({ statusCode, headers }: AnswerHead): boolean {
  const isPage = /\bx?html\b/i.test(headers['content-type'] ?? '');
  const isOfS3 = hasHeadersOfS3(headers);
  if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) {
    return isPage || (headers['location'] !== undefined && !isOfS3 && !/\bxml\b/i.test(headers['content-type'] ?? ''));
  }
  return isPage && !isOfS3 && statusCode < 500 && statusCode !== 408 && statusCode !== 429;
}

/** Whether an answer has what no proxy and no page for people says of itself. */
export function hasHeadersOfS3(headers: AnswerHead['headers']): boolean {
  return Object.keys(headers).some((name) => name.startsWith('x-amz-'));
}

/** The error for an answer of somebody else, with what is known of him; `text` is the beginning of what he says. */
export function strangerError({ url, endpoint }: Asked, { statusCode, headers }: AnswerHead, text: string): UnreachedError {
  const title = visibleInLine(/<title[^>]*>([^<]*)/i.exec(text)?.[1]?.trim() ?? '').slice(0, 80);
  const about = [
    `HTTP ${statusCode}`,
    headers['content-type'],
    headers['location'] === undefined ? undefined : `on to ${withoutQuery(headers['location'])}`,
    title === '' ? undefined : `"${title}"`,
    headers['server'] === undefined ? undefined : `server ${headers['server']}`,
  ];
  const said = about.filter((each) => each !== undefined).map((each) => visibleInLine(each).slice(0, 200));
  return new UnreachedError(`${url}: what answers at ${endpoint} is no S3 server (${said.join(', ')})`, {
    key: '',
    hint: 'a proxy, a load balancer or a login page of the network answers in its place: check --endpoint, and what is on the way to it',
  });
}

function withoutQuery(location: string): string {
  return location.replace(/[?#].*$/s, '');
}

/** Whether a request, where it succeeds, is answered by a document, which must be there as a whole. */
export function isByDocument(command: unknown): boolean {
  return typeof command === 'string' && documents.has(command);
}

/** Whether an answer that refuses says why, as S3 does: that there is no such object counts only then. */
export function isCoded(bytes: Uint8Array): boolean {
  const text = textOf(bytes).toString('utf8');
  return rootOf(text).root === 'Error' && /<Code>[^<]+<\/Code>/.test(text);
}

/**
 * The error for an answer that the SDK cannot read, whose words for that are about its own inside. Of one that refuses the status stays, by which the
 * SDK tries again and advice is given.
 */
export function unreadableError({ url, endpoint }: Asked, answer: AnswerHead, cause: unknown): Error {
  const { statusCode } = answer;
  if (statusCode >= 200 && statusCode < 300) {
    return new StorageError(`${url}: the answer of ${endpoint} cannot be read (HTTP ${statusCode})`, {
      key: '',
      cause,
      hint: 'it is no S3 server, or something on the way changes what it says: check --endpoint, and what is on the way to it',
    });
  }
  const error = new Error(`the answer of ${endpoint} cannot be read`, { cause });
  return Object.assign(error, { $metadata: { httpStatusCode: statusCode }, $response: answer });
}

/**
 * Throws for a document that is not the one which a request is answered by, or not all of it: nothing in it would be taken for nothing at the
 * store. An `Error` is the SDK's to read: S3 says it with status 200 where it has begun to answer before it was done.
 */
export function checkDocument(asked: Asked, command: unknown, head: AnswerHead, bytes: Uint8Array): void {
  const wanted = documents.get(String(command));
  const text = textOf(bytes);
  const start = text.subarray(0, 4096).toString('utf8').trimStart();
  const { root, ownEnd } = rootOf(start);
  if (root === 'Error') {
    return;
  }
  if (root !== wanted) {
    throw strangerError(asked, head, bytes.byteLength === 0 ? '<title>nothing</title>' : start);
  }
  const end = text.subarray(-256).toString('utf8').trimEnd();
  if (ownEnd === '' && !new RegExp(`</(?:\\w+:)?${root}\\s*>$`).test(end)) {
    throw new StorageError(`${asked.url}: the answer of ${asked.endpoint} breaks off (${root} without its end)`, {
      key: '',
      transient: true,
    });
  }
}

/** The name of a document's first element, and `/` where that is its end too; both empty where it has none. */
function rootOf(text: string): { readonly root: string; readonly ownEnd: string } {
  const [, root = '', ownEnd = ''] = /^\s*(?:\uFEFF?<\?xml[^>]*\?>\s*)?<(?:\w+:)?(\w+)\b[^>]*?(\/?)>/.exec(text) ?? [];
  return { root, ownEnd };
}

function textOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
