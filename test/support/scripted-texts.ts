import { tableDirectory, type TableId, uuidOf } from '../../src/model/sstable.ts';
import type { Node } from '../../src/model/ring/ring.ts';
import { keyspacesOf } from '../../src/model/options/table-filter.ts';

/** What nodetool and cqlsh of Cassandra 5.0 print, for nodes and tables of a test. */

/** What the nodes of a cluster agree on. */
export interface ClusterView {
  readonly cluster: string;
  readonly nodes: readonly Node[];
  readonly tables: readonly TableId[];
  /** Copies of each row, by SimpleStrategy; 1 when absent. */
  readonly copies?: number;
}

export const partitioner = 'org.apache.cassandra.dht.Murmur3Partitioner';

export function infoText({ hostId, dc, rack, tokens }: Node, uptimeSeconds: number): string {
  const lines = [
    ['ID', hostId],
    ['Uptime (seconds)', uptimeSeconds],
    ['Data Center', dc],
    ['Rack', rack],
    ...tokens.map((token) => ['Token', token]),
  ];
  return lines.map(([name, value]) => `${String(name).padEnd(23)}: ${value}\n`).join('');
}

export function ringText(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ address, rack, state, tokens }) =>
    tokens.map((token) => `${address}  ${rack}  ${state?.startsWith('D') ? 'Down' : 'Up'}  Normal  142.78 KiB  ?  ${token}`),
  );
  return `\nDatacenter: dc1\n==========\nAddress  Rack  Status State  Load  Owns  Token\n${lines.join('\n')}\n`;
}

export function statusText(nodes: readonly Node[]): string {
  const lines = nodes.map(({ address, hostId, rack, state, tokens }) =>
    [state, address, '142.78 KiB', tokens.length, '?', hostId, rack].join('  '),
  );
  return `Datacenter: dc1\n===============\n--  Address  Load  Tokens  Owns  Host ID  Rack\n${lines.join('\n')}\n`;
}

export function describeText({ cluster, nodes, tables, copies = 1 }: ClusterView): string {
  const addresses = nodes.map(({ address }) => address).join(', ');
  return [
    'Cluster Information:',
    `\tName: ${cluster}`,
    `\tPartitioner: ${partitioner}`,
    `\tSchema versions:\n\t\t446bba65-70c5-3039-b363-814de174ff8d: [${addresses}]`,
    '',
    `Database versions:\n\t5.0.9: [${addresses}]`,
    '',
    'Keyspaces:',
    ...keyspacesOf(tables).map((keyspace) => `\t${keyspace} -> Replication class: SimpleStrategy {replication_factor=${copies}}`),
    '',
  ].join('\n');
}

export function dataPathsText(tables: readonly TableId[], data: string): string {
  return tables
    .map((table) => `Keyspace: ${table.keyspace}\n\tTable: ${table.table}\n\tPaths:\n\t\t${data}/${tableDirectory(table)}\n`)
    .join('\n');
}

export function snapshotsText(tags: readonly string[]): string {
  const lines = tags.map((tag) => `${tag.padEnd(40)} shop           users               1.34 KiB   106.39 KiB`);
  return tags.length === 0
    ? 'Snapshot Details: \nThere are no snapshots\n'
    : `Snapshot Details: \n${'Snapshot name'.padEnd(40)} Keyspace name  Column family name  True size  Size on disk\n${lines.join('\n')}\n\n`;
}

export function createTable({ keyspace, table, id }: TableId): string {
  return `CREATE TABLE IF NOT EXISTS ${keyspace}.${table} (\n    id int PRIMARY KEY\n) WITH ID = ${uuidOf(id)}\n    AND comment = '';`;
}

export function schemaText(tables: readonly TableId[], copies = 1): string {
  const keyspaces = keyspacesOf(tables).map(
    (keyspace) =>
      `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '${copies}'}  AND durable_writes = true;`,
  );
  return [...keyspaces, ...tables.map(createTable)].map((statement) => `${statement}\n`).join('\n');
}

/** Of `system.local`, `system.peers`, and `system_schema`, as one node says it. */
export function systemRowsText({ cluster, nodes, tables }: ClusterView, self: Node): string {
  const member = ({ hostId, dc, rack, version, tokens }: Node) => ({
    host_id: hostId,
    data_center: dc,
    rack,
    release_version: version,
    tokens,
  });
  const local = { cluster_name: cluster, partitioner, broadcast_address: self.address, ...member(self) };
  const peers = nodes.filter(({ hostId }) => hostId !== self.hostId);
  return jsonText([
    [local],
    peers.map((peer) => ({ peer: peer.address, ...member(peer) })),
    tables.map(({ keyspace, table, id }) => ({ keyspace_name: keyspace, table_name: table, id: uuidOf(id) })),
    [],
    keyspacesOf(tables).map((keyspace) => ({ keyspace_name: keyspace, durable_writes: true })),
  ]);
}

/** When tables were truncated, by id, as `system.local` keeps it; and when they were made, as far as that is told. */
export function tableStatesText(
  tables: readonly TableId[],
  truncatedAt: ReadonlyMap<string, Date>,
  madeAt: ReadonlyMap<string, Date> = new Map(),
): string {
  const records = [...truncatedAt].map(([id, at]): [string, string] => {
    const milliseconds = at.getTime().toString(16).padStart(16, '0');
    return [uuidOf(id), `0x${'0'.repeat(24)}${milliseconds}`];
  });
  const now = new Date().toISOString().replace('T', ' ');
  return jsonText([
    [{ truncated_at: records.length === 0 ? null : Object.fromEntries(records), now }],
    tables.map(({ keyspace, table, id }) => ({
      keyspace_name: keyspace,
      table_name: table,
      id: uuidOf(id),
      incremental_backups: true,
    })),
    [],
    tables.map(({ keyspace, table, id }) => {
      const at = madeAt.get(id);
      return { keyspace_name: keyspace, table_name: table, made_at: at === undefined ? null : at.getTime() * 1000 };
    }),
  ]);
}

/** How keyspaces are replicated and what the partition keys of their tables are: by keyspace two results. */
export function tableKeysText(tables: readonly TableId[]): string {
  return jsonText(
    keyspacesOf(tables).flatMap((keyspace) => [
      [
        {
          keyspace_name: keyspace,
          replication: { class: 'org.apache.cassandra.locator.SimpleStrategy', replication_factor: '1' },
        },
      ],
      tables
        .filter((each) => each.keyspace === keyspace)
        .flatMap(({ table }) => [
          { keyspace_name: keyspace, table_name: table, column_name: 'note', kind: 'regular', position: -1 },
          { keyspace_name: keyspace, table_name: table, column_name: 'id', kind: 'partition_key', position: 0 },
        ]),
    ]),
  );
}

/** cqlsh's answer to `SELECT JSON` statements. */
function jsonText(results: readonly (readonly object[])[]): string {
  return results
    .map((rows) =>
      [' [json]', '------', ...rows.map((row) => ` ${JSON.stringify(row)}`), '', `(${rows.length} rows)`, ''].join('\n'),
    )
    .join('\n');
}

/** What a node's probe prints: neither lzop nor curl, and half of the disk free. */
export function probeText(directories: readonly string[]): string {
  return directories.map(() => 'space\tyes\t/dev/vda1 1000000 500000 500000 50% /\n').join('');
}

/** A configuration file of root's and directories of `cassandra`'s (7100), all of them there. */
export function waysText([file = '', ...directories]: readonly string[]): string {
  const of = (path: string, step: string) => `way ${path}\0step ${step}${path}\0step 0 41ed 0 0 root/root/\0`;
  // The files are real ones, of whoever runs the test.
  const uid = process.getuid?.() ?? 0;
  const owned = directories.map((path) => of(path, `${uid} 41e8 ${uid} ${uid} cassandra/cassandra`));
  return `${uid} \x00${uid} \0${of(file, '0 81a4 0 0 root/root')}${owned.join('')}`;
}
