import type { Remote } from '../../cluster/remote.ts';
import { RemoteError } from '../../model/errors.ts';
import { type Conversation, converse } from '../../cluster/conversation.ts';
import { type Greeting, type Order, protocolVersion, readGreeting, readMessage } from './messages.ts';
import { NodeUnit, patienceMs } from './node-unit.ts';
import { nodeCommand, nodeProgram } from './program.ts';

/** What the parts of all streams of a node may take of its memory; its Python takes some 30 MB besides. */
const memoryBytes = 128 * 1024 ** 2;

export interface NodeSettings {
  /** Python 3, as the node's shell calls it. */
  readonly python: string;
  readonly niceness: number;
  /** Bytes per second; undefined where there is no limit. */
  readonly rate: number | undefined;
  readonly authorities: string | undefined;
  /** Milliseconds within which the program has begun; a minute unless given. */
  readonly greetWithinMs?: number | undefined;
  /** Milliseconds without a word, of which it says one every minute, after which it is given up; ten minutes unless given. */
  readonly silentMs?: number | undefined;
}

/**
 * The program `node_part.py` at work on a node: one for all units that go there, side by side. What it says is heard for as long
 * as it runs; when it ends, every unit that is open fails with the reason.
 */
export class NodePart {
  readonly host: string;
  readonly #talk: Conversation;
  readonly #stop: AbortController;
  readonly #units = new Map<number, NodeUnit>();
  readonly #ended: Promise<void>;
  #failure: unknown;
  #last = 0;

  constructor(remote: Remote, settings: NodeSettings) {
    const { python, niceness, rate, authorities, greetWithinMs = 60_000, silentMs = 600_000 } = settings;
    this.host = remote.host;
    this.#stop = new AbortController();
    this.#talk = converse(remote, nodeCommand(python, niceness), this.#stop.signal);
    this.#talk.say(nodeProgram());
    const greeting: Greeting = {
      version: protocolVersion,
      rate: rate ?? null,
      memory: memoryBytes,
      authorities: authorities ?? null,
    };
    this.#tell(greeting);
    const limit = (milliseconds: number) =>
      setTimeout(() => this.#stop.abort(tooLate(this.host, python, milliseconds)), milliseconds);
    let late = limit(greetWithinMs);
    this.#ended = this.#hear(() => {
      clearTimeout(late);
      late = limit(silentMs);
    }).finally(() => clearTimeout(late));
  }

  /** False once nothing can be begun there any more. */
  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  /** Whoever begins a unit closes it. */
  begin(order: Order, signal: AbortSignal): NodeUnit {
    signal.throwIfAborted();
    this.#last += 1;
    const number = this.#last;
    const unit = new NodeUnit(this.host, {
      say: (told) => this.#tell({ unit: number, ...told }),
      stop: (error) => {
        this.#failure ??= error;
        this.#stop.abort(error);
      },
      signal,
    });
    this.#units.set(number, unit);
    if (this.#failure !== undefined) {
      unit.end(this.#failure);
    }
    this.#tell({ unit: number, ...order });
    return unit;
  }

  /** Ends the program; it is not waited for longer than some seconds. */
  async close(): Promise<void> {
    this.#talk.end();
    const timer = setTimeout(() => this.#stop.abort(new Error('it was not left in time')), patienceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #tell(message: object): void {
    this.#talk.say(`${JSON.stringify(message)}\n`);
  }

  /** Never rejects: the units are told. */
  async #hear(hasSpoken: () => void): Promise<void> {
    let greeted = false;
    try {
      for await (const line of this.#talk.lines) {
        if (greeted) {
          this.#take(line);
        } else {
          readGreeting(this.host, line);
          greeted = true;
        }
        hasSpoken();
      }
      throw new RemoteError(`the program on ${this.host} ended`, { host: this.host, transient: true });
    } catch (error) {
      this.#failure ??= error;
      this.#talk.end();
      for (const unit of this.#units.values()) {
        unit.end(error);
      }
    }
  }

  #take(line: string): void {
    const { unit, message } = readMessage(this.host, line);
    if (message.kind !== 'alive') {
      this.#units.get(unit)?.hear(message);
    }
    if (message.kind === 'done') {
      this.#units.delete(unit);
    }
  }
}

function tooLate(host: string, python: string, afterMs: number): RemoteError {
  return new RemoteError(`${python} on ${host} said nothing within ${afterMs / 1000} s`, { host, command: python });
}
