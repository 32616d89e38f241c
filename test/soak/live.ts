import type { Random } from '../simulate/clock/random.ts';
import { runSandbox, type Sandbox } from '../support/sandbox.ts';
import type { Diary } from './diary.ts';
import { Writes } from './draw.ts';
import type { Oracle } from './oracle.ts';
import type { Session } from './session.ts';
import { keyspaces, nameOf, readRows, schemaOf, selectOf, statementOf, type Table, tables } from './tables.ts';

export interface LiveParts {
  readonly sandbox: Sandbox;
  readonly session: Session;
  readonly oracle: Oracle;
  readonly diary: Diary;
}

/** The living tables, and the oracle that knows what is in them. */
export class LiveTables {
  readonly #parts: LiveParts;
  readonly #writes = new Writes();

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /** Makes them anew; nothing of an earlier soak is there. */
  async make(): Promise<void> {
    const { session } = this.#parts;
    await this.drop();
    await session.change(tables.flatMap((table) => schemaOf(table)));
  }

  async drop(): Promise<void> {
    const names = keyspaces.flatMap((keyspace) => [keyspace, copiesOf(keyspace)]);
    await this.#parts.session.change(names.map((name) => `DROP KEYSPACE IF EXISTS ${name}`));
  }

  async write(random: Random, count: number): Promise<void> {
    const { session, oracle, diary } = this.#parts;
    for (const { table, change } of this.#writes.draw(random, count)) {
      // Before it is done: it may be in a backup from here on.
      oracle.wrote(table, change);
      await session.write([statementOf(table, change)]);
      diary.count('rows written or deleted');
    }
  }

  async truncate(table: Table): Promise<void> {
    const { session, oracle, diary } = this.#parts;
    await session.change([`TRUNCATE ${nameOf(table)}`]);
    oracle.emptied(table);
    diary.note(`TRUNCATE ${nameOf(table)}`);
  }

  /** It is made again by a restore alone. */
  async dropTable(table: Table): Promise<void> {
    const { session, oracle, diary } = this.#parts;
    await session.change([`DROP TABLE ${nameOf(table)}`]);
    oracle.emptied(table);
    diary.note(`DROP TABLE ${nameOf(table)}`);
  }

  /** What Cassandra does by itself, at a moment of ours. */
  async upkeep(random: Random): Promise<void> {
    const { sandbox, diary } = this.#parts;
    const host = random.pick(sandbox.hosts);
    const { keyspace, name } = random.pick(tables);
    const verb = random.pick(['flush', 'flush', 'compact']);
    await runSandbox(['nodetool', host, verb, keyspace, name]);
    diary.count(`nodetool ${verb}`);
  }

  /** Holds every row against what the oracle knows: from one replica, by way of each node, and from all. */
  async judge(after: string): Promise<void> {
    const { session, oracle, diary, sandbox } = this.#parts;
    for (const table of tables) {
      const faults: string[] = [];
      // Before all are asked: that mends replicas.
      for (const host of table.copies > 1 ? sandbox.hosts : []) {
        const found = readRows(table, await session.read(selectOf(table), host));
        faults.push(...oracle.judge(table, found, 'only look').map((fault) => `${fault}, by ${host} alone`));
      }
      const found = readRows(table, await session.read(selectOf(table)));
      faults.push(...oracle.judge(table, found));
      diary.count(
        'rows compared',
        [...found.values()].reduce((sum, rows) => sum + rows.length, 0),
      );
      faults.forEach((fault) => diary.wrong(`after ${after}: ${fault}`));
    }
  }

  async judgeCopy(table: Table, copy: string, id: string): Promise<void> {
    const { session, oracle, diary } = this.#parts;
    const found = readRows(table, await session.read(selectOf(table, copy)));
    diary.count(
      'rows compared',
      [...found.values()].reduce((sum, rows) => sum + rows.length, 0),
    );
    oracle.judgeCopy(table, id, found).forEach((fault) => diary.wrong(`copy of backup ${id}: ${fault}`));
    await session.change([`DROP TABLE ${copy}`]);
  }
}

/** What a copy of a table is called. Its keyspace is made by a restore, and has as many copies of each row as the original's. */
export function copyOf({ keyspace, name }: Table, suffix: string | number): string {
  return `${copiesOf(keyspace)}.${name}_${suffix}`;
}

function copiesOf(keyspace: string): string {
  return `${keyspace}_copies`;
}
