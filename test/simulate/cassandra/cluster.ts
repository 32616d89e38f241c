import type { Node } from '../../../src/model/ring/ring.ts';
import type { TableId } from '../../../src/model/sstable.ts';
import type { ClusterView } from '../../support/scripted-texts.ts';
import type { Files } from '../host/files/files.ts';
import { type Cell, merged, tokenOf } from './rows.ts';
import { Schema, type Table } from './schema.ts';
import { Server } from './server.ts';

export interface ClusterMember {
  readonly host: string;
  readonly node: Node;
  readonly server: Server;
}

export interface ClusterWish {
  /** Names and file systems of the nodes, and how far their calendars are ahead. */
  readonly hosts: readonly { readonly host: string; readonly files: Files; readonly aheadMs: number }[];
  /** Tokens of each node. */
  readonly tokens: number;
  readonly copies: number;
  readonly incremental: boolean;
  readonly autoSnapshot: boolean;
  readonly ballast: number;
  readonly nowMs: () => number;
}

/** Servers that hold rows together: each row lies on as many nodes as there are copies, is written and read at QUORUM. */
export class Cluster {
  readonly members: readonly ClusterMember[];
  readonly schema: Schema;
  readonly #ring: readonly { readonly token: bigint; readonly member: ClusterMember }[];
  #writes = 0;
  readonly #nowMs: () => number;

  constructor(wish: ClusterWish) {
    this.schema = new Schema(wish.copies);
    this.#nowMs = wish.nowMs;
    const { schema } = this;
    this.members = wish.hosts.map(({ host, files, aheadMs }, index) => {
      const owns = (key: string): boolean => this.replicas(key).some((each) => each.host === host);
      const parts = { ...wish, files, schema, owns, nowMs: () => wish.nowMs() + aheadMs };
      return { host, node: ringNode(index, wish.hosts.length, wish.tokens), server: new Server(parts) };
    });
    this.#ring = this.members
      .flatMap((member) => member.node.tokens.map((token) => ({ token: BigInt(token), member })))
      .toSorted((a, b) => (a.token < b.token ? -1 : 1));
    this.members.forEach(({ server }) => server.start());
  }

  get quorum(): number {
    return Math.floor(this.schema.copies / 2) + 1;
  }

  /** What the nodes say of the cluster. */
  get view(): ClusterView {
    return {
      cluster: 'Simulated',
      nodes: this.members.map(({ node, server }) => ({ ...node, state: server.up ? 'UN' : 'DN' })),
      tables: this.schema.tables,
      copies: this.schema.copies,
    };
  }

  /** By SimpleStrategy: the owners of the next tokens. */
  replicas(key: string): readonly ClusterMember[] {
    const token = tokenOf(key);
    const begin = this.#ring.findIndex((each) => each.token >= token);
    const inOrder = [...this.#ring.slice(Math.max(begin, 0)), ...this.#ring.slice(0, Math.max(begin, 0))];
    return [...new Set(inOrder.map(({ member }) => member))].slice(0, this.schema.copies);
  }

  /** Writes at QUORUM; `misses` says whether a replica that is up misses it, where that is not too many. Undefined when refused. */
  write(table: TableId, key: string, value: number | null, misses: (member: ClusterMember) => boolean): Cell | undefined {
    const up = this.replicas(key).filter(({ server }) => server.up && server.hasRoom);
    if (up.length < this.quorum) {
      return undefined;
    }
    let spare = up.length - this.quorum;
    this.#writes += 1;
    const cell = { value, at: this.#nowMs() * 1000 + (this.#writes % 1000) };
    for (const member of up) {
      if (spare > 0 && misses(member)) {
        spare -= 1;
      } else {
        member.server.write(table, key, cell);
      }
    }
    return cell;
  }

  /** What each choice of a quorum of replicas that are up would give for a key; none where too few are. */
  reads(table: TableId, key: string): readonly (Cell | undefined)[] {
    const rows = this.replicas(key)
      .filter(({ server }) => server.up)
      .map(({ server }) => server.rows(table));
    return choices(rows, this.quorum).map((chosen) => merged(chosen).get(key));
  }

  /** Every key that any server has something of. */
  keys(table: TableId): ReadonlySet<string> {
    return new Set(this.members.flatMap(({ server }) => (server.up ? [...server.rows(table).keys()] : [])));
  }

  /** As `nodetool repair` does: every replica that is up gets the newest cell of each key. */
  repair(table: TableId): void {
    for (const key of this.keys(table)) {
      const replicas = this.replicas(key).filter(({ server }) => server.up);
      const newest = merged(replicas.map(({ server }) => server.rows(table))).get(key);
      for (const { server } of newest === undefined ? [] : replicas) {
        if (newest !== undefined && server.rows(table).get(key)?.at !== newest.at) {
          server.write(table, key, newest);
        }
      }
    }
  }

  create(table: TableId, { nowMs }: Pick<Server, 'nowMs'>): Table {
    const made = this.schema.create(table, new Date(nowMs));
    this.members.filter(({ server }) => server.up).forEach(({ server }) => server.create(made));
    return made;
  }

  drop(table: Table): void {
    this.members.filter(({ server }) => server.up).forEach(({ server }) => server.drop(table));
    this.schema.drop(table);
  }

  /** Needs every node, as TRUNCATE does; false when one is down. */
  truncate(table: TableId): boolean {
    if (this.members.some(({ server }) => !server.up)) {
      return false;
    }
    this.members.forEach(({ server }) => server.truncate(table));
    return true;
  }
}

/** All choices of so many of them. */
export function choices<T>(items: readonly T[], count: number): readonly (readonly T[])[] {
  if (count === 0) {
    return [[]];
  }
  return items.flatMap((item, index) => choices(items.slice(index + 1), count - 1).map((rest) => [item, ...rest]));
}

/** Tokens lie evenly round the ring, those of each node between those of the others. */
function ringNode(index: number, nodes: number, tokens: number): Node {
  const step = 2n ** 64n / BigInt(nodes * tokens);
  const own = Array.from({ length: tokens }, (_, turn) => -(2n ** 63n) + step * BigInt(turn * nodes + index) + step / 2n);
  return {
    hostId: `0000000${index + 1}-0000-4000-8000-000000000000`,
    address: `10.0.0.${index + 1}`,
    dc: 'dc1',
    rack: 'rack1',
    tokens: own.map(String),
    state: 'UN',
    version: '5.0.9',
  };
}
