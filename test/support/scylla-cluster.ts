import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RestoreResult } from '../../src/model/restore/restore-result.ts';
import type { Node } from '../../src/model/ring/ring.ts';
import type { TableId } from '../../src/model/sstable.ts';
import type { RestoreOptions } from '../../src/operations/restore/options.ts';
import { restore } from '../../src/operations/restore/restore.ts';
import { tableOf } from './manifests.ts';
import { never } from './never.ts';
import { type ScriptedCluster, withStore } from './scripted-cluster.ts';
import { operator, restoreOptions } from './scripted-restore.ts';
import { type ScyllaCluster, ScyllaNode } from './scylla-node.ts';
import { type ScyllaKeyspace, ScyllaSchema } from './scylla-schema.ts';
import { temporaryDirectory } from './temporary.ts';

export const users: TableId = tableOf('shop', 'users', 1);
export const orders: TableId = tableOf('shop', 'orders', 2);
export const ordersByDay: TableId = tableOf('shop', 'orders_by_day', 3);
/** The view of index `orders_day`. */
export const ordersIndex: TableId = tableOf('shop', 'orders_day_index', 4);
export const usersLog: TableId = tableOf('shop', 'users_scylla_cdc_log', 5);
export const usersPaxos: TableId = tableOf('shop', 'users$paxos', 6);
export const events: TableId = tableOf('stream', 'events', 7);
const systemTables: readonly TableId[] = [
  tableOf('system', 'local', 20),
  tableOf('system', 'versions', 21),
  tableOf('system', 'config', 22),
  tableOf('system_schema', 'tables', 23),
];

/** Keyspace `shop` by vnodes, with a view, an index, a change log and LWT state; `stream` in tablets; what the system has. */
export function scyllaSchema(more: readonly ScyllaKeyspace[] = [], tables: readonly TableId[] = []): ScyllaSchema {
  return new ScyllaSchema(
    [
      { name: 'shop', tablets: "{'enabled': false}" },
      {
        name: 'stream',
        tablets: "{'enabled': true, 'initial': 8}",
        replication: "{'class': 'org.apache.cassandra.locator.NetworkTopologyStrategy', 'dc1': ['r1', 'r2']}",
      },
      { name: 'system' },
      { name: 'system_schema' },
      ...more,
    ],
    [users, orders, ordersByDay, ordersIndex, usersLog, usersPaxos, events, ...systemTables, ...tables],
    {
      views: [{ keyspace: 'shop', view: 'orders_by_day', base: 'orders' }],
      indexes: [{ keyspace: 'shop', index: 'orders_day', base: 'orders', column: 'day' }],
      cdc: [users],
    },
  );
}

export interface ScyllaWish {
  readonly nodes?: number;
  readonly schema?: ScyllaSchema;
  /** Tokens and host ids begin here: another cluster has others. */
  readonly first?: number;
  readonly name?: string;
  readonly manifest?: ScyllaNode['manifest'];
  readonly version?: string;
}

export interface ScyllaStory {
  readonly scylla: ScyllaCluster;
  readonly cluster: ScriptedCluster<ScyllaNode>;
  readonly restore: (changes?: Partial<RestoreOptions>) => Promise<RestoreResult | undefined>;
}

/** A ScyllaDB cluster that is not there, with an sstable in each table of the user's on each node. */
export async function scyllaStory(test: TestContext, wish: ScyllaWish = {}): Promise<ScyllaStory> {
  const { nodes: count = 2, schema = scyllaSchema(), first = 1, name = 'Scylla Cluster' } = wish;
  const root = await temporaryDirectory(test);
  const scylla: ScyllaCluster = {
    name,
    nodes: [],
    schema,
    excluded: new Set(),
    truncatedAt: new Map(),
    topology: { version: 17, transition: null },
  };
  for (let number = first; number < first + count; number += 1) {
    const host = `scylla${number}`;
    const node = new ScyllaNode(test, host, ringNode(number), { root: join(root, host), cluster: scylla });
    node.manifest = wish.manifest ?? 'files';
    node.version = wish.version ?? 'me';
    scylla.nodes.push(node);
  }
  for (const [index, node] of scylla.nodes.entries()) {
    await node.start();
    for (const [place, table] of schema.tables.filter((each) => schema.isStored(each)).entries()) {
      await node.flushSSTable(table, (first + index) * 100 + place);
    }
  }
  const cluster = await withStore(test, root, scylla.nodes);
  return {
    scylla,
    cluster,
    restore: (changes = {}) => {
      const parts = { ...cluster.parts, owner: operator, agree: async () => true, shellFor: (host: string) => `ssh ${host} sh` };
      return restore(restoreOptions(changes), parts, never);
    },
  };
}

function ringNode(number: number): Node {
  return {
    hostId: `0000000${number}-0000-4000-8000-000000000000`,
    address: `10.0.0.${number}`,
    dc: 'dc1',
    rack: `r${number}`,
    tokens: [String(-number * 100), String(number * 100)],
    state: 'UN',
    version: '3.0.8',
  };
}
