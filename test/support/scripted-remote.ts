import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { plainCommand } from '../../src/cluster/plain-command.ts';
import type { Command, Remote, RunOptions } from '../../src/cluster/remote.ts';
import { commandFailure, shownCommand } from '../../src/cluster/ssh/command-failure.ts';
import { connectionError } from '../../src/cluster/ssh/failure.ts';
import { reportStatusScript } from '../../src/cluster/tools/run-tool.ts';
import { bytesOf } from './bodies.ts';
import type { Recorded } from './recorded.ts';

/** A command as it reached the node. */
export interface Call {
  readonly host: string;
  /** As it was given, with whatever is wrapped around the program. */
  readonly command: Command;
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** Whether the status is to be reported in band, as `runTool` wants it. */
  readonly tool: boolean;
  readonly options: RunOptions;
  readonly signal: AbortSignal;
}

export type Match = (call: Call) => boolean;

/** What a command prints, or what it fails with. `next` is what the rules that were there before would have done. */
export type Reply = (call: Call, next: () => AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** A Remote without a host: rules say what each command answers. The rule that was added last is asked first. */
export interface ScriptedRemote extends Remote {
  readonly calls: readonly Call[];
  on(match: Match, reply: Reply): void;
  /** What was called, in order: argv joined by spaces. */
  ran(match: Match): readonly string[];
}

/** Fails the test when a command came that no rule knows, whatever became of the error. */
export function scriptedRemote(test: TestContext, host: string): ScriptedRemote {
  const calls: Call[] = [];
  const rules: { readonly match: Match; readonly reply: Reply }[] = [];
  const unknown: string[] = [];
  test.after(() => assert.deepEqual(unknown, [], `commands on ${host} that no rule knows`));

  const answer = (call: Call, from: number): AsyncIterable<Uint8Array> => {
    const index = rules.findLastIndex(({ match }, place) => place < from && match(call));
    const rule = rules[index];
    if (rule === undefined) {
      unknown.push(call.argv.join(' '));
      throw new Error(`no rule on ${host} knows ${shownCommand(call.command)}`);
    }
    return rule.reply(call, () => answer(call, index));
  };
  async function* read(command: Command, options: RunOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.throwIfAborted();
    const call = { host, command, ...unwrapped(command), options, signal };
    calls.push(call);
    options.begun?.();
    yield* answer(call, rules.length);
  }
  return {
    host,
    calls,
    on: (match, reply) => void rules.push({ match, reply }),
    ran: (match) => calls.filter(match).map(({ argv }) => argv.join(' ')),
    read,
    run: async (command, options, signal) => (await bytesOf(read(command, options, signal))).toString(),
    close: async () => {},
  };
}

function unwrapped(command: Command): Pick<Call, 'argv' | 'tool'> {
  const plain = plainCommand(command);
  const [shell, option, text, , ...argv] = plain;
  const tool = shell === 'sh' && option === '-c' && text === reportStatusScript;
  return { argv: tool ? argv : plain, tool };
}

/** A program by its name and first arguments. */
export function program(...words: readonly string[]): Match {
  return ({ argv }) => words.every((word, index) => argv[index] === word);
}

/** One of the scripts that modules export, with the first arguments that it gets. */
export function script(text: string, ...args: readonly string[]): Match {
  return ({ argv: [shell, option, given, , ...rest] }) =>
    shell === 'sh' && option === '-c' && given === text && args.every((word, index) => rest[index] === word);
}

/** cqlsh with these words among its statements. */
export function cql(words: string): Match {
  return ({ argv, options: { input } }) => argv[0] === 'cqlsh' && typeof input === 'string' && input.includes(words);
}

/** What came on standard input. */
export async function inputOf({ options: { input = '' } }: Call): Promise<string> {
  return typeof input === 'string' || input instanceof Uint8Array ? String(input) : String(await bytesOf(input));
}

/** Runs to its end and says this; a status other than 0 is a failure as ssh would tell it. */
export function says(said: string | Partial<Recorded> | ((call: Call) => Said | Promise<Said>)): Reply {
  return async function* (call) {
    const given = typeof said === 'function' ? await said(call) : said;
    const { stdout = '', stderr = '', status = 0 } = typeof given === 'string' ? { stdout: given } : given;
    if (call.tool) {
      yield Buffer.from(toolAnswer({ stdout, stderr, status }));
      return;
    }
    if (stdout !== '') {
      yield Buffer.from(stdout);
    }
    if (status !== 0) {
      throw commandFailure(call.host, call.command, { status }, stderr);
    }
  };
}

type Said = string | Partial<Recorded>;

/** What a program says through the wrapping of `runTool`. */
export function toolAnswer({ stdout, stderr, status }: Recorded): string {
  return `${stdout}\u001e${status}\u001e${stderr}`;
}

export function fails(stderr: string, status = 1): Reply {
  return says({ stderr, status });
}

/** The connection breaks, after so many bytes of the answer. */
export function loses(afterBytes = 0): Reply {
  return async function* ({ host }, next) {
    let left = afterBytes;
    if (left > 0) {
      for await (const chunk of next()) {
        yield chunk.subarray(0, left);
        left -= chunk.byteLength;
        if (left <= 0) {
          break;
        }
      }
    }
    throw connectionError({ host, port: 22, connectTimeoutSeconds: 10 }, host);
  };
}

/** No answer until the signal aborts. */
export function hangs(): Reply {
  return async function* ({ signal }) {
    if (!signal.aborted) {
      await once(signal, 'abort');
    }
    signal.throwIfAborted();
    // Never reached: what makes it a stream.
    yield Buffer.alloc(0);
  };
}

/** Does something before what would have been done without it. */
export function beforehand(work: (call: Call) => void | Promise<void>): Reply {
  return async function* (call, next) {
    await work(call);
    yield* next();
  };
}

/** Does what would have been done without it, and then something. */
export function afterwards(work: (call: Call) => void | Promise<void>): Reply {
  return async function* (call, next) {
    yield* next();
    await work(call);
  };
}

/** Only the n-th call that comes to this rule, from 1; the others are answered as without it. */
export function onCall(number: number, reply: Reply): Reply {
  let calls = 0;
  return (call, next) => {
    calls += 1;
    return calls === number ? reply(call, next) : next();
  };
}

/** Another Remote does it, for instance this machine. */
export function runsOn(remote: Remote): Reply {
  return ({ command, options, signal }) => remote.read(command, options, signal);
}
