import { removeFilesScript } from '../../../src/cluster/files/incremental-files.ts';
import { plainCommand } from '../../../src/cluster/plain-command.ts';
import { type Command, outputOf, type Remote, type RunOptions } from '../../../src/cluster/remote.ts';

/** Something that a process has sent to a node and that changes it as backups do. */
export interface NodeDeed {
  readonly host: string;
  readonly by: string;
  readonly what: string;
  /** When it was sent, in true milliseconds of the world. */
  readonly atMs: number;
}

/** A connection of which is told what is sent over it that takes a snapshot, clears one, or removes collected files. */
export function tellingDeeds(inner: Remote, tell: (what: string) => void): Remote {
  async function* read(command: Command, options: RunOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const what = deedOf(command);
    if (what !== undefined) {
      tell(what);
    }
    yield* inner.read(command, options, signal);
  }
  return {
    host: inner.host,
    read,
    run: (command, options, signal) => outputOf(inner.host, command, read(command, options, signal)),
    close: () => inner.close(),
  };
}

function deedOf(command: Command): string | undefined {
  if (command.includes(removeFilesScript)) {
    return 'the removal of incremental files';
  }
  const words = plainCommand(command);
  const at = words.indexOf('nodetool');
  const verb = words[at + 1] ?? '';
  return at >= 0 && (verb === 'snapshot' || verb === 'clearsnapshot') ? words.slice(at, at + 4).join(' ') : undefined;
}
