import { setMaxListeners } from 'node:events';
import { noteEmptied } from '../../../cluster/placing/left-stagings.ts';
import { checkStaged } from '../../../cluster/placing/staged-files.ts';
import { removeStaging } from '../../../cluster/placing/staging.ts';
import { truncateStatement } from '../../../cluster/placing/table-import.ts';
import { settled } from '../../../flow/side-by-side.ts';
import { BackupError, LockedError, RemoteError, messageOf, reasonOf } from '../../../model/errors.ts';
import type { RestoredTable, RestoreResult } from '../../../model/restore/restore-result.ts';
import { type TableId, tableDirectory } from '../../../model/sstable.ts';
import { runStatements } from '../../schema/apply.ts';
import type { NodeWork, PlannedRestore } from '../options.ts';
import { oldRowsHint } from '../planning/node-staging.ts';
import { withErrors } from '../stage.ts';
import { partsOfTable, placeTable, takeLeftIn } from './table-placing.ts';

export interface LoadRequest {
  /** What was prepared. */
  readonly result: RestoreResult;
  /** Tables that are emptied before, each just before its files are loaded. */
  readonly emptied: readonly TableId[];
}

/**
 * Loads what is staged, table by table. A table is emptied when all that is to come into it was looked at once more on every node
 * and the nodes have said that they are still ours; from then on an interrupt waits until it is loaded. Which tables are empty, or in part,
 * is said in the error, or in the warnings, and stands in the staging directories for whoever comes after a run that was killed.
 *
 * Gives the result with what became of each node. What failed on one does not stop the others.
 */
export async function loadTables(planned: PlannedRestore, request: LoadRequest, signal: AbortSignal): Promise<RestoreResult> {
  const loading = new Loading(planned, request, signal);
  const tell = (): void => loading.tellOpen();
  signal.addEventListener('abort', tell, { once: true });
  try {
    await (planned.method.method === 'load' ? loading.hostByHost() : loading.tableByTable());
    signal.throwIfAborted();
  } catch (error) {
    throw loading.brokenOff(error);
  } finally {
    signal.removeEventListener('abort', tell);
  }
  return loading.outcome();
}

class Loading {
  readonly #planned: PlannedRestore;
  readonly #request: LoadRequest;
  readonly #signal: AbortSignal;
  /** An interrupt does not break into what has been emptied; that somebody else has the nodes does. */
  readonly #calm: AbortSignal;
  readonly #toEmpty: ReadonlySet<string>;
  readonly #begun = new Map<string, Promise<void>>();
  /** Emptied, and not loaded on every node. */
  readonly #open = new Map<string, RestoredTable>();
  readonly #loaded = new Map<string, Set<string>>();
  readonly #failures = new Map<string, string>();

  constructor(planned: PlannedRestore, request: LoadRequest, signal: AbortSignal) {
    this.#planned = planned;
    this.#request = request;
    this.#signal = signal;
    this.#calm = AbortSignal.any([planned.locks.lost]);
    setMaxListeners(0, this.#calm);
    this.#toEmpty = new Set(request.emptied.map(tableDirectory));
  }

  async tableByTable(): Promise<void> {
    for (const table of this.#request.result.tables) {
      this.#signal.throwIfAborted();
      await this.#begin(table);
      await settled(this.#planned.work.map((node) => this.#place(node, table)));
    }
  }

  /** Most tables are one host's alone: the others need not wait for it. */
  async hostByHost(): Promise<void> {
    await settled(
      this.#planned.work.map(async (node) => {
        for (const table of this.#request.result.tables) {
          // What another host has emptied is loaded all the same.
          if (this.#signal.aborted && !this.#begun.has(tableDirectory(table))) {
            continue;
          }
          await this.#begin(table);
          await this.#place(node, table);
        }
      }),
    );
  }

  /** The staging directories of nodes on which nothing failed have done their work. */
  async outcome(): Promise<RestoreResult> {
    const { work } = this.#planned;
    const through = work.filter(({ member }) => !this.#failures.has(member.host));
    const removed = await Promise.allSettled(
      through.map(({ member, staging }) => removeStaging(member.files, staging, this.#signal)),
    );
    const left = removed.flatMap((each, index) => {
      const { member, staging } = through[index] ?? {};
      return each.status === 'fulfilled' ? [] : [`${member?.host}: ${staging?.directory} stays: ${reasonOf(each.reason)}`];
    });
    const { result } = this.#request;
    const open = this.#openText();
    const warnings = open === undefined ? left : [...left, `${open}; ${oldRowsHint}`];
    return { ...result, nodes: withErrors(result.nodes, this.#failures), warnings: [...result.warnings, ...warnings] };
  }

  /** To whoever interrupts: what is emptied is not left so. */
  tellOpen(): void {
    if (this.#open.size > 0 && !this.#calm.aborted) {
      const text = `${namesOf(this.#open)} is emptied: it is loaded before this ends. Whoever leaves at once leaves it empty or in part; then run the same command again`;
      this.#planned.parts.listen({ type: 'warning', text });
    }
  }

  /** The error of a run that ends in the middle, with what it leaves. */
  brokenOff(error: unknown): unknown {
    const open = this.#openText();
    const { tables } = this.#request.result;
    const whole = tables.filter((table) => this.#loaded.get(tableDirectory(table))?.size === this.#planned.work.length);
    if (this.#toEmpty.size === 0 || (open === undefined && whole.length === 0)) {
      return error;
    }
    const text = `${messageOf(error)}; ${open ?? `no table is left empty: ${whole.length} of ${tables.length} are loaded, the others as they were`}`;
    const hint = `the same command goes on with it; ${oldRowsHint}`;
    return error instanceof LockedError
      ? new LockedError(text, { cause: error, hint })
      : new BackupError(text, { cause: error, hint });
  }

  #openText(): string | undefined {
    return this.#open.size === 0
      ? undefined
      : `${namesOf(this.#open)}: EMPTY OR IN PART, since it was to be emptied and not every node has loaded its files: run the same command again`;
  }

  /** Once for each table, however many nodes come to it. */
  #begin(table: RestoredTable): Promise<void> {
    const name = tableDirectory(table);
    const beginning = this.#begun.get(name) ?? this.#empty(table);
    this.#begun.set(name, beginning);
    return beginning;
  }

  async #empty(table: RestoredTable): Promise<void> {
    const { parts, locks, members, work } = this.#planned;
    const signal = this.#signal;
    parts.listen({ type: 'step', text: `loading ${nameOf(table)}` });
    const [first] = members.present;
    if (!this.#toEmpty.has(tableDirectory(table)) || first === undefined) {
      return;
    }
    await settled(work.map((node) => takeLeftIn(this.#planned, node, table, signal)));
    await settled(
      work.map(({ member, staging, parts: own }) => checkStaged(member.files, staging, partsOfTable(own, table), signal)),
    );
    await this.#note([...this.#open.values(), table], signal);
    await locks.confirm(signal);
    signal.throwIfAborted();
    this.#open.set(tableDirectory(table), table);
    try {
      await runStatements(first, [truncateStatement(table)], this.#calm);
    } catch (error) {
      // Else nobody knows whether it was done.
      if (isRefusal(error)) {
        this.#open.delete(tableDirectory(table));
        await this.#note([...this.#open.values()], this.#calm);
      }
      throw error;
    }
  }

  async #place(node: NodeWork, table: RestoredTable): Promise<void> {
    const name = tableDirectory(table);
    const { host } = node.member;
    const signal = this.#open.has(name) ? this.#calm : this.#signal;
    try {
      await placeTable(this.#planned, node, table, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#failures.set(host, this.#failures.get(host) ?? `${nameOf(table)}: ${reasonOf(error)}`);
      return;
    }
    const hosts = (this.#loaded.get(name) ?? new Set<string>()).add(host);
    this.#loaded.set(name, hosts);
    if (this.#open.has(name) && hosts.size === this.#planned.work.length) {
      this.#open.delete(name);
      await this.#note([...this.#open.values()], this.#calm);
    }
  }

  async #note(tables: readonly RestoredTable[], signal: AbortSignal): Promise<void> {
    const names = tables.map(nameOf);
    await settled(this.#planned.work.map(({ member, staging }) => noteEmptied(member, staging, names, signal)));
  }
}

/** Whether Cassandra says that it has not begun with a statement. */
function isRefusal(error: unknown): boolean {
  return error instanceof RemoteError && /\b(Unauthorized|InvalidRequest|SyntaxException)\b/.test(error.message);
}

function namesOf(tables: ReadonlyMap<string, RestoredTable>): string {
  return [...tables.values()].map(nameOf).join(', ');
}

function nameOf({ keyspace, table }: RestoredTable): string {
  return `${keyspace}.${table}`;
}
