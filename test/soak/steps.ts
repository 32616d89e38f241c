import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../simulate/clock/random.ts';
import type { RestoreDocument } from '../support/program.ts';
import { onHost, runSandbox, type Sandbox } from '../support/sandbox.ts';
import type { Diary } from './diary.ts';
import { Deck } from './draw.ts';
import { startAgain } from './inflict.ts';
import { copyOf, type LiveTables } from './live.ts';
import type { Operator } from './operator.ts';
import type { Oracle } from './oracle.ts';
import { type Stored, storedBackups } from './stored.ts';
import { keyspaces, nameOf, type Table, tables } from './tables.ts';
import { drawTrouble, type Trouble, type TroubleKind, troubleKinds } from './trouble.ts';

export interface StepParts {
  readonly sandbox: Sandbox;
  readonly oracle: Oracle;
  readonly diary: Diary;
  readonly live: LiveTables;
  readonly operator: Operator;
}

type Step =
  | 'backup'
  | 'restore'
  | 'copy'
  | 'node restart'
  | 'prune'
  | 'delete'
  | 'verify'
  | 'truncate'
  | 'clear'
  | 'two at once'
  | 'server restart';

/** As often as each comes before all have come. */
const steps: readonly (readonly [number, Step])[] = [
  [9, 'backup'],
  [5, 'restore'],
  [2, 'copy'],
  [1, 'node restart'],
  [2, 'prune'],
  [2, 'delete'],
  [1, 'verify'],
  [1, 'truncate'],
  [1, 'clear'],
  [1, 'two at once'],
  [1, 'server restart'],
];

/** Steps until each has come as often as it does. */
export const stepsOfOneRound: number = steps.reduce((sum, [times]) => sum + times, 0);

const all = ['-K', keyspaces.join(',')];

/** What operators do, one step after the other. A seed decides it, as far as the cluster lets it. */
export class Steps {
  readonly #parts: StepParts;
  readonly #seed: number;
  readonly #deck = new Deck(steps);
  readonly #troubles = {
    store: new Deck<TroubleKind>(troubleKinds.store),
    backup: new Deck<TroubleKind>([...troubleKinds.backup, [1, 'Cassandra killed']]),
    restore: new Deck<TroubleKind>(troubleKinds.restore),
  };
  readonly #methods = new Deck<readonly string[]>([
    [3, ['--truncate']],
    [2, []],
    [1, ['--method', 'load', '--truncate']],
    [1, ['--method', 'load']],
  ]);
  readonly #drawn: Random;
  #copies = 0;

  constructor(seed: number, parts: StepParts) {
    this.#seed = seed;
    this.#parts = parts;
    this.#drawn = new Random(seed, 'steps');
  }

  /** A first backup, so that there is something to restore. */
  async begin(): Promise<void> {
    const { live, operator } = this.#parts;
    await live.write(new Random(this.#seed, 'begin'), 150);
    await operator.run(['backup', ...all]);
  }

  async take(number: number): Promise<void> {
    const { live, diary } = this.#parts;
    const step = this.#deck.draw(this.#drawn);
    // Of each step its own numbers: what became of the one before changes nothing about them.
    const random = new Random(this.#seed, `step ${number}`);
    await live.write(random, 3 + random.below(30));
    if (random.chance(0.5)) {
      await live.upkeep(random);
    }
    diary.count(step);
    await this.#take(step, random);
  }

  async #take(step: Step, random: Random): Promise<void> {
    const { live, diary, operator, sandbox } = this.#parts;
    const hosts = ['--hosts', sandbox.hosts.join(',')];
    switch (step) {
      case 'backup':
        return this.#backUp(random);
      case 'restore':
        return this.#restore(random);
      case 'copy':
        return this.#copy(random);
      case 'node restart':
        // It takes a minute, and as long again to be taken back.
        return random.chance(0.35) ? this.#restartNodes(random) : this.#restore(random);
      case 'prune': {
        const grace = random.pick(['0h', '0h', '24h']);
        const prune = ['prune', '--keep-last', String(2 + random.below(3)), '--grace', grace];
        await operator.runWhenFree(prune, { trouble: this.#trouble(random, 'store', 0.5) });
        return;
      }
      case 'delete': {
        const ids = (await this.#backups()).map(({ id }) => id);
        // Not one that is refused as the last one, or since others stand on it.
        const options = ['--yes', '--with-incrementals', ...(random.chance(0.5) ? ['--now'] : [])];
        if (ids.length > 3) {
          await operator.runWhenFree(['delete', random.pick(ids), ...options], {
            trouble: this.#trouble(random, 'store', 0.5),
            codes: [2],
          });
        }
        return;
      }
      case 'verify': {
        const repair = random.chance(0.3) ? ['--repair', ...hosts] : [];
        if ((await this.#backups()).length > 0) {
          await operator.runWhenFree(['verify', '--all', '--read-data', ...repair], {
            trouble: this.#trouble(random, 'store', 0.5),
          });
        }
        return;
      }
      case 'truncate':
        return live.truncate(random.pick(tables));
      case 'clear':
        await operator.runWhenFree(['clear', ...hosts, '--yes'], {});
        return;
      case 'two at once':
        return this.#twoAtOnce(random);
      case 'server restart': {
        const host = random.pick(sandbox.hosts);
        // What its commit log has not on the disk yet would be lost, of rows of one copy for good.
        await this.#flush(host);
        await runSandbox([random.pick(['kill', 'stop']), host]);
        await startAgain(sandbox, host);
        diary.note(`Cassandra restarted on ${host}`);
        return live.judge(`a restart of Cassandra on ${host}`);
      }
    }
  }

  async #backUp(random: Random): Promise<void> {
    const { live, operator } = this.#parts;
    const trouble = this.#trouble(random, 'backup', 0.55);
    if (trouble?.kind === 'Cassandra killed') {
      await this.#flush(trouble.host);
    }
    const args = this.#backupArgs(random);
    const writes = trouble?.kind === 'Cassandra killed' || random.chance(0.4) ? 0 : 5 + random.below(40);
    await operator.runWhenFree(args, {
      trouble,
      beside: async () => {
        await delay(random.below(2500));
        await live.write(random, writes);
      },
    });
  }

  #backupArgs(random: Random): readonly string[] {
    const maybe = (probability: number, ...words: readonly string[]): readonly string[] =>
      random.chance(probability) ? words : [];
    const some = random.chance(0.12) ? ['-K', tables.slice(0, 2).map(nameOf).join(',')] : all;
    return [
      'backup',
      ...some,
      ...maybe(0.35, '--new-snapshot'),
      ...maybe(0.4, '--transfer', 'relay'),
      ...maybe(0.3, '--compression', random.pick(['none', 'auto'])),
      ...maybe(0.1, '--self-contained'),
      ...maybe(0.1, '--keep-incrementals'),
      ...maybe(0.1, '--clear-on-failure'),
      ...maybe(0.1, '--retention', '4'),
    ];
  }

  /** Something is lost, and brought back. */
  async #restore(random: Random): Promise<void> {
    const { oracle, live, diary } = this.#parts;
    const backup = await this.#settledBackup(random);
    if (backup === undefined) {
      return this.#backUp(random);
    }
    const method = this.#methods.draw(random);
    const chosen = backup.of.filter(() => random.chance(0.6));
    const restored = chosen.length === 0 ? backup.of : chosen;
    const lost = random.pick(restored);
    const loss = random.pick(['nothing', 'rows', 'table']);
    if (loss === 'rows') {
      await live.truncate(lost);
    } else if (loss === 'table') {
      await live.dropTable(lost);
    }
    const args = ['restore', backup.id, '-K', restored.map(nameOf).join(','), ...method, '--yes'];
    await this.#untilDone(args, this.#trouble(random, 'restore', 0.5));
    restored.forEach((table) => oracle.restored(table, backup.id, method.includes('--truncate') ? 'alone' : 'merged'));
    diary.count(`restores by ${method.includes('load') ? 'load' : 'import'}`);
    await live.judge(`sstash ${args.join(' ')}`);
  }

  async #copy(random: Random): Promise<void> {
    const { live, diary } = this.#parts;
    const backup = await this.#settledBackup(random);
    if (backup === undefined) {
      return this.#backUp(random);
    }
    const table = random.pick(backup.of);
    this.#copies += 1;
    const copy = copyOf(table, this.#copies);
    await this.#untilDone(
      ['restore', backup.id, '--rename', `${nameOf(table)}=${copy}`, '--yes'],
      this.#trouble(random, 'restore', 0.5),
    );
    await live.judgeCopy(table, copy, backup.id);
    diary.count('restores beside the living table');
  }

  async #restartNodes(random: Random): Promise<void> {
    const { sandbox, oracle, live, operator, diary } = this.#parts;
    const backup = await this.#settledBackup(random);
    if (backup === undefined) {
      return this.#backUp(random);
    }
    const takeBack = oracle.remember();
    const args = ['restore', backup.id, '-K', backup.of.map(nameOf).join(','), '--method', 'node-restart', '--yes'];
    const trouble = this.#trouble(random, 'restore', 0.4);
    const ran = await operator.runWhenFree(args, { trouble });
    await runSandbox(['up']);
    if (ran.code === 0) {
      backup.of.forEach((table) => oracle.restored(table, backup.id, 'alone'));
      await live.judge(`sstash ${args.join(' ')}`);
      diary.count('restores by node restart');
    }
    const isBegun = (await onHost(sandbox.hosts[0], 'ls /var/lib/cassandra/data/.sstash-undo 2>/dev/null; true')).trim() !== '';
    if (isBegun && (ran.code !== 0 || random.chance(0.5))) {
      await this.#untilDone(['restore', '--undo', '--yes']);
      takeBack();
      await live.judge('restore --undo');
      diary.count('restores by node restart that were taken back');
    } else if (ran.code !== 0) {
      await live.judge(`sstash ${args.join(' ')}, which has not begun`);
    }
    await Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, 'enablebackup'])));
  }

  /** The same command again mends what broke off, says docs/restore.md. */
  async #untilDone(args: readonly string[], trouble?: Trouble): Promise<void> {
    const { operator, diary } = this.#parts;
    let ran = await operator.runWhenFree(args, { trouble });
    for (let tries = 0; tries < 3 && ran.code !== 0; tries += 1) {
      ran = await operator.runWhenFree(args, {});
    }
    if (ran.code !== 0) {
      throw new Error(`sstash ${args.join(' ')} does not come to its end:\n${ran.stderr}`);
    }
    const { tables: told = [] }: Partial<RestoreDocument> = JSON.parse(ran.stdout);
    const unread = told.filter(({ probe }) => probe !== undefined && probe.state !== 'read' && probe.state !== 'empty');
    unread.forEach((each) =>
      diary.note(`probe of ${each.keyspace}.${each.table}: ${each.probe?.state} ${each.probe?.reason ?? ''}`),
    );
  }

  async #twoAtOnce(random: Random): Promise<void> {
    const { operator } = this.#parts;
    const others: readonly (readonly string[])[] = [
      this.#backupArgs(random),
      ['prune', '--keep-last', '3', '--grace', '0h'],
      ['verify', '--all', '--read-data'],
    ];
    const beside = async (): Promise<void> => {
      await delay(random.below(4000));
      await operator.run(random.pick(others), { hasCompany: true, codes: [4, 10] });
    };
    await operator.run(this.#backupArgs(random), { beside, hasCompany: true });
  }

  #trouble(random: Random, of: keyof typeof troubleKinds, probability: number): Trouble | undefined {
    return random.chance(probability)
      ? drawTrouble(random, this.#troubles[of].draw(random), of, this.#parts.sandbox.hosts)
      : undefined;
  }

  async #flush(host: string): Promise<void> {
    await Promise.all(keyspaces.map((keyspace) => runSandbox(['nodetool', host, 'flush', keyspace])));
  }

  async #backups(): Promise<readonly Stored[]> {
    return (await storedBackups(this.#parts.operator.directory)).filter(({ state }) => state !== 'unfinished');
  }

  /** A complete backup, and its tables of which it can be said what it holds. */
  async #settledBackup(random: Random): Promise<{ readonly id: string; readonly of: readonly [Table, ...Table[]] } | undefined> {
    const { oracle } = this.#parts;
    const usable = (await this.#backups()).flatMap(({ id, state, tables: names }) => {
      const [first, ...others] = tables.filter((table) => names.includes(nameOf(table)) && oracle.isSettled(id, table));
      return state === 'complete' && first !== undefined ? [{ id, of: [first, ...others] as const }] : [];
    });
    return usable.length === 0 ? undefined : random.pick(usable);
  }
}
