import { setFlagsFromString } from 'node:v8';
import type { Remote } from '../../cluster/remote.ts';
import type { LzoPool } from '../../codec/lzo/pool.ts';
import { RateLimit } from '../../flow/rate-limit.ts';
import { defaultPatience } from '../../flow/retry.ts';
import type { Listen } from '../../model/events.ts';
import { type PerDatacenter, limitIn } from '../../model/options/per-datacenter.ts';
import type { ChooseTransfers, Member } from '../../operations/nodes/members.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type TransferChoice, type TransferMode, chooseTransfer, chosenTransfer } from '../../transfer/choice.ts';
import { directElseRelay } from '../../transfer/else-relay.ts';
import { reasonOf } from '../../model/errors.ts';
import { clearOldProbes } from '../../transfer/direct/old-probes.ts';
import type { DirectParts } from '../../transfer/direct/parts.ts';
import { direct } from '../../transfer/direct/direct.ts';
import { NodePrograms } from '../../transfer/direct/node-programs.ts';
import { relay } from '../../transfer/relay/relay.ts';
import type { Transfer } from '../../transfer/transfer.ts';
import { settled } from '../../flow/side-by-side.ts';

export interface TransferParts {
  readonly store: ObjectStore;
  readonly pool: LzoPool;
  readonly listen: Listen;
  /** MiB/s of each node. */
  readonly rate: PerDatacenter;
  readonly niceness: number;
  readonly mode: TransferMode;
  /** False where nothing is compressed. */
  readonly needsLzop: boolean;
  /** Whether nodes will send objects, and not only fetch them. */
  readonly writes: boolean;
  /** Whether the SHA-256 of what is stored is wanted: manifests that are signed hold it. */
  readonly sha256: boolean;
}

/** How the bytes of a session's nodes travel. */
export interface Transfers {
  /** One answer per node, however often it is asked. */
  readonly chooseTransfers: ChooseTransfers;
  /** The transfer of a run, told to whoever listens; it uses the store as the run may. */
  readonly transferFor: (members: readonly Member[], store: ObjectStore, signal: AbortSignal) => Promise<Transfer>;
  /** Ends what runs on the nodes for it. */
  readonly close: () => Promise<void>;
}

export function openTransfers(parts: TransferParts): Transfers {
  const { store, mode, needsLzop, writes, niceness, rate, sha256 } = parts;
  const known = new Map<Remote, Member>();
  const chosen = new Map<Remote, Promise<TransferChoice>>();
  const limits = new Map<Remote, RateLimit | undefined>();
  const limitOf = (remote: Remote) => limits.get(remote);
  const programs = new NodePrograms({
    pythonOf: (remote) => known.get(remote)?.probe.python?.path ?? 'python3',
    limitOf,
    niceness,
    authorities: store.signer?.authorities,
  });
  const straight = store.signer && { store, signer: store.signer, programs, patience: defaultPatience, sha256 };
  const choose = (member: Member, signal: AbortSignal): Promise<TransferChoice> => {
    const { files: remote, probe } = member;
    known.set(remote, member);
    limits.set(remote, limitOfNode(rate, member));
    const candidate = { remote, python: probe.python?.version, hasLzop: probe.lzop !== undefined };
    return chooseTransfer(candidate, { mode, needsLzop, writes, direct: straight }, signal);
  };
  const chooseTransfers: ChooseTransfers = async (members, signal) => {
    const choices = members.map(async (member) => {
      const choice = chosen.get(member.files) ?? choose(member, signal);
      chosen.set(member.files, choice);
      return [member, await choice] as const;
    });
    // A node that must go directly and cannot is thrown only when no other probe is on its way any more.
    return new Map(await settled(choices));
  };
  return {
    chooseTransfers,
    transferFor: async (members, held, signal) => {
      const choices = await chooseTransfers(members, signal);
      const { signer } = held;
      // Only whoever has tried out the store may have left something of it.
      const left = writes && straight !== undefined && mode !== 'relay' ? await clearOldProbes(held, signal) : undefined;
      if (left !== undefined) {
        parts.listen({ type: 'warning', text: left });
      }
      return transferOf(choices, { ...parts, store: held }, limitOf, straight && signer && { ...straight, store: held, signer });
    },
    close: () => programs.close(),
  };
}

function transferOf(
  choices: ReadonlyMap<Member, TransferChoice>,
  { store, pool, listen, niceness, mode, sha256 }: TransferParts,
  limitOf: (remote: Remote) => RateLimit | undefined,
  parts: DirectParts | undefined,
): Transfer {
  const withLzop = new Set([...choices.keys()].filter(({ probe }) => probe.lzop !== undefined).map(({ files }) => files));
  const relayed = relay({ store, pool, hasLzop: (remote) => withLzop.has(remote), limitOf, niceness, sha256 });
  const straight = parts === undefined ? relayed : direct(parts);
  const say = (host: string, what: string, reason: unknown): void =>
    listen({ type: 'warning', host, text: `${host}: ${what}: ${reasonOf(reason)}` });
  const way =
    mode === 'auto' && parts !== undefined
      ? directElseRelay(straight, relayed, {
          changed: (host, reason) => say(host, 'relay from here on', reason),
          inVain: (host, reason) => say(host, 'relay was tried too, since directly it came to this', reason),
          // Its files are compressed and unpacked by this host.
          lzopFails: (remote) => withLzop.delete(remote),
        })
      : straight;
  listen({ type: 'step', text: `transfer: ${summary(choices)}` });
  for (const [{ host }, { note }] of choices) {
    if (note !== undefined) {
      listen({ type: 'warning', host, text: note });
    }
  }
  if ([...choices.values()].every(({ name }) => name === 'direct')) {
    collectGarbageEarly();
  }
  return chosenTransfer(new Map([...choices].map(([{ files }, { name }]) => [files, name === 'direct' ? way : relayed])));
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

/** How `--transfer` is to be understood. */
export function modeOf(text: string): TransferMode {
  return text === 'direct' || text === 'relay' ? text : 'auto';
}
