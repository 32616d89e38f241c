import { type Command, outputOf, type Remote, type RunOptions } from '../../../src/cluster/remote.ts';
import { connectionError } from '../../../src/cluster/ssh/failure.ts';
import type { SimulatedProcess } from '../clock/process.ts';
import type { WireParts } from './store-wire.ts';

export interface LineParts extends WireParts {
  /** Breaks the connection, with all commands that run over it. */
  readonly cut: () => void;
}

/** A process's connection to a node, over which commands and their answers take time and may be lost. */
export function nodeLine(inner: Remote, process: SimulatedProcess, { time, weather, journal, cut }: LineParts): Remote {
  const { host } = inner;
  const lost = (): Error => connectionError({ host, port: 22, connectTimeoutSeconds: 10 }, host);
  /** What comes back reaches nobody who is dead. */
  const pass = (milliseconds: number): Promise<void> => time.sleep(milliseconds, process);
  const patient = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
    let leave = (): void => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
      signal.addEventListener('abort', leave, { once: true });
    });
    await Promise.race([pass(milliseconds), left]);
    signal.removeEventListener('abort', leave);
    signal.throwIfAborted();
  };

  async function* read(command: Command, options: RunOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.throwIfAborted();
    const fate = weather.fate('remote');
    if (fate !== 'well') {
      journal.note(process.host, `(${fate}: ${nameOf(command)} on ${host})`);
    }
    await patient(weather.travelMs() + (fate === 'late' ? weather.lateMs() : 0), signal);
    if (fate === 'refused') {
      throw lost();
    }
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    let left = fate === 'cut' ? weather.below(3) : Infinity;
    try {
      for await (const chunk of inner.read(command, options, either)) {
        await pass(weather.travelMs(chunk.byteLength) / 4);
        if (left <= 0) {
          cut();
          throw lost();
        }
        left -= 1;
        if (fate !== 'lost') {
          yield chunk;
        }
      }
      await pass(weather.travelMs());
    } catch (error) {
      await pass(weather.travelMs());
      throw error;
    } finally {
      stop.abort(new Error('the connection is closed'));
    }
    if (fate === 'lost' || fate === 'cut') {
      cut();
      throw lost();
    }
  }

  return {
    host,
    read,
    run: (command, options, signal) => outputOf(host, command, read(command, options, signal)),
    close: () => inner.close(),
  };
}

/** The program, or the beginning of what a script does. */
function nameOf(command: Command): string {
  const words = command.filter((word) => /^(nodetool|cqlsh|find|tar|cat|xargs)$/.test(word));
  const at = command.lastIndexOf(words[0] ?? '');
  return at >= 0 && words.length > 0
    ? command.slice(at, at + 3).join(' ')
    : command.join(' ').replaceAll(/\s+/g, ' ').slice(0, 60);
}
