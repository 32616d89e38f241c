import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../../flow/clock.ts';
import { wholeOf } from '../../flow/gather.ts';
import { withTimeLimit } from '../../flow/time-limit.ts';
import { WaitWatch } from '../../flow/wait-watch.ts';
import { StorageError } from '../../model/errors.ts';
import {
  type AnswerHead,
  type Asked,
  checkDocument,
  isByDocument,
  isCoded,
  isStranger,
  strangerError,
  unreadableError,
} from './genuine.ts';

/** Bytes of an answer that is held whole: 1,000 keys of 1,024 bytes each, all written as references, make 7 MB. */
const mostAnswer = 32 * 1024 ** 2;

/** So long may an answer take from its first byte to its last: one that comes byte by byte is never silent. */
const answerMs = 120_000;

/** Bytes per second that at least must go, where a store takes them so slowly that it is no use to wait. */
const leastSpeed = 8 * 1024;

/**
 * All answers but objects are gathered by the SDK before it looks at them, however long they are: here they are cut short, in bytes and in time.
 * And the SDK finds nothing in what is no answer of S3, which would be an empty listing: here that is an error.
 */
export function checked(client: S3Client, asked: Asked, clock: Clock): S3Client {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      const { response } = result;
      if (!isAnswer(response)) {
        return result;
      }
      const command = context['commandName'];
      const { body, statusCode } = response;
      if (isStranger(response)) {
        throw strangerError(asked, response, body instanceof Readable ? await beginningOf(body, clock) : '');
      }
      const isObject = command === 'GetObjectCommand' && statusCode < 300;
      if (body instanceof Readable && !isObject) {
        const bytes = await gathered(body, clock);
        if (statusCode < 300 && isByDocument(command)) {
          checkDocument(asked, command, response, bytes);
        }
        // To HEAD nobody can say why.
        if (statusCode === 404 && command !== 'HeadObjectCommand' && !isCoded(bytes)) {
          throw strangerError(asked, response, Buffer.from(bytes).toString('utf8'));
        }
        response.body = bytes;
      }
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'checkedAnswers' },
  );
  // The outermost there, so that it hears what the SDK says of what it has read.
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const answer = answerOf(error);
        throw answer === undefined || isWord(error) ? error : unreadableError(asked, answer, error);
      }
    },
    { step: 'deserialize', priority: 'high', name: 'readableAnswers' },
  );
  return client;
}

/** Whether an error of the SDK is what the store has said, and not that it cannot be read. */
function isWord(error: unknown): boolean {
  return error instanceof Error && '$fault' in error && typeof error.message === 'string' && typeof error.name === 'string';
}

/** The answer that an error of the SDK is about. */
function answerOf(error: unknown): AnswerHead | undefined {
  const answer: unknown = typeof error === 'object' && error !== null && '$response' in error ? error.$response : undefined;
  return isAnswer(answer) ? answer : undefined;
}

/** Gives up what is not answered in two minutes, and in the time besides that its body may take to be sent. The SDK tries again. */
export function hurried(client: S3Client, clock: Clock): S3Client {
  const { requestHandler } = client.config;
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = async (request, options) => {
    const outer = options === undefined || !('abortSignal' in options) ? undefined : options.abortSignal;
    const own = new AbortController();
    const end = (): void => own.abort(outer instanceof AbortSignal ? outer.reason : undefined);
    const forget = (): void => (outer instanceof AbortSignal ? outer.removeEventListener('abort', end) : undefined);
    if (outer instanceof AbortSignal) {
      outer.addEventListener('abort', end, { once: true });
    }
    if (outer?.aborted === true) {
      end();
    }
    const { body } = request;
    const bytes = body instanceof Uint8Array ? body.byteLength : 0;
    const limit = { milliseconds: answerMs + (bytes / leastSpeed) * 1000, clock, late };
    try {
      const answer = await withTimeLimit(limit, () => handle(request, { ...options, abortSignal: own.signal }), own.signal);
      // Until then what is left of the answer ends with the signal too.
      if (answer.response.body instanceof Readable) {
        answer.response.body.once('close', forget);
      } else {
        forget();
      }
      return answer;
    } catch (error) {
      own.abort(error);
      forget();
      throw error;
    }
  };
  return client;
}

/** What must come in two minutes at least, or the connection is left: byte by byte it would never be silent. */
const leastBytes = 128 * 1024;

/** Of an object that is being read. */
export interface DripWatch {
  readonly heard: (bytes: number) => void;
  /** It is the store's turn again. */
  readonly listen: () => void;
  readonly close: () => void;
  /** Whether the stream was left. */
  readonly isLate: boolean;
}

/** Whoever opens it closes it. */
export function dripWatch(stream: Readable, clock: Clock): DripWatch {
  let bytes = 0;
  let isLate = false;
  const leave = (): void => {
    isLate = true;
    stream.destroy(new Error(`less than ${leastBytes} bytes in ${answerMs / 1000} s`));
  };
  const watch = new WaitWatch({ clock, limitMs: answerMs, notice: () => undefined, late: leave });
  watch.begin();
  return {
    heard: (more) => {
      watch.pause();
      bytes += more;
      if (bytes >= leastBytes) {
        bytes = 0;
        watch.sign();
      }
    },
    listen: () => watch.begin(),
    close: () => watch.close(),
    get isLate() {
      return isLate;
    },
  };
}

async function gathered(body: Readable, clock: Clock): Promise<Uint8Array> {
  const limit = { milliseconds: answerMs, clock, late };
  try {
    return await withTimeLimit(limit, () => wholeOf(body, mostAnswer, tooMuch), new AbortController().signal);
  } finally {
    body.destroy();
  }
}

function tooMuch(): StorageError {
  return new StorageError(`the store answers with more than ${mostAnswer} bytes`, { key: '' });
}

/** By this name the SDK knows it for one that may pass. */
function late(): Error {
  const error = new Error(`no whole answer within ${answerMs / 1000} s`);
  error.name = 'TimeoutError';
  return error;
}

/** Of what somebody says who is no store some words suffice, if he says any. */
async function beginningOf(body: Readable, clock: Clock): Promise<string> {
  const first = async (): Promise<string> => {
    for await (const chunk of body) {
      return String(chunk).slice(0, 4096);
    }
    return '';
  };
  try {
    return await withTimeLimit({ milliseconds: answerMs, clock, late }, first, new AbortController().signal);
  } catch {
    return '';
  } finally {
    body.destroy();
  }
}

/** Whether it is an answer as the SDK has it. */
export function isAnswer(value: unknown): value is AnswerHead & { body?: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'statusCode' in value &&
    typeof value.statusCode === 'number' &&
    'headers' in value &&
    typeof value.headers === 'object'
  );
}
