import { pathOf } from '../model/backup/backup-id.ts';
import {
  type Backup,
  type CommittedBackup,
  type DamagedBackup,
  kindOf,
  missingFrom,
  standsOn,
  stateOf,
  takenAtOf,
} from '../model/backup/backup.ts';
import { isFuture } from '../model/backup/future.ts';
import { type NodeContents, tableSums } from '../model/backup/contents.ts';
import type { MissingNode, NodeManifest, ThinKeyspace } from '../model/backup/manifest.ts';
import { reasonText } from '../model/backup/outcome/missing-nodes.ts';
import type { BackupState } from '../model/backup/outcome/verdict.ts';
import { sizeText, total } from '../model/size.ts';
import { nodesText, thinText } from './backup-report.ts';
import { table } from './table.ts';

/** `list` for people: one line per backup, oldest first, then those that cannot be read; `now` is the store's time. */
export function listText(backups: readonly Backup[], damaged: readonly DamagedBackup[], location: string, now: Date): string {
  if (backups.length + damaged.length === 0) {
    return `no backups in ${location}\n`;
  }
  const rows = backups.map((backup) => {
    const row = listRow(backup, now, damaged);
    return [
      row.id,
      row.kind,
      row.damaged === undefined ? stateText(backup, now) : 'DAMAGED: stands on one that is',
      row.takenAt,
      nodesOfRow(row),
      String(row.tables),
      sizeText(row.bytes),
      sizeText(row.newBytes),
    ];
  });
  const unreadable = damaged.map((each) => [each.id, kindOf(each), 'DAMAGED: cannot be read', 'unknown', '', '', '', '']);
  const head = ['backup', 'kind', 'state', 'taken at', '>nodes', '>tables', '>size', '>new'];
  return table(head, [...rows, ...unreadable]);
}

/** What `list` says of a location that holds no backup at all; `names` are those of directories there. */
export function emptyText(location: string, names: readonly string[]): string {
  if (names.length === 0) {
    return `no backups in ${location}: there is nothing at that path\n`;
  }
  const shown = names.slice(0, 5).join(', ');
  const more = names.length > 5 ? ' and others' : '';
  return `no backups in ${location}: there are directories of other names (${shown}${more}); a location is the path right above its backups\n`;
}

function nodesOfRow({ nodes, missing = [], ringNodes = nodes + missing.length }: ListRow): string {
  return ringNodes === nodes ? String(nodes) : `${nodes} of ${ringNodes}`;
}

export interface ListRow {
  readonly id: string;
  readonly kind: string;
  readonly parent?: string;
  readonly state: BackupState | 'damaged';
  /** Whether it holds every node. */
  readonly complete: boolean;
  /** Dated later than now: never the latest, never a parent, and pruned by no rule. Absent where it is not. */
  readonly future?: true;
  /** Nodes that a degraded backup lacks, and why. */
  readonly missing?: readonly MissingNode[];
  /** Where it lacks replicas. */
  readonly thin?: readonly ThinKeyspace[];
  readonly takenAt: string;
  readonly nodes: number;
  /** How many nodes the ring has, when not all of them were named: their data is not in the backup. */
  readonly ringNodes?: number;
  readonly tables: number;
  readonly bytes: number;
  readonly newBytes: number;
  /** Whether its manifest says that it is signed, which is proved where a key was given; and with which key. */
  readonly signed?: boolean;
  readonly keyId?: string;
  /** What is known of the nodes of a run that is not complete. */
  readonly failures?: readonly { readonly host: string; readonly error: string }[];
  /** Why it cannot be read (then nothing else is known of it, and `takenAt` is empty), or what it stands on cannot. */
  readonly damaged?: string;
}

export function damagedRow({ reason, ...ref }: DamagedBackup): ListRow {
  const sizes = { nodes: 0, tables: 0, bytes: 0, newBytes: 0 };
  return { ...ref, kind: kindOf(ref), state: 'damaged', complete: false, takenAt: '', ...sizes, damaged: reason };
}

/** `damaged` are all of the location that cannot be read: what stands on one of them is not complete either. */
export function listRow(backup: Backup, now: Date, damaged: readonly DamagedBackup[] = []): ListRow {
  const row = { ...ownRow(backup), ...(isFuture(backup, now) ? { future: true as const } : {}) };
  const ground = damaged.find((other) => standsOn(backup, other));
  return ground === undefined
    ? row
    : { ...row, state: 'damaged', complete: false, damaged: `stands on ${pathOf(ground)}: ${ground.reason}` };
}

function ownRow(backup: Backup): ListRow {
  const { id, parent } = backup;
  const state = stateOf(backup);
  const head = {
    id,
    kind: kindOf(backup),
    ...(parent === undefined ? {} : { parent }),
    state,
    complete: state === 'complete',
    takenAt: takenAtOf(backup),
  };
  if (!backup.committed) {
    const failures = backup.progress.nodes
      .filter((node) => node.state === 'failed')
      .map(({ host, error }) => ({ host, error: error ?? 'unknown' }));
    return { ...head, nodes: backup.progress.nodes.length, tables: 0, bytes: 0, newBytes: 0, failures };
  }
  const { nodes, tables, ringNodes, missing, thin, signed } = backup.manifest;
  return {
    ...head,
    ...(missing === undefined ? {} : { missing }),
    ...(thin === undefined ? {} : { thin }),
    nodes: nodes.length,
    ...(ringNodes === undefined ? {} : { ringNodes }),
    tables: tables.length,
    bytes: total(nodes.map((node) => node.bytes)),
    newBytes: total(nodes.map((node) => node.newBytes)),
    ...(signed === undefined ? { signed: false } : { signed: true, keyId: signed.keyId }),
  };
}

function stateText(backup: Backup, now: Date): string {
  const state = plainState(backup);
  return isFuture(backup, now) ? `FUTURE: dated later than now; ${state}` : state;
}

function plainState(backup: Backup): string {
  if (backup.committed) {
    const missing = missingFrom(backup).map(({ host }) => host);
    return missing.length === 0 ? 'complete' : `degraded: lacks ${missing.join(', ')}`;
  }
  const failed = backup.progress.nodes.filter((node) => node.state === 'failed');
  return failed.length > 0
    ? `INCOMPLETE: ${failed.map((node) => node.host).join(', ')} failed`
    : `INCOMPLETE: begun by ${backup.progress.owner.user}@${backup.progress.owner.host} pid ${backup.progress.owner.pid}`;
}

/** `show` for people; `url` is where the backup lies. */
export function showText(backup: Backup, contents: readonly NodeContents[], url: string, now: Date): string {
  const { id } = backup;
  const head = [
    `backup    ${id}`,
    `location  ${url}`,
    `kind      ${kindOf(backup)}`,
    `state     ${stateText(backup, now)}`,
    `taken at  ${takenAtOf(backup)}`,
    ...(backup.committed
      ? [
          `finished  ${backup.manifest.finishedAt}`,
          `cluster   ${backup.manifest.cluster} (${backup.manifest.partitioner})`,
          ...(backup.manifest.ringNodes === undefined
            ? []
            : [`nodes     ${nodesText(backup.manifest.nodes.length, backup.manifest.ringNodes)}; the others were not named`]),
          ...degradedLines(backup),
          ...(backup.manifest.signed === undefined ? [] : [`signed    with key ${backup.manifest.signed.keyId}`]),
          `selection ${backup.manifest.selection.join(',') || 'everything'}`,
        ]
      : backup.progress.nodes
          .filter((node) => node.error !== undefined)
          .map((node) => `          ${node.host}: ${node.error ?? ''}`)),
  ];
  const nodes = contents.map((node) => [
    node.host,
    node.hostId,
    node.dc,
    node.rack,
    node.cassandra,
    String(node.files),
    sizeText(node.bytes),
    sizeText(node.newBytes),
    sizeText(node.storedBytes),
  ]);
  const tables = tableSums(contents).map((sum) => [sum.table, String(sum.files), sizeText(sum.bytes)]);
  return `${head.join('\n')}\n\n${table(['node', 'host id', 'dc', 'rack', 'version', '>files', '>size', '>new', '>stored'], nodes)}\n${table(['table', '>files', '>size, all nodes'], tables)}`;
}

/** What it lacks and why; and which nodes are of another time than the rest. */
function degradedLines({ manifest }: CommittedBackup): readonly string[] {
  const { missing = [], thin = [], nodes } = manifest;
  const later = nodes.filter((node) => node.takenAt !== undefined);
  return [
    ...missing.map((node) => `missing   ${reasonText(node)}`),
    ...(thin.length === 0 ? [] : [`thin      ${thinText(thin).replace(/^; /, '')}`]),
    ...later.map(({ host, takenAt = '' }) => `added     ${host}, taken at ${takenAt}`),
  ];
}

export function showJson(backup: Backup, contents: readonly NodeContents[], now: Date): unknown {
  const cluster = backup.committed ? backup.manifest.cluster : undefined;
  return { ...listRow(backup, now), cluster, nodes: contents, tables: tableSums(contents) };
}

export interface FileRow {
  readonly host: string;
  readonly keyspace: string;
  readonly table: string;
  readonly path: string;
  readonly bytes: number;
  readonly url: string;
}

/** Every component of a node and the full URL of its object; `files` prints them. */
export function fileRows({ host, tables }: NodeManifest, location: string): readonly FileRow[] {
  return tables.flatMap(({ keyspace, table: name, files }) =>
    files.map(({ path, bytes, key }) => ({ host, keyspace, table: name, path, bytes, url: `${location}/${key}` })),
  );
}

/** One line per file: URL, node, table, bytes, tab-separated for `cut` and `grep`. */
export async function* filesText(manifests: AsyncIterable<NodeManifest>, location: string): AsyncGenerator<string> {
  for await (const manifest of manifests) {
    for (const file of fileRows(manifest, location)) {
      yield `${file.url}\t${file.host}\t${file.keyspace}.${file.table}\t${file.bytes}\n`;
    }
  }
}

/** The same lines as one JSON document, which is never held whole. */
export async function* filesJson(manifests: AsyncIterable<NodeManifest>, location: string): AsyncGenerator<string> {
  let separator = '\n';
  yield '{\n  "files": [';
  for await (const manifest of manifests) {
    for (const file of fileRows(manifest, location)) {
      yield `${separator}    ${JSON.stringify(file)}`;
      separator = ',\n';
    }
  }
  yield '\n  ]\n}\n';
}
