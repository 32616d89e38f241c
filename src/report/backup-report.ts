import type { BackupPlan, BackupResult, PlannedCompression, PlannedNode } from '../model/backup/backup-result.ts';
import type { ThinKeyspace } from '../model/backup/manifest.ts';
import { perDatacenterText } from '../model/options/per-datacenter.ts';
import { percentText, sizeText } from '../model/size.ts';
import { keyspacesOf } from '../model/options/table-filter.ts';
import { table } from './table.ts';

/** What a backup did, per node; the last line says whether it is complete. */
export function backupText(result: BackupResult): string {
  const rows = result.nodes.map((node) => [
    node.host,
    node.complete ? 'ok' : 'FAILED',
    String(node.files),
    sizeText(node.bytes),
    sizeText(node.newBytes),
    sizeText(node.storedBytes),
    node.error ?? '',
  ]);
  const head = ['node', 'state', '>files', '>size', '>new', '>stored', 'reason'];
  return `${table(head, rows)}\n${verdictOf(result)}\n${result.location}/${result.path}\n`;
}

function verdictOf(result: BackupResult): string {
  const { id, kind, state, nodes, tables, seconds, shortfall, thin } = result;
  if (state === 'complete') {
    return `${kind} backup ${id} is complete: ${nodesText(nodes.length, result.ringNodes)}, ${count(tables.length, 'table')}, ${seconds.toFixed(1)} s`;
  }
  const failed = nodes.filter((node) => !node.complete).map(({ host }) => host);
  if (state === 'degraded') {
    return `${kind} backup ${id} is DEGRADED: it lacks ${failed.join(', ')}, ${failed.length} of ${count(nodes.length, 'node')}; ${count(tables.length, 'table')}, ${seconds.toFixed(1)} s
it is listed and can be restored: it has replicas enough of every range${thinText(thin)}
when the missing nodes are up again within 6 h, \`sstash backup --resume ${id}\` adds them; a plain backup begins a new one`;
  }
  const reasons = shortfall.length === 0 ? '' : `\nit is not even degraded: ${shortfall.join('; ')}`;
  return `backup ${id} is NOT complete: ${failed.length} of ${count(nodes.length, 'node')} failed; it is not listed as complete${reasons}
\`sstash backup --resume ${id}\` goes on with it; a plain backup begins a new one, and sends nothing again that it has stored`;
}

/** `; replicas are lacking of 66.7 % of the ring (shop)`. */
export function thinText(thin: readonly ThinKeyspace[]): string {
  const shares = [...new Set(thin.map(({ share }) => percentText(share)))];
  const parts = shares.map((share) => {
    const keyspaces = thin.filter((each) => percentText(each.share) === share).map(({ keyspace }) => keyspace);
    return `${share} of the ring (${keyspaces.join(', ')})`;
  });
  return parts.length === 0 ? '' : `; replicas are lacking of ${parts.join(', ')}`;
}

export function backupJson(result: BackupResult): unknown {
  return { ...result, tables: result.tables.length };
}

/** The dry run. */
export function backupPlanText(plan: BackupPlan): string {
  const nodes = plan.nodes.map((node) => [
    node.dc,
    node.rack,
    node.host,
    node.cassandra,
    String(node.files),
    sizeText(node.bytes),
    node.error ?? wayText(node),
  ]);
  const sizes = new Map<string, number>();
  for (const [name, bytes] of plan.nodes.flatMap((node) => Object.entries(node.bytesByTable))) {
    sizes.set(name, (sizes.get(name) ?? 0) + bytes);
  }
  const tables = keyspacesOf(plan.tables).flatMap((keyspace) =>
    plan.tables
      .filter((each) => each.keyspace === keyspace)
      .map((each) => [keyspace, each.table, sizeText(sizes.get(`${keyspace}.${each.table}`) ?? 0)]),
  );
  const { snapshotParallel, uploadParallel, rate, transfers } = limitsText(plan);
  return [
    `dry run: nothing is done. ${plan.kind === 'snapshot' ? 'A snapshot' : 'An incremental'} backup of cluster ${plan.cluster} would go to`,
    `${plan.location}/${plan.path}`,
    `(${plan.reason})`,
    '',
    table(['dc', 'rack', 'node', 'version', '>files', '>size', 'transfer'], nodes),
    table(['keyspace', 'table', '>size, all nodes'], tables),
    `limits: snapshots at once ${snapshotParallel}; uploads at once ${uploadParallel}; rate of a node ${rate}; ${count(transfers, 'stream')} per node`,
    '',
  ].join('\n');
}

/** The dry run for programs: ways and limits are texts there, too. */
export function backupPlanJson(plan: BackupPlan): unknown {
  return {
    ...plan,
    nodes: plan.nodes.map((node) => {
      const { relayReason: _, error, ...rest } = node;
      return { ...rest, compression: wayText(node), ...(error === undefined ? {} : { error }) };
    }),
    limits: limitsText(plan),
  };
}

function limitsText({ limits: { snapshotParallel, uploadParallel, rate, transfers } }: BackupPlan) {
  return {
    snapshotParallel: perDatacenterText(snapshotParallel, ' nodes'),
    uploadParallel: perDatacenterText(uploadParallel, ' nodes'),
    rate: perDatacenterText(rate, ' MiB/s'),
    transfers,
  };
}

/** `relay (it has no python3), compressed on this host`; empty for a node that could not be asked. */
function wayText({ transfer, relayReason, compression }: Pick<PlannedNode, 'transfer' | 'relayReason' | 'compression'>): string {
  const way = relayReason === undefined ? transfer : `${transfer} (${relayReason})`;
  return compression === undefined ? '' : `${way}, ${compressionText(compression)}`;
}

function compressionText({ choice, by }: PlannedCompression): string {
  if (choice === 'none') {
    return 'not compressed';
  }
  const place = by === 'host' ? 'on this host' : 'by lzop on the node';
  return `compressed ${place}${choice === 'auto' ? ' where Cassandra has not' : ''}`;
}

/** Nodes of a backup; of how many, where the ring has more. */
export function nodesText(nodes: number, ringNodes: number | undefined): string {
  return ringNodes === undefined ? count(nodes, 'node') : `${nodes} of the ring's ${count(ringNodes, 'node')}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
