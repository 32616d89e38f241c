import type { BackupPlan, BackupResult, PlannedCompression, PlannedNode } from '../model/backup/backup-result.ts';
import { perDatacenterText } from '../model/options/per-datacenter.ts';
import { sizeText } from '../model/size.ts';
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
  const failed = result.nodes.filter((node) => !node.complete).length;
  const verdict = result.complete
    ? `${result.kind} backup ${result.id} is complete: ${nodesText(result.nodes.length, result.ringNodes)}, ${count(result.tables.length, 'table')}, ${result.seconds.toFixed(1)} s`
    : `backup ${result.id} is NOT complete: ${failed} of ${count(result.nodes.length, 'node')} failed; it is not listed as complete`;
  return `${table(['node', 'state', '>files', '>size', '>new', '>stored', 'reason'], rows)}\n${verdict}\n${result.location}/${result.path}\n`;
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
