import { removeFilesScript } from '../../../src/cluster/files/incremental-files.ts';
import { readFromScript } from '../../../src/cluster/files/plain-files.ts';
import { plainCommand } from '../../../src/cluster/plain-command.ts';
import { type Command, outputOf, type Remote, type RunOptions } from '../../../src/cluster/remote.ts';
import { commandFailure } from '../../../src/cluster/ssh/command-failure.ts';
import { reportStatusScript } from '../../../src/cluster/tools/run-tool.ts';
import { bytesOf } from '../../support/bodies.ts';
import type { Recorded } from '../../support/recorded.ts';
import { toolAnswer } from '../../support/scripted-remote.ts';
import type { Files } from '../host/files/files.ts';
import { openingShortcuts } from './opening.ts';
import { readingShortcuts } from './reading.ts';
import type { Printed, Shortcut } from './shortcut.ts';

/** A node as these shortcuts see it. */
export interface ShortcutNode {
  readonly name: string;
  /** As the owner of the data. */
  readonly files: Files;
  readonly nowMs: () => number;
  readonly isUp: () => boolean;
  /** Whether the owner of the data logs in, who cannot become anybody. */
  readonly isOwners: boolean;
  /** Whether scripts are broken into between their steps: those that change files are run then. */
  readonly mayBreak: boolean;
  /** Whether it has lzop. */
  readonly lzop: boolean;
  /** A program of the node, other than those of the system. */
  readonly program: (argv: readonly string[], input: string) => Promise<Recorded> | undefined;
}

/**
 * A connection on which the scripts that commands send most are not run but known: what each does and prints is written in TypeScript, a hundred
 * times as fast. A contract holds them against the scripts themselves. What is not known `otherwise` does.
 */
export function shortcutRemote(node: ShortcutNode, otherwise: Remote | undefined): Remote {
  async function* read(command: Command, options: RunOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.throwIfAborted();
    options.begun?.();
    const printed = await known(node, command, options);
    if (printed === undefined) {
      if (otherwise === undefined) {
        throw new Error(`no shortcut knows ${command.join(' ').slice(0, 600)}`);
      }
      yield* otherwise.read(command, { ...options, begun: undefined }, signal);
      return;
    }
    const { stdout, stderr = '', status = 0 } = printed;
    if (stdout.length > 0) {
      yield Buffer.from(stdout);
    }
    if (status !== 0) {
      throw commandFailure(node.name, command, { status }, stderr);
    }
  }
  return {
    host: node.name,
    read,
    run: (command, options, signal) => outputOf(node.name, command, read(command, options, signal)),
    close: async () => otherwise?.close(),
  };
}

async function known(node: ShortcutNode, command: Command, options: RunOptions): Promise<Printed | undefined> {
  const from = command.indexOf(readFromScript);
  const plain = from >= 0 ? command.slice(from - 2) : plainCommand(command);
  const isTool = plain[0] === 'sh' && plain[2] === reportStatusScript;
  const argv = isTool ? plain.slice(4) : plain;
  const printed = (await program(node, argv, options)) ?? (await script(node, argv, options));
  if (printed === undefined || !isTool) {
    return printed;
  }
  const { stdout, stderr = '', status = 0 } = printed;
  return { stdout: toolAnswer({ stdout: String(stdout), stderr: stderr.trimEnd(), status }) };
}

async function program(node: ShortcutNode, argv: readonly string[], { input = '' }: RunOptions): Promise<Printed | undefined> {
  return typeof input === 'string' ? node.program(argv, input) : undefined;
}

function shortcutOf(word: string, { isOwners, mayBreak }: ShortcutNode): Shortcut | undefined {
  if (mayBreak && word === removeFilesScript) {
    return undefined;
  }
  return readingShortcuts.get(word) ?? (isOwners ? openingShortcuts.get(word) : undefined);
}

async function script(node: ShortcutNode, argv: readonly string[], { input = '' }: RunOptions): Promise<Printed | undefined> {
  const { files, nowMs, isUp, lzop } = node;
  const at = argv.findIndex((word) => shortcutOf(word, node) !== undefined);
  const shortcut = shortcutOf(argv[at] ?? '', node);
  if (shortcut === undefined) {
    return undefined;
  }
  const given = typeof input === 'string' || input instanceof Uint8Array ? Buffer.from(input) : await bytesOf(input);
  return shortcut({ files, args: argv.slice(at + 2), input: given, nowMs: nowMs(), isUp: isUp(), lzop });
}
