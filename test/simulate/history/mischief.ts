import type { Random } from '../clock/random.ts';
import { Errno } from '../host/files/errno.ts';
import type { ClusterMember } from '../cassandra/cluster.ts';
import type { Table } from '../cassandra/schema.ts';
import type { World } from './world.ts';

const keysOfTable = 12;

/** What the world does to the cluster by itself: rows are written, tables compacted, emptied, dropped and made, nodes fail. */
export class Mischief {
  readonly #world: World;
  readonly #random: Random;
  #values = 0;
  #made = 0;
  #rowsRest = 0;
  /** Disks that are full. */
  readonly #full = new Map<string, number>();

  readonly #mustRest: () => boolean;

  /** While `mustRest` says so, no row is written and no table changed. */
  constructor(world: World, random: Random, mustRest: () => boolean) {
    this.#mustRest = mustRest;
    this.#world = world;
    this.#random = random;
  }

  /** Nobody writes rows, or changes tables, while this work is under way. */
  async rowsRestDuring<T>(work: () => Promise<T>): Promise<T> {
    this.#rowsRest += 1;
    try {
      return await work();
    } finally {
      this.#rowsRest -= 1;
    }
  }

  makeTable(): void {
    this.#made += 1;
    const id = this.#made.toString(16).padStart(32, '0');
    const names = Array.from({ length: 3 }, (_, index) => `t${index + 1}`);
    const free = names.filter((name) => this.#world.cluster.schema.named('shop', name) === undefined);
    const [name] = free;
    const { server } = this.#random.pick(this.#world.cluster.members);
    if (name !== undefined) {
      this.#world.cluster.create({ keyspace: 'shop', table: name, id }, server);
      this.#world.journal.note('cql', `CREATE TABLE shop.${name} (${id.slice(-4)})`);
    }
  }

  /** So many deeds at random times within a while. */
  during(milliseconds: number, deeds: number, withRows: 'and rows' | 'no rows'): void {
    for (let count = 0; count < deeds; count += 1) {
      this.#world.time.after(this.#random.between(0, milliseconds), () =>
        withRows === 'and rows' ? this.deed() : this.upkeep(),
      );
    }
  }

  deed(): void {
    if (this.#rowsRest > 0 || this.#mustRest()) {
      this.upkeep();
      return;
    }
    this.#random.weighted<() => void>([
      [80, () => this.write()],
      [12, () => this.upkeep()],
      [2, () => this.#truncate()],
      [1, () => this.#drop()],
      [1, () => this.makeTable()],
    ])();
  }

  write(): void {
    const { cluster, truth, time, journal } = this.#world;
    const table = this.#table();
    if (table === undefined) {
      return;
    }
    const key = `k${this.#random.below(keysOfTable)}`;
    this.#values += 1;
    const value = this.#random.chance(0.2) ? null : this.#values;
    const cell = cluster.write(table, key, value, () => this.#random.chance(0.1));
    if (cell !== undefined) {
      truth.wrote(table.id, key, cell, time.nowMs);
      journal.note('cql', `shop.${table.table} ${key} = ${value ?? 'deleted'}`);
    }
  }

  /** What changes no row. */
  upkeep(): void {
    const { cluster, journal } = this.#world;
    const member = this.#random.pick(cluster.members);
    const table = this.#table();
    if (table === undefined || !member.server.up) {
      return;
    }
    const { host, server } = member;
    const [what, work] = this.#random.weighted<readonly [string, () => void]>([
      [5, [`flush ${table.table}`, () => server.flush([table])]],
      [5, [`compact ${table.table}`, () => server.compact(table)]],
      [2, [`new statistics of ${table.table}`, () => server.rewriteStatistics(table, this.#random.below(5))]],
      [2, ['crash', () => this.crash(host, this.#random.chance(0.5) ? 'host' : 'server', 'emptied')]],
      [1, ['disk full', () => this.#fill(host)]],
      [1, ['a bit flips', () => this.#damage(member, table)]],
    ]);
    journal.note(host, what);
    try {
      work();
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      journal.note(host, `fails: ${error.message}`);
    }
  }

  /** One of the nodes fails, and comes back some time later. */
  crashOne(): void {
    const { host, server } = this.#random.pick(this.#world.cluster.members);
    if (server.up) {
      this.#world.journal.note(host, 'crash');
      this.crash(host, this.#random.chance(0.5) ? 'host' : 'server', 'emptied');
    }
  }

  /** Everything runs again, and has room. */
  mend(): void {
    const { cluster, nodes } = this.#world;
    [...this.#full].forEach(([host, bytes]) => this.#setRoom(host, bytes));
    for (const { host } of cluster.members) {
      const machine = nodes.get(host)?.host;
      if (machine?.up === false) {
        machine.powerOn();
      }
    }
    cluster.members.forEach((member) => this.#world.start(member));
    // As scrub does with damaged sstables.
    cluster.members.forEach(({ server }) => cluster.schema.tables.forEach((table) => server.compact(table)));
  }

  /** In the last byte of a Data.db, which is no row's; all links of it are damaged too. */
  #damage({ host, server }: ClusterMember, table: Table): void {
    const { files } = this.#world.nodes.get(host) ?? {};
    const directory = server.directory(table);
    const [name] = files?.list(directory).filter((each) => each.endsWith('-Data.db')) ?? [];
    if (files !== undefined && name !== undefined) {
      const inode = files.stat(`${directory}/${name}`);
      const { modified } = inode;
      inode.write(inode.size - 1, Buffer.from('%'));
      inode.modified = modified;
    }
  }

  #truncate(): void {
    const { cluster, truth, time, journal } = this.#world;
    const table = this.#table();
    if (table !== undefined && cluster.truncate(table)) {
      truth.emptied(table.id, time.nowMs);
      journal.note('cql', `TRUNCATE shop.${table.table}`);
    }
  }

  #drop(): void {
    const { cluster, truth, time, journal } = this.#world;
    const table = this.#table();
    // A node that is down would come back with what it had.
    if (table !== undefined && cluster.members.every(({ server }) => server.up)) {
      cluster.drop(table);
      truth.emptied(table.id, time.nowMs);
      journal.note('cql', `DROP TABLE shop.${table.table}`);
    }
  }

  /** The machine itself, or its server alone. What was stopped before stays so. */
  crash(host: string, what: 'host' | 'server', tmp: 'emptied' | 'kept'): void {
    const { cluster, nodes, time, journal } = this.#world;
    const member = cluster.members.find((each) => each.host === host);
    const machine = nodes.get(host)?.host;
    if (member === undefined || machine?.up !== true) {
      return;
    }
    const served = member.server.up;
    this.#world.crashes.push(time.nowMs);
    this.#world.stop(member);
    if (what === 'host') {
      machine.powerOff();
    }
    time.after(this.#random.between(1_000, 300_000), () => {
      if (!machine.up) {
        machine.powerOn(tmp);
      }
      journal.note(host, 'is up again');
      if (served) {
        this.#world.start(member);
      }
    });
  }

  #fill(host: string): void {
    const disk = this.#disk(host);
    if (disk !== undefined && !this.#full.has(host)) {
      this.#full.set(host, disk.totalBytes);
      disk.totalBytes = disk.usedBytes;
      this.#world.time.after(this.#random.between(1_000, 60_000), () => {
        const bytes = this.#full.get(host);
        if (bytes !== undefined) {
          this.#setRoom(host, bytes);
        }
      });
    }
  }

  #setRoom(host: string, bytes: number): void {
    const disk = this.#disk(host);
    if (disk !== undefined) {
      disk.totalBytes = bytes;
    }
    this.#full.delete(host);
  }

  #disk(host: string) {
    return this.#world.nodes.get(host)?.host.tree.disks.find(({ mountPoint }) => mountPoint === '/var/lib/cassandra');
  }

  #table(): Table | undefined {
    const { tables } = this.#world.cluster.schema;
    return tables.length === 0 ? undefined : this.#random.pick(tables);
  }
}
