import type { Random } from '../clock/random.ts';
import { committedBackups } from '../oracle/stored-backups.ts';
import type { CommandLine } from './operator.ts';
import { restoresAside } from './final-clearing.ts';
import type { Shape } from './shape.ts';
import { base, startCommand, stopCommand, type World } from './world.ts';

type Values = Record<string, string | number | boolean>;

/** Commands as operators give them, by chance, with what the world has at the moment. */
export class Commands {
  readonly #world: World;
  readonly #random: Random;
  readonly #hosts: string;
  readonly #shape: Shape;

  constructor(world: World, shape: Shape, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#shape = shape;
    this.#hosts = shape.hosts.join(',');
  }

  any(): CommandLine {
    const hasBackups = this.#ids().length > 0;
    return this.#random.weighted<() => CommandLine>([
      [50, () => this.backup()],
      [hasBackups ? 32 : 0, () => this.restore()],
      [hasBackups ? 9 : 1, () => this.prune()],
      [hasBackups ? 5 : 0, () => this.delete()],
      [hasBackups ? 5 : 0, () => this.verify()],
      [hasBackups ? 4 : 0, () => this.repair()],
      [4, () => this.clear()],
    ])();
  }

  backup(): CommandLine {
    const random = this.#random;
    const values: Values = {
      ...this.#stored(),
      ...this.#signing('signs'),
      hosts: this.#hosts,
      compression: this.#shape.compression,
      'snapshot-every': random.pick(['1d', '6h', '1w']),
    };
    this.#maybe(values, 0.2, 'new-snapshot', true);
    this.#maybe(values, 0.1, 'retention', 1 + random.below(3));
    this.#maybe(values, 0.1, 'clear-on-failure', true);
    this.#maybe(values, 0.1, 'keep-incrementals', true);
    this.#maybe(values, 0.1, 'self-contained', true);
    this.#maybe(values, 0.15, 'require', random.pick(['any', 'all']));
    this.#maybe(values, 0.04, 'resume', '');
    this.#maybe(values, 0.1, 'timestamp-format', '%Y%m%d');
    this.#maybe(values, 0.2, 'snapshot-ttl', random.pick(['1d', 'none']));
    return { command: 'backup', values };
  }

  /** Whether the newest backup has a table that is gone. */
  get missesTable(): boolean {
    const newest = committedBackups(this.#world.bucket, base).at(-1);
    return newest?.manifest.tables.some((table) => !this.#world.cluster.schema.has(table)) ?? false;
  }

  /** Who has dropped a table by mistake wants it back, and goes on with his work. */
  bringBack(): CommandLine {
    const { truncate: _, ...values } = this.restore().values;
    return { command: 'restore', values: { ...values, method: 'import', backup: 'latest', keyspaces: 'shop' } };
  }

  /** As a timer gives it each hour: incremental where that is possible. */
  plainBackup(): CommandLine {
    const { 'new-snapshot': _, 'self-contained': _whole, resume: _resume, ...values } = this.backup().values;
    return { command: 'backup', values: { ...values, 'snapshot-every': '1w' } };
  }

  restore(): CommandLine {
    const random = this.#random;
    const method = random.weighted([
      [2, 'stage'],
      [4, 'import'],
      [2, 'refresh'],
      [2, 'load'],
      [4, 'node-restart'],
    ] as const);
    const values: Values = {
      ...this.#stored(),
      ...this.#signing('reads'),
      // Any node can stream to all.
      hosts: method === 'load' && random.chance(0.3) ? random.pick(this.#hosts.split(',')) : this.#hosts,
      method,
      backup: random.chance(0.5) ? 'latest' : this.#id(),
      keyspaces: 'shop',
      yes: true,
      'stop-cmd': stopCommand,
      'start-cmd': startCommand,
      'start-timeout': 120,
    };
    this.#maybe(values, method === 'stage' || method === 'node-restart' ? 0 : 0.5, 'truncate', true);
    const tables = this.#world.cluster.schema.tables.map(({ keyspace, table }) => `${keyspace}.${table}`);
    this.#maybe(values, tables.length > 0 ? 0.5 : 0, 'keyspaces', tables.length > 0 ? random.pick(tables) : 'shop');
    return { command: 'restore', values };
  }

  undo(): CommandLine {
    const values = {
      hosts: this.#hosts,
      undo: '',
      yes: true,
      'stop-cmd': stopCommand,
      'start-cmd': startCommand,
      'start-timeout': 120,
    };
    return { command: 'restore', values };
  }

  prune(): CommandLine {
    const random = this.#random;
    const values: Values = { ...this.#stored(), ...this.#signing('reads') };
    if (random.chance(0.7)) {
      values['keep-last'] = 1 + random.below(3);
    } else {
      values['older-than'] = random.pick(['1h', '12h', '2d']);
    }
    this.#maybe(values, 0.4, 'stale-after', random.pick(['30m', '6h']));
    this.#maybe(values, 0.6, 'grace', random.pick(['0h', '1h', '12h']));
    return { command: 'prune', values };
  }

  delete(id: string = this.#id()): CommandLine {
    const values: Values = { ...this.#stored(), ...this.#signing('reads'), backups: id, yes: true };
    this.#maybe(values, 0.4, 'with-incrementals', true);
    this.#maybe(values, 0.3, 'force-last', true);
    this.#maybe(values, 0.3, 'now', true);
    return { command: 'delete', values };
  }

  verify(): CommandLine {
    const values: Values = { ...this.#stored(), ...this.#signing('reads') };
    this.#maybe(values, 0.5, 'all', true);
    this.#maybe(values, 0.6, 'read-data', '');
    return { command: 'verify', values };
  }

  repair(): CommandLine {
    // Who repairs signs what he has changed.
    return {
      command: 'verify',
      values: { ...this.verify().values, ...this.#signing('signs'), repair: true, hosts: this.#hosts },
    };
  }

  clear(): CommandLine {
    const values: Values = { ...this.#stored(), hosts: this.#hosts, yes: true };
    this.#maybe(values, 0.2, 'dry-run', true);
    this.#maybe(values, 0.3, 'staged', true);
    this.#maybe(values, 0.2, 'unfinished', 'all');
    const aside = restoresAside(this.#world);
    this.#maybe(values, aside.length > 0 ? 0.3 : 0, 'undo-data', aside.join(','));
    return { command: 'clear', values };
  }

  #stored(): Values {
    return { location: `s3://bucket/${base}`, 'lock-timeout': this.#random.pick([0, 0, 300]) };
  }

  /** The keys, the one that signs first; where all sign, readers want it too. */
  #signing(who: 'signs' | 'reads'): Values {
    const { signing } = this.#shape;
    const random = this.#random;
    if (signing === 'never' || (signing === 'sometimes' && random.chance(0.5))) {
      return {};
    }
    const keys = { 'manifest-key': random.pick(['first.key,second.key', 'second.key,first.key']) };
    return who === 'reads' && signing === 'always' ? { ...keys, 'require-signed': random.chance(0.7) } : keys;
  }

  #maybe(values: Values, probability: number, name: string, value: Values[string]): void {
    if (this.#random.chance(probability)) {
      values[name] = value;
    }
  }

  #ids(): readonly string[] {
    return committedBackups(this.#world.bucket, base).map(({ manifest }) => manifest.id);
  }

  #id(): string {
    const ids = this.#ids();
    return ids.length === 0 ? 'latest' : this.#random.pick(ids);
  }
}
