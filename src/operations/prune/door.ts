import { pathOf } from '../../model/backup/backup-id.ts';
import { LockedError } from '../../model/errors.ts';
import { refuseRead } from '../../model/retention/being-read.ts';
import { isSameListing } from '../../model/retention/prune-plan.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { readersOf } from '../../storage/lock/readers.ts';
import { putForgotten } from '../../storage/backups/forgotten-records.ts';
import { forgottenKey } from '../../storage/location-keys.ts';
import { deleteAll } from './delete-all.ts';
import { clearedOf, forget } from './forget.ts';
import { hostsAt } from '../location/vacant.ts';
import type { SweepOptions, SweepParts, Work } from './work.ts';

/**
 * What has to be sure before anything goes, made sure of once; and the forgetting, which comes first where nothing waits, so that nobody can
 * begin to read what is about to be freed, and last otherwise.
 */
export class Door {
  readonly #parts: SweepParts;
  readonly #options: SweepOptions;
  readonly #work: Work;
  #isOpen = false;
  #ended = 0;

  constructor(parts: SweepParts, options: SweepOptions, work: Work) {
    this.#parts = parts;
    this.#options = options;
    this.#work = work;
  }

  /** Makes sure that nobody else works here, or reads what is freed. Throws LockedError when somebody does. */
  async open(lock: Lock, signal: AbortSignal): Promise<void> {
    if (this.#isOpen) {
      return;
    }
    const { repository, owner, listen } = this.#parts;
    const { plan } = this.#options;
    const { living, freeing, atOnce } = this.#work;
    const { backups, damaged } = await repository.survey(signal);
    const listed = new Set(damaged.map(pathOf));
    const before = [...living, ...clearedOf(plan), ...plan.givenUp.filter((each) => listed.has(pathOf(each)))];
    // Where the lock failed (a store without conditional writes, an `unlock`), another run may have begun meanwhile.
    if (!isSameListing(before, [...backups, ...damaged])) {
      throw new LockedError('another run has worked on this location meanwhile; nothing was deleted', { hint: 'run it again' });
    }
    await lock.confirm(signal);
    this.#isOpen = true;
    if (atOnce) {
      await this.#forget(lock, signal);
    }
    const watch = { store: repository.store, owner, listen, concerns: () => freeing.length > 0, waits: true };
    refuseRead(freeing, (await readersOf(watch, signal)).alive, new Date());
  }

  /** When all that may go now has gone. Gives the number of uploads that were ended. */
  async close(lock: Lock, signal: AbortSignal): Promise<number> {
    const { goes, freeing, atOnce } = this.#work;
    const { undone, waiting } = this.#options.plan;
    const brokenOff = waiting.filter(({ since }) => since === undefined);
    if (goes.length + freeing.length + undone.length + brokenOff.length === 0) {
      return this.#ended;
    }
    await this.open(lock, signal);
    const { store } = this.#parts.repository;
    await deleteAll(store, [...freeing, ...undone].map(forgottenKey), lock, signal);
    if (!atOnce) {
      await this.#forget(lock, signal);
    }
    // From now on it is known how long that is ago.
    for (const each of brokenOff) {
      const hosts = each.hosts.length > 0 ? each.hosts : await hostsAt(store, each, signal);
      await putForgotten(store, 'gone', { ...each, hosts }, signal);
    }
    return this.#ended;
  }

  async #forget(lock: Lock, signal: AbortSignal): Promise<void> {
    const { repository, listen } = this.#parts;
    const { plan, now } = this.#options;
    const { goes, atOnce } = this.#work;
    if (goes.length > 0) {
      this.#ended += await forget({ repository, listen, lock }, { plan, goes, now, atOnce }, signal);
    }
  }
}
