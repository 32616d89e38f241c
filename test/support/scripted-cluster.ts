import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { defaultPrograms } from '../../src/cluster/tools/run-tool.ts';
import { LzoPool } from '../../src/codec/lzo/pool.ts';
import { missingFrom, stateOf } from '../../src/model/backup/backup.ts';
import type { BackupResult } from '../../src/model/backup/backup-result.ts';
import type { Event } from '../../src/model/events.ts';
import { unlimited } from '../../src/model/options/per-datacenter.ts';
import { snapshotTag } from '../../src/model/node/snapshot-tag.ts';
import type { Node } from '../../src/model/ring/ring.ts';
import type { TableId } from '../../src/model/sstable.ts';
import { tableFilter } from '../../src/model/options/table-filter.ts';
import { type Problem, isDamage } from '../../src/model/verify/verify-plan.ts';
import { backup } from '../../src/operations/backup/backup.ts';
import type { BackupOptions, BackupParts } from '../../src/operations/backup/options.ts';
import { verify } from '../../src/operations/verify/verify.ts';
import { openDirectoryStore } from '../../src/storage/directory/directory.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { Repository } from '../../src/storage/backups/repository.ts';
import { relay } from '../../src/transfer/relay/relay.ts';
import { listed } from './bodies.ts';
import { type HookedStore, hookedStore } from './hooked-store.ts';
import { tableOf } from './manifests.ts';
import { never } from './never.ts';
import { ScriptedNode } from './scripted-node.ts';
import type { ScriptedRemote } from './scripted-remote.ts';
import { temporaryDirectory } from './temporary.ts';

export const users: TableId = tableOf('shop', 'users', 1);
export const orders: TableId = tableOf('shop', 'orders', 2);

export interface ClusterWish {
  /** node1, node2, … in one ring; 1 by default. */
  readonly nodes?: number;
  /** Copies of each row; 1 by default. */
  readonly copies?: number;
  /** Stands between the operations and the store. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
}

export interface RunWish {
  readonly parts?: Partial<BackupParts>;
  readonly signal?: AbortSignal;
}

/** A node that is not there: commands on it are answered by rules. */
export interface TestNode {
  readonly host: string;
  readonly remote: ScriptedRemote;
}

/** A cluster of scripted nodes with an sstable in each of two tables, and a directory store that keeps its backups. */
export class ScriptedCluster<N extends TestNode = ScriptedNode> {
  readonly nodes: readonly N[];
  readonly repository: Repository;
  readonly store: HookedStore;
  readonly events: Event[] = [];
  readonly parts: BackupParts;
  readonly #pool: LzoPool;

  constructor(nodes: readonly N[], store: HookedStore, repository: Repository, pool: LzoPool) {
    this.nodes = nodes;
    this.#pool = pool;
    this.store = store;
    this.repository = repository;
    this.parts = {
      programs: defaultPrograms,
      repository,
      listen: (event) => void this.events.push(event),
      connect: async (host) => this.node(host).remote,
      chooseTransfers: async (members) => new Map(members.map((member) => [member, { name: 'relay', reason: 'a test' }])),
      transferFor: async (_, held) => relay({ store: held, pool, hasLzop: () => false }),
    };
  }

  node(host: string): N {
    return this.nodes.find((node) => node.host === host) ?? assert.fail(`there is no ${host}`);
  }

  get hosts(): readonly string[] {
    return this.nodes.map(({ host }) => host);
  }

  backupOptions(changes: Partial<BackupOptions> = {}): BackupOptions {
    return {
      hosts: this.hosts,
      filter: tableFilter([]),
      resume: false,
      require: 'quorum',
      selfContained: false,
      snapshotEverySeconds: 86_400,
      keepIncrementals: false,
      compression: 'none',
      snapshotParallel: unlimited,
      uploadParallel: unlimited,
      rateLimit: unlimited,
      transfers: 2,
      clearOnFailure: false,
      snapshotTtl: 'none',
      minFreePercent: 10,
      lockTimeoutSeconds: 0,
      allowClockSkew: false,
      owner: { host: 'bastion', pid: process.pid, user: 'ops' },
      writtenBy: 'sstash test',
      ...changes,
    };
  }

  backUp(changes: Partial<BackupOptions> = {}, { parts = {}, signal = never }: RunWish = {}): Promise<BackupResult> {
    return backup(this.backupOptions(changes), { ...this.parts, ...parts }, signal);
  }

  /** Keys of all objects, sorted. */
  async keys(prefix = ''): Promise<readonly string[]> {
    return (await listed(this.store, prefix)).map(({ key }) => key);
  }

  /** The tag of a backup's snapshots. */
  tagOf(id: string): string {
    return snapshotTag(id, this.store.locationId);
  }

  /** Of backups and unfinished runs: `<id> complete` or `degraded` and what it lacks, or what the mark says of each node. */
  async listing(): Promise<readonly string[]> {
    const backups = await this.repository.backups(never);
    return backups.map((each) =>
      each.committed
        ? `${each.id} ${stateOf(each)}${missingFrom(each)
            .map(({ host, reason }) => `, ${host}: ${reason}`)
            .join('')}`
        : `${each.id} ${each.progress.nodes.map(({ host, state, error }) => `${host} ${state}${error === undefined ? '' : `: ${error}`}`).join(', ')}`,
    );
  }

  /** What is wrong with what the location holds, every object read; orphans are not. */
  async damage(): Promise<readonly Problem[]> {
    const parts = { repository: this.repository, pool: this.#pool, listen: () => undefined };
    const { problems } = await verify({ backup: 'all', sample: { percent: 100, seed: '1' }, transfers: 2 }, parts, never);
    return problems.filter(isDamage);
  }

  /** What was said to people as warnings. */
  get warnings(): readonly string[] {
    return this.events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
  }
}

export async function scriptedCluster(test: TestContext, wish: ClusterWish = {}): Promise<ScriptedCluster> {
  const { nodes: count = 1, copies = 1, wrap = (store) => store } = wish;
  const root = await temporaryDirectory(test);
  const members = Array.from({ length: count }, (_, index) => ringNode(index + 1));
  const view = { cluster: 'Test Cluster', nodes: members, tables: [users, orders], copies };
  const nodes = members.map((node, index) => {
    const host = `node${index + 1}`;
    return new ScriptedNode(test, host, node, { root: join(root, host), view });
  });
  for (const node of nodes) {
    await node.writeSSTable(users, 1);
    await node.writeSSTable(orders, 1);
  }
  return withStore(test, root, nodes, wrap);
}

/** The nodes with a store of their own below `root`. */
export async function withStore<N extends TestNode>(
  test: TestContext,
  root: string,
  nodes: readonly N[],
  wrap: (store: ObjectStore) => ObjectStore = (store) => store,
): Promise<ScriptedCluster<N>> {
  await mkdir(join(root, 'bucket'));
  const store = hookedStore(await openDirectoryStore(join(root, 'bucket')));
  const pool = new LzoPool({ threads: 1 });
  test.after(() => pool.close());
  return new ScriptedCluster(nodes, store, new Repository(wrap(store)), pool);
}

function ringNode(number: number): Node {
  return {
    hostId: `0000000${number}-0000-4000-8000-000000000000`,
    address: `10.0.0.${number}`,
    dc: 'dc1',
    rack: 'rack1',
    tokens: [String(-number * 100), String(number * 100)],
    state: 'UN',
    version: '5.0.9',
  };
}
