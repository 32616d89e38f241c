import { messageOf } from '../../../src/model/errors.ts';
import { uuidOf } from '../../../src/model/sstable.ts';
import { choices, type Cluster } from '../cassandra/cluster.ts';
import { type Cell, merged, type Rows } from '../cassandra/rows.ts';
import type { Bucket } from '../store/bucket.ts';
import {
  type BackupManifest,
  chainOf,
  committedBackups,
  crcOf,
  nodeManifests,
  rowsByHost,
  type StoredBackup,
} from './stored-backups.ts';
import { isAllowed, type Truth } from './truth.ts';
import { type Fixing, type Window, windowOf } from './windows.ts';

export interface Evidence {
  readonly bucket: Bucket;
  readonly base: string;
  readonly cluster: Cluster;
  readonly truth: Truth;
  readonly fixings: readonly Fixing[];
}

/** What is wrong with the committed backups: each must hold every row of its time, or of a quorum where it says that nodes are missing. */
export function judgeBackups(evidence: Evidence): readonly string[] {
  const { bucket, base } = evidence;
  const all = committedBackups(bucket, base);
  return all.flatMap((backup) => {
    try {
      return judgeBackup(evidence, backup, all);
    } catch (error) {
      return [`backup ${backup.manifest.id}: ${messageOf(error)}`];
    }
  });
}

function judgeBackup(evidence: Evidence, backup: StoredBackup, all: readonly StoredBackup[]): readonly string[] {
  const { bucket, base, fixings } = evidence;
  const { manifest } = backup;
  const chain = chainOf(backup, all);
  const window = windowOf(bucket, backup, fixings);
  const lacking =
    manifest.state === 'degraded'
      ? []
      : evidence.cluster.members.filter(({ host }) => !manifest.nodes.some((node) => node.host === host));
  const schema = Buffer.from(bucket.get(`${backup.prefix}schema.cql`)?.bytes ?? []).toString();
  const missing = lacking.map(({ host }) => `backup ${manifest.id} is complete and lacks ${host}`);
  const faults = manifest.tables.flatMap((table) => {
    const name = `backup ${manifest.id}: ${table.keyspace}.${table.table}`;
    const rows = rowsByHost(bucket, base, chain, table);
    const described = schema.includes(uuidOf(table.id)) ? [] : [`${name} is not in its schema.cql as it is`];
    return [...described, ...judgeRows(evidence, { name, id: table.id, manifest, rows, window })];
  });
  return [...missing, ...faults, ...judgeBytes(evidence, backup)];
}

/** Each file of a snapshot backup must hold what the snapshot held: also what is no row, and new bytes under an old name. */
function judgeBytes({ bucket, base, fixings }: Evidence, backup: StoredBackup): readonly string[] {
  const { manifest } = backup;
  if (manifest.parent !== undefined) {
    return [];
  }
  return nodeManifests(bucket, backup).flatMap(({ host, snapshot, tables }) => {
    const sums = fixings.findLast((each) => each.host === host && each.tag === snapshot)?.sums ?? new Map<string, string>();
    return tables.flatMap(({ id, keyspace, table, files }) =>
      files.flatMap((file) => {
        const should = sums.get(`${id}/${file.path}`);
        return should === undefined || should === crcOf(bucket, base, file)
          ? []
          : [`backup ${manifest.id}: ${file.path} of ${keyspace}.${table} on ${host} has other bytes than the snapshot`];
      }),
    );
  });
}

interface Held {
  readonly name: string;
  /** The table's. */
  readonly id: string;
  readonly manifest: BackupManifest;
  readonly rows: ReadonlyMap<string, Rows>;
  readonly window: Window;
}

function judgeRows({ cluster, truth }: Evidence, { name, id, manifest, rows, window }: Held): readonly string[] {
  const { fromMs, toMs } = window;
  if (!truth.isSettled(id, fromMs, toMs)) {
    return [];
  }
  const keys = new Set([...truth.keys(id), ...[...rows.values()].flatMap((each) => [...each.keys()])]);
  const faults: string[] = [];
  for (const key of keys) {
    const held = cluster.replicas(key).flatMap(({ host }) => rows.get(host) ?? []);
    const allowed = truth.allowed(id, key, fromMs, toMs);
    for (const cell of found(held, key, cluster, manifest.state === 'degraded')) {
      if (!isAllowed(cell, allowed)) {
        faults.push(`${name}: ${key} is ${cellText(cell)}, and was ${allowed.map(cellText).join(' or ')}`);
        break;
      }
    }
  }
  return faults;
}

/** What readers at QUORUM would find among these replicas, whichever answer. Where some are missing, all that are there answer. */
function found(
  held: readonly Rows[],
  key: string,
  { quorum, schema }: Cluster,
  isDegraded: boolean,
): readonly (Cell | undefined)[] {
  if (held.length === schema.copies) {
    return choices(held, quorum).map((chosen) => merged(chosen).get(key));
  }
  // Whatever was written at QUORUM one of them has, if they are that many.
  return isDegraded && held.length + quorum > schema.copies ? [merged(held).get(key)] : [];
}

export function cellText(cell: Cell | undefined): string {
  return cell === undefined ? 'nothing' : cell.value === null ? 'deleted' : String(cell.value);
}
