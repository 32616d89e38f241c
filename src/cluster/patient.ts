import type { Clock } from '../flow/clock.ts';
import { WaitWatch } from '../flow/wait-watch.ts';
import { OverdueError } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import { type CommandLimits, type CommandVerb, waitText } from '../model/options/command-limits.ts';
import { plainCommand } from './plain-command.ts';
import type { Command, Remote, RunOptions } from './remote.ts';
import { shownCommand } from './ssh/command-failure.ts';
import { reportStatusScript } from './tools/run-tool.ts';

export interface PatienceParts {
  readonly limits: CommandLimits;
  readonly clock: Clock;
  readonly listen: Listen;
}

/**
 * A node that is not waited for in silence, nor for ever: while a command goes on and nothing comes of it, whoever listens hears of it now
 * and then, and what takes longer than it may is given up with an OverdueError. Its signal aborts then, which ends it on the node.
 *
 * What is run has so long for all of it; of what is read, and of what is fed by a stream, a silence may last so long. The node's own time counts alone:
 * not the wait for a free channel, nor for whoever takes what it says (a store that is slow), nor for what it is to be given.
 */
export function patient(remote: Remote, parts: PatienceParts): Remote {
  const { host } = remote;
  return {
    host,
    run: async (command, options, signal) => {
      const usual = isStream(options.input) ? 'stream' : 'info';
      const wait = new CommandWait({ host, command, options, parts }, usual, signal);
      try {
        return await remote.run(command, wait.options, wait.signal);
      } finally {
        wait.close();
      }
    },
    async *read(command, options, signal) {
      const wait = new CommandWait({ host, command, options, parts }, 'stream', signal);
      try {
        for await (const chunk of remote.read(command, wait.options, wait.signal)) {
          wait.weOwe('ear');
          yield chunk;
          wait.gave('ear');
        }
      } finally {
        wait.close();
      }
    },
    close: () => remote.close(),
  };
}

interface Asked {
  readonly host: string;
  readonly command: Command;
  readonly options: RunOptions;
  readonly parts: PatienceParts;
}

/** One command that is waited for. Whoever makes it closes it. */
class CommandWait {
  readonly options: RunOptions;
  readonly #watch: WaitWatch;
  /** What the node is not waited for because it waits for us. */
  readonly #owed = new Set<'ear' | 'input'>();
  readonly #stop = new AbortController();
  readonly #outer: AbortSignal;

  constructor({ host, command, options, parts }: Asked, usual: CommandVerb, signal: AbortSignal) {
    const { limits, clock, listen } = parts;
    const { verb = usual, what = nameOf(command), input, begun } = options;
    const limitMs = verb === 'unlimited' ? Infinity : limits[verb] * 1000;
    const until = limitMs === Infinity ? '' : `, given up after ${waitText(limitMs)}`;
    this.#watch = new WaitWatch({
      clock,
      limitMs,
      notice: (ms) => listen({ type: 'waiting', host, text: `still waiting for ${what} on ${host} (${waitText(ms)}${until})` }),
      late: () => this.#stop.abort(overdue({ host, command: shownCommand(command), what, verb }, limitMs)),
    });
    this.options = {
      ...options,
      ...(isStream(input) ? { input: this.#fedBy(input) } : {}),
      begun: () => {
        this.#watch.begin();
        begun?.();
      },
    };
    this.#outer = signal;
    // `AbortSignal.any` of one that lives as long as the run would be kept by it as long.
    signal.addEventListener('abort', this.#abort, { once: true });
    if (signal.aborted) {
      this.#abort();
    }
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  close(): void {
    this.#watch.close();
    this.#outer.removeEventListener('abort', this.#abort);
  }

  /** Something came of the node, or went to it; until we have given this, it is our turn. */
  weOwe(what: 'ear' | 'input'): void {
    this.#owed.add(what);
    this.#watch.sign();
    this.#watch.pause();
  }

  gave(what: 'ear' | 'input'): void {
    this.#owed.delete(what);
    if (this.#owed.size === 0) {
      this.#watch.begin();
    }
  }

  async *#fedBy(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.weOwe('input');
    for await (const chunk of input) {
      this.gave('input');
      yield chunk;
      this.weOwe('input');
    }
    this.gave('input');
  }

  readonly #abort = (): void => this.#stop.abort(this.#outer.reason);
}

interface Overdue {
  readonly host: string;
  readonly command: string;
  readonly what: string;
  readonly verb: CommandVerb | 'unlimited';
}

function overdue({ host, command, what, verb }: Overdue, limitMs: number): OverdueError {
  const waited = waitText(limitMs);
  const message =
    verb === 'stream' ? `nothing came of ${what} on ${host} for ${waited}` : `${what} on ${host} did not end within ${waited}`;
  return new OverdueError(message, {
    host,
    command,
    hint: `the server or a disk there hangs, or the host is overloaded; --command-timeout ${verb}=DURATION waits longer`,
  });
}

function isStream(input: RunOptions['input']): input is AsyncIterable<Uint8Array> {
  return typeof input === 'object' && Symbol.asyncIterator in input;
}

/** A script has no name but that of its shell. */
function nameOf(command: Command): string {
  const plain = plainCommand(command);
  const [shell, option, text, , program, ...args] = plain;
  const tool = shell === 'sh' && option === '-c' && text === reportStatusScript && program !== undefined;
  const [name, dash] = tool ? [program, ...args] : plain;
  return name === 'sh' && dash === '-c' ? 'a script' : (name ?? 'a command');
}
