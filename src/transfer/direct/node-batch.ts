import { numberOf } from '../node-sum.ts';
import { type Remote } from '../../cluster/remote.ts';
import { RemoteError } from '../../model/errors.ts';
import { total } from '../../model/size.ts';
import { type SignedRequest } from '../../storage/object-store.ts';
import { type Answer, answerError } from './curl-answer.ts';
import { type Conversation, converse } from './conversation.ts';
import { type CurlRequest, curlConfig } from './curl-config.ts';
import { type DirectParts, beforeAgain } from './parts.ts';
import { nicely } from '../../cluster/niceness.ts';
import { nodeCommand } from './node-scripts.ts';

/** A request of many, and what to make of its answer. */
export interface BatchRequest {
  readonly key: string;
  /** That go one way or the other. */
  readonly bytes: number;
  readonly sign: () => Promise<SignedRequest>;
  readonly files: Pick<CurlRequest, 'upload' | 'output'>;
  /** The status of curl may be another request's. */
  readonly isDone: (answer: Answer) => boolean;
}

/** Answers that one curl fetches at once; the CPU is the bottleneck beyond. */
const requestsAtOnce = 8;

/** The script `batch` on a node: does one thing after the other to many files. Ends with the first that fails. */
export class NodeBatch {
  readonly #parts: DirectParts;
  readonly #remote: Remote;
  readonly #talk: Conversation;
  readonly #lines: AsyncIterator<string>;
  readonly #signal: AbortSignal;

  constructor(parts: DirectParts, remote: Remote, needBytes: number, signal: AbortSignal) {
    this.#parts = parts;
    this.#remote = remote;
    this.#signal = signal;
    this.#talk = converse(remote, nicely(nodeCommand('batch', needBytes), parts.niceness ?? 0), signal);
    this.#lines = this.#talk.lines[Symbol.asyncIterator]();
  }

  /** What the verb printed for these names. Throws RemoteError when its program failed. */
  async ask(verb: string, names: readonly string[], argument = '-'): Promise<readonly string[]> {
    return await this.#exchange(verb, argument, names.map((name) => `${name}\0`).join(''));
  }

  /**
   * Sends requests until each is done, those again that failed for a passing reason. The answers come in the order of the
   * requests. Throws what `answerError` makes of the first that failed for good.
   */
  async send(requests: readonly BatchRequest[]): Promise<readonly Answer[]> {
    const answers = new Map<BatchRequest, Answer>();
    for (let failures = 1, open = requests; open.length > 0; failures += 1) {
      for (const [request, answer] of await this.#round(open)) {
        answers.set(request, answer);
      }
      open = open.filter((request) => !request.isDone(answers.get(request) ?? none));
      const errors = open.map((request) => answerError(this.#remote.host, request.key, answers.get(request) ?? none));
      const [error] = errors.toSorted((a, b) => Number(a.transient) - Number(b.transient));
      if (error !== undefined) {
        await beforeAgain(error, failures, this.#parts.patience, this.#signal);
      }
    }
    return requests.map((request) => answers.get(request) ?? none);
  }

  /** Ends the script and waits until it has ended well. */
  async finish(): Promise<void> {
    this.#talk.end();
    while ((await this.#lines.next()).done !== true) {}
  }

  /** Gives up whatever the script does; after `finish` there is nothing to do. */
  async close(): Promise<void> {
    this.#talk.end();
    await this.#lines.return?.();
  }

  async #round(requests: readonly BatchRequest[]): Promise<readonly (readonly [BatchRequest, Answer])[]> {
    const entries = await Promise.all(
      requests.map(async ({ sign, files }, index): Promise<CurlRequest> => ({
        request: await sign(),
        output: `h/${index}.body`,
        ...files,
        headers: `h/${index}.head`,
        writeOut: `${index} %{http_code} %{size_download}\n`,
      })),
    );
    // Small files: only when all of them may begin is held back.
    await this.#parts.limitOf?.(this.#remote)?.take(total(requests.map(({ bytes }) => bytes)), this.#signal);
    const parallel = this.#parts.isParallel(this.#remote) && requests.length > 1;
    const lines = await this.#exchange('curl', parallel ? `-Z --parallel-max ${requestsAtOnce}` : '-', curlConfig(entries));
    const [, status = '1', said = ''] = /^status (\d+) (.*)$/.exec(lines.at(-1) ?? '') ?? [];
    const notes = notesOf(lines);
    return requests.map((request, index) => {
      const note = notes.get(index);
      // Several requests share a curl, whose status is that of one that failed: `isDone` knows whether it was this one.
      const curl = Number(status) || (note === undefined || note.http === 0 ? 1 : 0);
      const answer = { curl, http: note?.http ?? 0, etag: note?.etag ?? '', said: note?.said || said, bytes: note?.bytes ?? 0 };
      return [request, answer];
    });
  }

  async #exchange(verb: string, argument: string, body: string): Promise<readonly string[]> {
    this.#talk.say(`${verb} ${Buffer.byteLength(body)} ${argument}\n${body}`);
    const printed: string[] = [];
    while (true) {
      const line = await this.#lines.next();
      if (line.done === true) {
        throw new RemoteError(`${this.#remote.host} ended in the middle of ${verb}`, {
          host: this.#remote.host,
          transient: true,
        });
      }
      if (line.value === 'ok') {
        return printed;
      }
      printed.push(line.value);
    }
  }
}

const none: Answer = { curl: 1, http: 0, etag: '', said: '' };

interface Note {
  http: number;
  bytes: number;
  etag: string;
  said: string;
}

/** From lines of three kinds: what curl wrote out, headers (`h/<index>.head:ETag: …`) and errors (`h/<index>.body:<Code>…`). */
function notesOf(lines: readonly string[]): ReadonlyMap<number, Note> {
  const notes = new Map<number, Note>();
  const noteOf = (index: string): Note => {
    const note = notes.get(Number(index)) ?? { http: 0, bytes: 0, etag: '', said: '' };
    notes.set(Number(index), note);
    return note;
  };
  for (const line of lines) {
    const [, index, http, bytes] = /^(\d+) (\d+) (\d+)$/.exec(line) ?? [];
    if (index !== undefined) {
      Object.assign(noteOf(index), { http: numberOf(http), bytes: numberOf(bytes) });
    }
    const [, ofHead, etag] = /^h\/(\d+)\.head:etag: *"?([^"\r]*)/i.exec(line) ?? [];
    if (ofHead !== undefined) {
      noteOf(ofHead).etag = etag ?? '';
    }
    const [, ofBody, said = ''] = /^h\/(\d+)\.body:(.*)$/.exec(line) ?? [];
    if (ofBody !== undefined) {
      noteOf(ofBody).said += said;
    }
  }
  return notes;
}
