import assert from 'node:assert/strict';
import { type Conversation, converse } from '../../../src/cluster/conversation.ts';
import type { Command, Remote } from '../../../src/cluster/remote.ts';
import { RemoteError } from '../../../src/model/errors.ts';
import { never } from '../../support/never.ts';
import type { Side } from './twin.ts';

/** A script on one of the two hosts, to which something is said while it runs. */
export class Speaker {
  readonly #side: Side;
  readonly #talk: Conversation;
  readonly #lines: AsyncIterator<string>;

  constructor(remote: Remote, side: Side, command: Command) {
    this.#side = side;
    this.#talk = converse(remote, command, never);
    this.#lines = this.#talk.lines[Symbol.asyncIterator]();
  }

  say(line: string | ((side: Side) => string)): void {
    this.#talk.say(`${typeof line === 'string' ? line : line(this.#side)}\n`);
  }

  /** What it says next, or how it has ended. */
  async hear(): Promise<string> {
    try {
      const { done, value } = await this.#lines.next();
      return done === true ? 'it has ended' : `said ${value}`;
    } catch (error) {
      if (!(error instanceof RemoteError)) {
        throw error;
      }
      return `it has ended: ${error.message.replace(/^\w+: /, '')}`;
    }
  }

  /** Nothing more is said to it. */
  end(): void {
    this.#talk.end();
  }
}

/** The same script on both hosts: each answer must be the same. */
export class Talk {
  readonly #real: Speaker;
  readonly #model: Speaker;
  readonly #normal: (text: string) => string;

  constructor(real: Speaker, model: Speaker, normal: (text: string) => string) {
    this.#real = real;
    this.#model = model;
    this.#normal = normal;
  }

  /** `said …`, or `it has ended` with what was wrong. */
  async hear(): Promise<string> {
    const [real, model] = (await Promise.all([this.#real.hear(), this.#model.hear()])).map(this.#normal);
    assert.equal(model, real);
    return model ?? '';
  }

  ask(line: string | ((side: Side) => string)): Promise<string> {
    this.#real.say(line);
    this.#model.say(line);
    return this.hear();
  }

  /** Its input ends. Gives how it has ended then. */
  end(): Promise<string> {
    this.#real.end();
    this.#model.end();
    return this.hear();
  }
}
