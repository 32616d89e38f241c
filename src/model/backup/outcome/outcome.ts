import type { NodeOutcome } from '../backup-result.ts';
import type { NodeManifest, NodeSummary } from '../manifest.ts';
import { total } from '../../size.ts';
import { reasonOf } from '../../errors.ts';

export function failed(host: string, hostId: string, error: unknown): NodeOutcome {
  return { host, hostId, complete: false, files: 0, bytes: 0, newFiles: 0, newBytes: 0, storedBytes: 0, error: reasonOf(error) };
}

export function outcomeOf(summary: NodeSummary): NodeOutcome {
  const { host, hostId, files, bytes, newFiles, newBytes, storedBytes } = summary;
  return { host, hostId, complete: true, files, bytes, newFiles, newBytes, storedBytes };
}

/** The totals of a node that the backup's manifest carries. What the backup itself uploaded is new. */
export function summaryOf(manifest: NodeManifest): NodeSummary {
  const files = manifest.tables.flatMap((table) => table.files);
  const fresh = files.filter((file) => file.since === manifest.backup);
  return {
    host: manifest.host,
    hostId: manifest.node.hostId,
    address: manifest.node.address,
    dc: manifest.node.dc,
    rack: manifest.node.rack,
    cassandra: manifest.cassandra,
    files: files.length,
    bytes: total(files.map((file) => file.bytes)),
    newFiles: fresh.length,
    newBytes: total(fresh.map((file) => file.bytes)),
    storedBytes: total(fresh.map((file) => file.storedBytes)),
  };
}
