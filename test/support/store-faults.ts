import type { Answer, Decide, Fault } from './fault-proxy.ts';

/** Ways in which a store fails, or lies. Each is made anew for a command: it counts what that asks. */
export type StoreFault = (point: number) => Decide;

const xml = /<\?xml/;

/** Every fifth time that the same is asked, and the first: what is tried again gets through, however many ask for it at once. */
function nowAndThen(fault: (method: string) => Fault | undefined): StoreFault {
  return (point) => {
    const counts = new Map<string, number>();
    return (method, path) => {
      // What a signature and the SDK add tells nothing of what is asked.
      const asked = `${method} ${path.replaceAll(/[?&](?:X-Amz-[^&]*|x-id=[^&]*)/g, '')}`;
      const count = counts.get(asked) ?? 0;
      counts.set(asked, count + 1);
      return count % 5 === point % 5 ? fault(method) : undefined;
    };
  };
}

/** From the so-manieth request on. */
function from(fault: Fault): StoreFault {
  return (point) => {
    let count = 0;
    return () => ((count += 1) > point ? fault : undefined);
  };
}

/** The so-manieth listing alone. */
function oneListing(change: (page: string) => string): StoreFault {
  return (point) => {
    let count = 0;
    return (_, path) => (isListing(path) && (count += 1) === point + 1 ? changing(change) : undefined);
  };
}

export function isListing(path: string): boolean {
  return path.includes('list-type=2');
}

function changing(change: (page: string) => string): Fault {
  return { instead: (answer) => ({ ...answer, body: Buffer.from(change(answer.body.toString())) }) };
}

/** Every answer is another than the server's. */
function always(change: (answer: Answer, method: string) => Answer): StoreFault {
  return () => (method) => ({ instead: (answer) => change(answer, method) });
}

function withEtag(answer: Answer, etag: string): Answer {
  return answer.headers['etag'] === undefined ? answer : { ...answer, headers: { ...answer.headers, etag: `"${etag}"` } };
}

function isObject(answer: Answer): boolean {
  return answer.status < 300 && answer.body.byteLength > 0 && !xml.test(answer.body.subarray(0, 100).toString());
}

const entry = /<Contents>.*?<\/Contents>|<CommonPrefixes>.*?<\/CommonPrefixes>/gs;

const page = '<!doctype html><html><head><title>Sign in to the network</title></head><body></body></html>';

/** What passes: the command does all that it should. */
export const passing: Readonly<Record<string, StoreFault>> = {
  'answers are lost when the store has done what it was asked': nowAndThen(() => ({ loseAnswer: true })),
  'requests are answered by 500': nowAndThen(() => ({ status: 500, code: 'InternalError' })),
  'requests are answered by 503 and a time to wait': nowAndThen(() => ({
    status: 503,
    code: 'SlowDown',
    headers: { 'retry-after': '0' },
  })),
  'bodies are cut in the middle': nowAndThen((method) => (method === 'PUT' ? { cutUploadAfter: 20 } : { cutDownloadAfter: 20 })),
  'answers come by drips': () => () => ({ answerBytesPerSecond: 20_000 }),
  'listings show every entry twice': () => (_, path) =>
    isListing(path) ? changing((text) => text.replaceAll(entry, (found) => found + found)) : undefined,
};

/** What lasts, from some request on or in all answers: the command does what it can, and says what it did not. */
export const lasting: Readonly<Record<string, StoreFault>> = {
  'the store refuses everything': from({ status: 403, code: 'AccessDenied' }),
  'a login page answers': from({
    instead: () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from(page) }),
  }),
  'one listing is empty': oneListing((text) => text.replaceAll(entry, '')),
  'one listing lacks its last entry': oneListing((text) => {
    const last = [...text.matchAll(entry)].at(-1);
    return last === undefined ? text : text.slice(0, last.index) + text.slice(last.index + last[0].length);
  }),
  'one listing lacks its first entry': oneListing((text) => text.replace(new RegExp(entry.source, 's'), '')),
  'one answer says that an object is not there': (point) => {
    let count = 0;
    return (method, path) =>
      (method === 'GET' || method === 'HEAD') && !isListing(path) && (count += 1) === point + 1
        ? { status: 404, code: 'NoSuchKey' }
        : undefined;
  },
};

/** The same in every answer. */
export const lying: Readonly<Record<string, StoreFault>> = {
  'etags are others than those of the objects': always((answer) => withEtag(answer, '0'.repeat(32))),
  'etags change from answer to answer': () => {
    let count = 0;
    return () => ({
      instead: (answer) => {
        count += 1;
        return withEtag(answer, String(count).padStart(32, '0'));
      },
    });
  },
  'objects come shorter, with the length that they come with': always((answer, method) =>
    method === 'GET' && isObject(answer) ? { ...answer, body: answer.body.subarray(0, answer.body.byteLength >> 1) } : answer,
  ),
  'a bit of every object is another': always((answer, method) => {
    if (method !== 'GET' || !isObject(answer)) {
      return answer;
    }
    const body = Buffer.from(answer.body);
    const at = body.byteLength >> 1;
    body.writeUInt8(body.readUInt8(at) ^ 0x10, at);
    return { ...answer, body };
  }),
  'listings come out of a cache': () => {
    const kept = new Map<string, Answer>();
    return (_, path) =>
      isListing(path)
        ? {
            instead: (answer) => {
              const first = kept.get(path) ?? answer;
              kept.set(path, first);
              return first;
            },
          }
        : undefined;
  },
  'listings are empty': () => (_, path) => (isListing(path) ? changing((text) => text.replaceAll(entry, '')) : undefined),
};
