import type { Clock } from '../../flow/clock.ts';
import { LockedError, RemoteError } from '../../model/errors.ts';
import { type NodeHolder, holderLine, holderOf, isLineOf } from '../../model/node/holder.ts';
import type { DataNode } from '../node.ts';
import { NodeHold } from './node-hold.ts';
import { holdNodeScript, nodeLockName } from './node-lock-script.ts';

export interface LockTimes {
  /** How often the holder says that it lives. */
  readonly beatMs: number;
  /** After how much silence the node frees the lock, by its own timer. */
  readonly silentSeconds: number;
  /** How long a lock whose shell has ended is tried to be had again. */
  readonly patienceMs: number;
}

export const nodeLockTimes: LockTimes = { beatMs: 10_000, silentSeconds: 60, patienceMs: 150_000 };

/** Whose lock it is to be, and by whose watch it is kept. */
export interface LockRequest {
  readonly holder: NodeHolder;
  readonly clock: Clock;
  readonly times: LockTimes;
}

export const goOnHint: string = 'what was done so far is kept; run the command again when nobody else works on the node';

/** Why a node cannot be locked at all, and what to do about it where something can be. */
export interface Unlockable {
  readonly why: string;
  readonly hint: string | undefined;
}

export class UnlockableError extends Error {
  readonly unlockable: Unlockable;

  constructor(unlockable: Unlockable) {
    super(unlockable.why);
    this.unlockable = unlockable;
  }
}

/** A lock that was taken; `isSaid` when the file says by whom. */
export interface Begun {
  readonly hold: NodeHold;
  readonly isSaid: boolean;
}

/** Whether it was ours before, and the file said so. */
interface Before {
  readonly isAgain: boolean;
  readonly wasSaid: boolean;
}

/** Has a shell on the node take the lock. Throws UnlockableError, LockedError, RemoteError. */
export async function beginHold(
  { files, config }: DataNode,
  { holder, clock, times }: LockRequest,
  { isAgain, wasSaid }: Before,
  signal: AbortSignal,
): Promise<Begun> {
  const [data = ''] = config.dataDirectories;
  const file = `${data}/${nodeLockName}`;
  const words = [file, String(times.silentSeconds), holderLine(holder), isAgain ? 'again' : 'first'];
  const hold = new NodeHold(files, ['sh', '-c', holdNodeScript, 'sh', ...words], clock);
  const answer = await hold.ask(undefined, signal);
  if (answer === 'ok' || answer === 'ok unsaid') {
    return { hold, isSaid: answer === 'ok' };
  }
  await hold.close();
  const { verdict = '', rest = '' } = /^(?<verdict>\w+) ?(?<rest>.*)$/.exec(answer)?.groups ?? {};
  if (verdict === 'no') {
    const unlockable = whyNot(rest, data);
    // What could be locked before and cannot be now is another file, or none.
    throw isAgain
      ? new LockedError(`the lock of ${files.host} cannot be had again: ${unlockable.why}`, { hint: goOnHint })
      : new UnlockableError(unlockable);
  }
  if (verdict === 'held' && isAgain && isLineOf(rest, holder)) {
    // The shell that we had does not know yet that nobody hears it.
    throw new RemoteError(`the lock of ${files.host} is still held by this run's own shell there`, {
      host: files.host,
      transient: true,
    });
  }
  if (verdict === 'taken' && rest === '') {
    throw wasSaid
      ? removed(files.host, file)
      : new LockedError(
          `the lock of ${files.host} was let go, and nobody can say who had it meanwhile: ${file} had no room for it`,
          {
            hint: `make room on that disk; ${goOnHint}`,
          },
        );
  }
  if (verdict === 'held' || verdict === 'taken') {
    throw isAgain
      ? new LockedError(`the lock of ${files.host} was taken over: ${holderOf(rest)}`, { hint: goOnHint })
      : new LockedError(`${files.host} is locked: ${holderOf(rest)}`, {
          hint: 'wait until that has ended; where it died it is free a minute later',
        });
  }
  throw new RemoteError(`${files.host}: nobody can say whether the node is locked: ${JSON.stringify(answer.slice(0, 200))}`, {
    host: files.host,
  });
}

/** What a shell that can lock nothing in a directory means by its answer. */
export function whyNot(answer: string, directory: string): Unlockable {
  const [kind = '', who = '', ...words] = answer.split(' ');
  const file = `${directory}/${nodeLockName}`;
  const rest = words.join(' ');
  const login = 'log in as the owner of the data, or as root, or use --use-sudo';
  switch (kind) {
    case 'flock':
      return { why: 'flock (util-linux) is not there', hint: undefined };
    case 'link':
      return { why: `${file} is a symbolic link`, hint: 'nothing of sstash makes one there: see where it leads, and remove it' };
    case 'file':
      return { why: `${file} is no file`, hint: 'nothing of sstash makes anything else there: see what it is, and remove it' };
    case 'made':
      return {
        why: `${who} cannot make ${file}: ${rest}`,
        hint: `see to that the directory can be written (rights, room, how it is mounted), or ${login}`,
      };
    default:
      return { why: `${file} belongs to ${rest}, and ${who} may not write it`, hint: login };
  }
}

/** The error for a lock whose name leads to something else than what is locked. */
export function removed(host: string, file: string): LockedError {
  return new LockedError(
    `the lock of ${host} is lost: ${file} was removed or exchanged, and somebody else may have begun there`,
    {
      hint: goOnHint,
    },
  );
}
