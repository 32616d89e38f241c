import { setMaxListeners } from 'node:events';
import { abortable } from '../../flow/abortable.ts';
import { BackupError, LockedError, RemoteError, reasonOf } from '../../model/errors.ts';
import { holderOf, isLineOf } from '../../model/node/holder.ts';
import type { DataNode } from '../node.ts';
import type { NodeHold } from './node-hold.ts';
import {
  type Begun,
  type LockRequest,
  type Unlockable,
  UnlockableError,
  beginHold,
  goOnHint,
  removed,
  whyNot,
} from './take-node.ts';

/** Between two tries; a connection that was lost may be back. */
const pauseMs = 2000;

/**
 * A node for oneself: `flock` held by a shell on it, which ends by itself when nobody speaks to it any more, whatever became of the
 * holder: killed, cut off, without power. No clock is compared.
 *
 * A connection that breaks takes that shell along. Then the lock is taken anew, and is ours still when the file on the node says that
 * nobody else had it meanwhile. So what is done to a node goes on over a break, but for what `confirm` stands before.
 */
export class NodeLock {
  readonly host: string;
  readonly #node: DataNode;
  readonly #request: LockRequest;
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  readonly #heart: Promise<void>;
  #hold: NodeHold | undefined;
  #directory: { readonly path: string; readonly identity: string } | undefined;
  /** False where there was no room to say who holds it. */
  #isSaid: boolean;
  #beats = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(node: DataNode, request: LockRequest, { hold, isSaid }: Begun) {
    this.host = node.files.host;
    this.#node = node;
    this.#request = request;
    this.#hold = hold;
    this.#isSaid = isSaid;
    setMaxListeners(0, this.#lost.signal, this.#stop.signal);
    this.#heart = this.#beat();
  }

  /** Aborts with LockedError when somebody else had the node meanwhile; with BackupError when it cannot be held any more. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Returns when the node has said that it is ours at this moment: before what cannot be undone. Throws what `signal` aborts with. */
  async confirm(signal: AbortSignal): Promise<void> {
    await abortable(
      this.#inTurn(() => this.#makeSure()),
      signal,
    );
  }

  /** Holds a staging directory too, for as long as the node. Throws LockedError when another has it: of another node, on a shared disk. */
  async holdDirectory(path: string, identity: string, signal: AbortSignal): Promise<void> {
    this.#directory = { path, identity };
    await abortable(
      this.#inTurn(() => this.#makeSure(true)),
      signal,
    );
  }

  /** Frees the node. Never throws; may be repeated. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#heart;
    await this.#turn;
    await this.#hold?.close();
  }

  async #beat(): Promise<void> {
    const { clock, times } = this.#request;
    while (!this.#stop.signal.aborted && !this.#lost.signal.aborted) {
      const ended = this.#hold?.ended ?? this.#stop.signal;
      await clock.sleep(times.beatMs, { background: true }, AbortSignal.any([this.#stop.signal, ended])).catch(() => undefined);
      await this.#inTurn(() => this.#makeSure()).catch(() => undefined);
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Asks the shell, and where it is gone takes the lock anew. `entering`: the directory is not held yet. */
  async #makeSure(entering = false): Promise<void> {
    const { clock, times } = this.#request;
    const { signal } = this.#stop;
    const begunMs = clock.elapsedMs();
    let isHeld = !entering;
    for (;;) {
      this.#lost.signal.throwIfAborted();
      signal.throwIfAborted();
      let failure: unknown;
      try {
        if (this.#hold === undefined || this.#hold.ended.aborted) {
          const begun = await beginHold(this.#node, this.#request, { isAgain: true, wasSaid: this.#isSaid }, signal);
          this.#hold = begun.hold;
          this.#isSaid = begun.isSaid;
          isHeld = false;
        }
        if (!isHeld) {
          await this.#enter(this.#hold, signal);
          isHeld = true;
        }
        this.#beats += 1;
        const beat = `beat ${this.#beats}`;
        const answer = await this.#hold.ask(beat, signal);
        if (answer === beat) {
          return;
        }
        if (answer.startsWith('other ')) {
          throw removed(this.host, answer.slice('other '.length));
        }
        failure = new RemoteError(`the lock on ${this.host} answers something else`, { host: this.host });
      } catch (error) {
        failure = error;
      }
      signal.throwIfAborted();
      if (failure instanceof LockedError) {
        this.#lost.abort(failure);
        throw failure;
      }
      await this.#hold?.close();
      this.#hold = undefined;
      if (clock.elapsedMs() - begunMs >= times.patienceMs) {
        this.#lost.abort(
          new BackupError(`the lock of ${this.host} is lost: ${reasonOf(failure)}`, { cause: failure, hint: goOnHint }),
        );
      }
      // Somebody may wait for it while no connection is left that keeps the process alive.
      await clock.sleep(pauseMs, {}, AbortSignal.any([signal, this.#lost.signal])).catch(() => undefined);
    }
  }

  async #enter(hold: NodeHold, signal: AbortSignal): Promise<void> {
    if (this.#directory === undefined) {
      return;
    }
    const { path, identity } = this.#directory;
    const answer = await hold.ask(`dir ${identity} ${path}`, signal);
    if (answer !== 'ok') {
      const holder = answer.startsWith('held ') ? answer.slice('held '.length) : undefined;
      const own = holder !== undefined && isLineOf(holder, this.#request.holder);
      const what = own
        ? `is in use for another node by this very restore`
        : holder !== undefined
          ? `is in use: ${holderOf(holder)}`
          : answer.startsWith('no ') && answer !== 'no other'
            ? `cannot be locked: ${whyNot(answer.slice('no '.length), path).why}`
            : 'is another directory than before';
      throw new LockedError(`${this.host}: ${path} ${what}`, {
        hint: own ? 'the nodes share that disk: give a directory of their own with --to' : goOnHint,
      });
    }
  }
}

/**
 * Takes the lock of a node. Gives why it cannot be had there at all (no `flock`, no right to write) in its place. Throws LockedError
 * with who holds it, having touched nothing, and RemoteError.
 */
export async function lockNode(
  node: DataNode,
  request: LockRequest,
  signal: AbortSignal,
): Promise<NodeLock | { readonly unlockable: Unlockable }> {
  try {
    return new NodeLock(node, request, await beginHold(node, request, { isAgain: false, wasSaid: false }, signal));
  } catch (error) {
    if (error instanceof UnlockableError) {
      return { unlockable: error.unlockable };
    }
    throw error;
  }
}
