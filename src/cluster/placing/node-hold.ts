import type { Clock } from '../../flow/clock.ts';
import { withTimeLimit } from '../../flow/time-limit.ts';
import { RemoteError } from '../../model/errors.ts';
import { type Conversation, converse } from '../conversation.ts';
import type { Command, Remote } from '../remote.ts';

/** How long an answer may take. */
const answerMs = 30_000;
/** How long the shell may take to end once nothing is said to it any more. */
const endMs = 5000;

/**
 * One shell on a node that answers line by line, one question at a time. Where an answer does not come in time the shell is
 * given up, so that a late one is never taken for that of the next question.
 */
export class NodeHold {
  /** Aborts when the shell has ended, for whatever reason. */
  readonly ended: AbortSignal;
  readonly #talk: Conversation;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #over = new AbortController();
  readonly #heard: Promise<void>;
  readonly #answers: string[] = [];
  #wake = (): void => {};

  constructor(remote: Remote, command: Command, clock: Clock) {
    this.#host = remote.host;
    this.#clock = clock;
    this.ended = this.#over.signal;
    this.#talk = converse(remote, command, this.#stop.signal);
    this.#heard = this.#hear();
  }

  /** Says a line, if there is one to say, and gives the next that comes. Throws RemoteError. */
  async ask(line: string | undefined, signal: AbortSignal): Promise<string> {
    const late = () => new RemoteError(`the lock on ${this.#host} gave no answer in ${answerMs / 1000} s`, this.#place);
    try {
      return await withTimeLimit(
        { milliseconds: answerMs, clock: this.#clock, late },
        (limit) => this.#next(line, limit),
        signal,
      );
    } catch (error) {
      this.#stop.abort(error);
      throw error;
    }
  }

  /** The shell ends, and with it the lock. Never rejects. */
  async close(): Promise<void> {
    this.#talk.end();
    const timer = setTimeout(() => this.#stop.abort(new RemoteError(`${this.#host}: the lock was given up`, this.#place)), endMs);
    await this.#heard;
    clearTimeout(timer);
  }

  async #next(line: string | undefined, signal: AbortSignal): Promise<string> {
    if (line !== undefined) {
      this.#talk.say(`${line}\n`);
    }
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) {
        return answer;
      }
      this.#over.signal.throwIfAborted();
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  async #hear(): Promise<void> {
    let end: unknown = new RemoteError(`the shell on ${this.#host} that holds the lock has ended`, this.#place);
    try {
      for await (const line of this.#talk.lines) {
        this.#answers.push(line);
        this.#wake();
      }
    } catch (error) {
      end = error;
    }
    this.#talk.end();
    this.#over.abort(end);
    this.#wake();
  }

  get #place(): { readonly host: string; readonly transient: boolean } {
    return { host: this.#host, transient: true };
  }
}
