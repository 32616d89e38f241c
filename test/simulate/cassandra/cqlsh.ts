import { tableIdOf } from '../../../src/model/sstable.ts';
import type { Recorded } from '../../support/recorded.ts';
import { schemaText, systemRowsText, tableKeysText, tableStatesText } from '../../support/scripted-texts.ts';
import type { Cluster, ClusterMember } from './cluster.ts';
import type { Server } from './server.ts';

/** What cqlsh does with what it is given, and says. Statements that change something are told to `changed` beforehand. */
export function cqlsh(
  cluster: Cluster,
  { node, server }: ClusterMember,
  input: string,
  changed: (statement: string) => void,
): Recorded {
  if (!server.up) {
    const stderr = `Connection error: ('Unable to connect to any servers', {'${node.address}:9042': ConnectionRefusedError(111, "Tried connecting to [('${node.address}', 9042)]. Last error: Connection refused")})\n`;
    return { stdout: '', stderr, status: 1 };
  }
  const { view, schema } = cluster;
  const said = (stdout: string): Recorded => ({ stdout, stderr: '', status: 0 });
  if (input.includes('FROM system.peers')) {
    return said(systemRowsText(view, node));
  }
  if (input.includes('truncated_at')) {
    return said(tableStatesText(view.tables, server.truncatedAt, new Map(schema.tables.map(({ id, madeAt }) => [id, madeAt]))));
  }
  if (input.includes('DESCRIBE SCHEMA')) {
    return said(schemaText(view.tables, view.copies));
  }
  if (input.includes('FROM system_schema.columns WHERE')) {
    const keyspaces = [...input.matchAll(/system_schema\.keyspaces WHERE keyspace_name = '(\w+)'/g)].map(([, name]) => name);
    return said(tableKeysText(schema.tables.filter(({ keyspace }) => keyspaces.includes(keyspace))));
  }
  if (input.includes('PER PARTITION LIMIT')) {
    return said('Consistency level set to LOCAL_ONE.\n');
  }
  const complaints = input
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
    .flatMap((statement) => {
      changed(statement);
      return change(cluster, server, statement) ?? [];
    });
  return complaints.length === 0
    ? said('')
    : { stdout: '', stderr: complaints.map((each) => `<stdin>:1:${each}\n`).join(''), status: 2 };
}

/** Does what a statement says; gives the server's complaint. */
function change(cluster: Cluster, server: Server, statement: string): string | undefined {
  const { schema } = cluster;
  const [, truncated, emptied] = /^TRUNCATE (?:TABLE )?"?(\w+)"?\."?(\w+)"?$/.exec(statement) ?? [];
  if (truncated !== undefined) {
    const table = schema.named(truncated, emptied ?? '');
    return table === undefined
      ? `InvalidRequest: Error from server: code=2200 [Invalid query] message="table ${emptied} does not exist"`
      : cluster.truncate(table)
        ? undefined
        : 'Unavailable: Error from server: code=1000 [Unavailable exception] message="Cannot achieve consistency level ALL"';
  }
  const [, keyspace, name, id] =
    /^CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)"?\."?(\w+)"?[^]*?\bID = ([0-9a-f-]{36})/i.exec(statement) ?? [];
  if (keyspace !== undefined && name !== undefined) {
    if (schema.named(keyspace, name) === undefined) {
      cluster.create({ keyspace, table: name, id: tableIdOf(id ?? '') ?? '' }, server);
    }
    return undefined;
  }
  if (statement.startsWith('CREATE KEYSPACE ')) {
    schema.keyspaces.add(/^CREATE KEYSPACE (?:IF NOT EXISTS )?"?(\w+)/.exec(statement)?.[1] ?? '');
    return undefined;
  }
  const [, owner, altered, seconds] = /^ALTER TABLE "?(\w+)"?\."?(\w+)"? WITH gc_grace_seconds = (\d+)/.exec(statement) ?? [];
  const table = owner === undefined ? undefined : schema.named(owner, altered ?? '');
  if (table !== undefined) {
    table.gcGraceSeconds = Number(seconds);
    return undefined;
  }
  throw new Error(`the simulated cqlsh knows no ${statement}`);
}
