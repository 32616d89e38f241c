import { setFlagsFromString } from 'node:v8';
import { type Arguments } from '../../cli/arguments.ts';
import { type Remote } from '../../cluster/remote.ts';
import { type LzoPool } from '../../codec/lzo/pool.ts';
import { RateLimit } from '../../flow/rate-limit.ts';
import { defaultPatience } from '../../flow/retry.ts';
import { type Listen } from '../../model/events.ts';
import { type PerDatacenter, limitIn } from '../../model/options/per-datacenter.ts';
import { type ChooseTransfers, type Member } from '../../operations/nodes/members.ts';
import { type ObjectStore } from '../../storage/object-store.ts';
import {
  type TransferChoice,
  type TransferMode,
  chooseTransfer,
  chosenTransfer,
  directElseRelay,
} from '../../transfer/choice.ts';
import { reasonOf } from '../../model/errors.ts';
import { type DirectParts } from '../../transfer/direct/parts.ts';
import { direct } from '../../transfer/direct/direct.ts';
import { relay } from '../../transfer/relay/relay.ts';
import { type Transfer } from '../../transfer/transfer.ts';
import { settled } from '../../flow/side-by-side.ts';

export interface TransferParts {
  readonly store: ObjectStore;
  readonly pool: LzoPool;
  readonly listen: Listen;
  /** MiB/s of each node. */
  readonly rate: PerDatacenter;
  readonly niceness: number;
  readonly mode: TransferMode;
}

/** One answer per node, however often it is asked. */
export function transferChooser(
  args: Arguments,
  { store, mode }: Pick<TransferParts, 'store' | 'mode'>,
  writes: boolean,
): ChooseTransfers {
  const chosen = new Map<Remote, Promise<TransferChoice>>();
  const needs = { needsLzop: args.text('compression') !== 'none', writes };
  return async (members, signal) => {
    const parts = directParts(store, members);
    const options = { mode, ...needs, direct: parts };
    const choices = members.map(async (member) => {
      const { remote, probe } = member;
      const candidate = { remote, python: probe.python?.version, hasLzop: probe.lzop !== undefined };
      const choice = chosen.get(remote) ?? chooseTransfer(candidate, options, signal);
      chosen.set(remote, choice);
      return [member, await choice] as const;
    });
    // A node that must go directly and cannot is thrown only when no other probe is on its way any more.
    return new Map(await settled(choices));
  };
}

/** The transfer of a run, told to whoever listens. */
export async function transferOf(
  members: readonly Member[],
  choices: ReadonlyMap<Member, TransferChoice>,
  { store, pool, listen, rate, niceness, mode }: TransferParts,
): Promise<Transfer> {
  const withLzop = new Set(members.filter(({ probe }) => probe.lzop !== undefined).map(({ remote }) => remote));
  const limits = new Map(members.map((member) => [member.remote, limitOfNode(rate, member)]));
  const limitOf = (remote: Remote) => limits.get(remote);
  const relayed = relay({ store, pool, hasLzop: (remote) => withLzop.has(remote), limitOf, niceness });
  const parts = directParts(store, members);
  const straight = parts === undefined ? relayed : direct({ ...parts, limitOf, niceness });
  const told = (host: string, reason: unknown): void =>
    listen({ type: 'warning', host, text: `${host}: relay from here on: ${reasonOf(reason)}` });
  const way = mode === 'auto' && parts !== undefined ? directElseRelay(straight, relayed, told) : straight;
  listen({ type: 'step', text: `transfer: ${summary(choices)}` });
  for (const [{ host }, { note }] of choices) {
    if (note !== undefined) {
      listen({ type: 'warning', host, text: note });
    }
  }
  if ([...choices.values()].every(({ name }) => name === 'direct')) {
    collectGarbageEarly();
  }
  return chosenTransfer(new Map([...choices].map(([{ remote }, { name }]) => [remote, name === 'direct' ? way : relayed])));
}

/**
 * Between two collections V8 lets the heap grow up to four times where a program allocates fast, as one that talks with many
 * nodes does. Measured with 50 of them, direct: 190 MB instead of 300, for 3 % more CPU. Not where bytes pass through: their
 * buffers count too, and a relay took up to 60 % more CPU.
 */
function collectGarbageEarly(): void {
  setFlagsFromString('--heap-growing-percent=60');
}

function limitOfNode(rate: PerDatacenter, { info }: Member): RateLimit | undefined {
  const limit = limitIn(rate, info?.dc);
  return limit === Infinity ? undefined : new RateLimit(limit * 1024 ** 2);
}

function summary(choices: ReadonlyMap<Member, TransferChoice>): string {
  const hosts = new Map<string, string[]>();
  for (const [{ host }, { name, reason }] of choices) {
    const way = name === 'direct' ? 'direct' : `relay (${reason})`;
    hosts.set(way, [...(hosts.get(way) ?? []), host]);
  }
  const [only, ...others] = [...hosts];
  if (only !== undefined && others.length === 0) {
    return only[0];
  }
  return [...hosts].map(([way, names]) => `${way} on ${names.join(', ')}`).join('; ');
}

function directParts(store: ObjectStore, members: readonly Member[]): DirectParts | undefined {
  const { signer } = store;
  if (signer === undefined) {
    return undefined;
  }
  const pythons = new Map(members.map(({ remote, probe }) => [remote, probe.python?.path]));
  return { store, signer, pythonOf: (remote) => pythons.get(remote) ?? 'python3', patience: defaultPatience };
}

/** How `--transfer` is to be understood. */
export function modeOf(text: string): TransferMode {
  return text === 'direct' || text === 'relay' ? text : 'auto';
}
