import { parseSchema, idIn } from '../../src/model/schema/cql-statements.ts';
import { tableIdOf, uuidOf } from '../../src/model/sstable.ts';
import type { Recorded } from './recorded.ts';
import { partitioner } from './scripted-texts.ts';
import type { ScyllaNode } from './scylla-node.ts';

/** cqlsh of a stand-in node, for the statements that are asked of one. */
export async function scyllaCql(self: ScyllaNode, input: string): Promise<Recorded> {
  if (!self.up) {
    const stderr =
      "Connection error: ('Unable to connect to any servers', {'127.0.0.1:9042': ConnectionRefusedError(111, 'Connection refused')})\n";
    return { stdout: '', stderr, status: 1 };
  }
  const answers: string[] = [];
  for (const statement of parseSchema(input)) {
    const answer = await answerTo(self, statement.text);
    if (answer === undefined) {
      return { stdout: answers.join('\n'), stderr: `<stdin>:1:InvalidRequest: unknown here: ${statement.text}\n`, status: 2 };
    }
    answers.push(answer);
  }
  return { stdout: answers.join('\n'), stderr: '', status: 0 };
}

async function answerTo(self: ScyllaNode, statement: string): Promise<string | undefined> {
  const { cluster } = self;
  const { schema, nodes } = cluster;
  if (/^DESCRIBE SCHEMA WITH INTERNALS$/.test(statement)) {
    return schema.describe();
  }
  const [, keyspace = '', table = ''] = /^TRUNCATE "(.*)"\."(.*)"$/.exec(statement) ?? [];
  const found = schema.find(keyspace, table);
  if (found !== undefined) {
    // Views with their base table, and of every one the moment is kept (`database::truncate`).
    const views = schema.viewRows.filter((view) => view.keyspace === keyspace && view.base === table);
    const all = [found, ...views.flatMap(({ view }) => schema.find(keyspace, view) ?? [])];
    await Promise.all(nodes.flatMap((each) => all.map((one) => each.truncate(one))));
    all.forEach(({ id }) => cluster.truncatedAt.set(id, new Date()));
    return '';
  }
  const level = /^CONSISTENCY (\w+)$/.exec(statement)?.[1];
  if (level !== undefined) {
    return `Consistency level set to ${level}.\n`;
  }
  // What is captured is not seen.
  if (statement === "CAPTURE '/dev/null'" || readsATable(self, statement)) {
    return '';
  }
  const [made] = parseSchema(statement);
  if (made?.kind === 'keyspace' || made?.kind === 'table') {
    await make(self, statement);
    return '';
  }
  const rows = rowsOf(self, statement);
  return rows === undefined ? undefined : jsonText(rows);
}

/** A SELECT of some rows by token, from a table that is there. */
function readsATable({ cluster }: ScyllaNode, statement: string): boolean {
  const [, keyspace = '', table = ''] = /^SELECT \* FROM "(.*)"\."(.*)" WHERE token\("id"\) .* LIMIT 5$/.exec(statement) ?? [];
  return cluster.schema.find(keyspace, table) !== undefined;
}

/** What a statement finds in the system tables; undefined for a table that is not known here. */
function rowsOf(self: ScyllaNode, text: string): readonly object[] | undefined {
  const { cluster, node } = self;
  const { schema, nodes } = cluster;
  const from = /\bFROM (\S+)/.exec(text)?.[1];
  const now = new Date().toISOString().replace('T', ' ');
  const member = (each: typeof node) => ({
    host_id: each.hostId,
    data_center: each.dc,
    rack: each.rack,
    // version.hh: `version::current()`, whatever Scylla it is.
    release_version: '3.0.8',
    tokens: each.tokens,
  });
  switch (from) {
    case 'system.local':
      return text.includes('truncated_at')
        ? [{ truncated_at: null, now }]
        : [{ cluster_name: cluster.name, partitioner, broadcast_address: node.address, ...member(node) }];
    case 'system.peers':
      return nodes.filter((each) => each !== self).map((each) => ({ peer: each.node.address, ...member(each.node) }));
    case 'system_schema.tables':
      return schema.tables
        .filter((each) => !schema.isView(each))
        .map((each) => ({
          keyspace_name: each.keyspace,
          table_name: each.table,
          id: uuidOf(each.id),
          ...(text.includes('*') ? { comment: '' } : {}),
        }));
    case 'system_schema.views':
      return schema.viewRows.map((view) => ({
        keyspace_name: view.keyspace,
        view_name: view.view,
        base_table_name: view.base,
        id: uuidOf(view.id),
      }));
    case 'system_schema.columns':
      return schema.tables.map((each) => ({
        keyspace_name: each.keyspace,
        table_name: each.table,
        column_name: 'id',
        kind: 'partition_key',
        position: 0,
        ...(text.includes('made_at') ? { made_at: null } : {}),
      }));
    case 'system_schema.keyspaces':
      if (text.includes('replication')) {
        const asked = /keyspace_name = '(.*)'/.exec(text)?.[1];
        return schema.keyspaces
          .filter(({ name }) => name === asked)
          .map(({ name }) => ({ keyspace_name: name, replication: { class: 'NetworkTopologyStrategy', dc1: '3' } }));
      }
      return schema.keyspaces.map(({ name }) => ({ keyspace_name: name, durable_writes: true }));
    case 'system.topology':
      return cluster.topology === undefined
        ? undefined
        : [{ key: 'topology', version: cluster.topology.version, transition_state: cluster.topology.transition }];
    case 'system.truncated':
      // One row for each shard; the moment is a static column (db/system_keyspace.cc), JSON as `timestamp_to_json_string` has it.
      return [...cluster.truncatedAt].flatMap(([id, at]) => {
        const row = { table_uuid: uuidOf(id), truncated_at: at.toISOString().replace('T', ' ') };
        return [row, row];
      });
    case undefined:
    default:
      return undefined;
  }
}

async function make({ cluster }: ScyllaNode, statement: string): Promise<void> {
  const { schema, nodes } = cluster;
  const [made] = parseSchema(statement);
  if (made?.kind === 'keyspace' && schema.keyspace(made.keyspace) === undefined) {
    const tablets = /tablets = (\{[^}]*\})/.exec(statement)?.[1];
    schema.keyspaces.push({ name: made.keyspace, ...(tablets === undefined ? {} : { tablets }) });
  }
  const id = tableIdOf(idIn(statement) ?? '');
  if (made?.kind === 'table' && id !== undefined && schema.find(made.keyspace, made.name) === undefined) {
    const table = { keyspace: made.keyspace, table: made.name, id };
    schema.tables.push(table);
    await Promise.all(nodes.map((node) => node.makeTable(table)));
  }
}

/** cqlsh's answer to a `SELECT JSON`. */
function jsonText(rows: readonly object[]): string {
  return [' [json]', '------', ...rows.map((row) => ` ${JSON.stringify(row)}`), '', `(${rows.length} rows)`, ''].join('\n');
}
