import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, UsageError } from '../../model/errors.ts';
import { told } from '../../model/node/told.ts';
import type { BackupId } from '../../model/backup/manifest.ts';
import { type NodeMap, mappedHost, refuseShared, refuseUnknownNames } from '../../model/target/node-map.ts';
import { type Backup, missingFrom } from '../../model/backup/backup.ts';
import { type TokenSource, tokenConfig } from '../../model/target/token-config.ts';
import { noTable } from '../../storage/backups/node-manifest-format.ts';
import { type BackupChoice, type ChoiceParts, chooseBackup, manifestPages } from '../choose-backup.ts';
import { missingNodes } from '../restore-sources.ts';

export interface ConfigQuestion {
  readonly choice: BackupChoice;
  /** Only for the successors of these nodes; empty means all. */
  readonly only: readonly string[];
  readonly map: NodeMap;
  /** The directory on this host; nothing is written without it. */
  readonly directory?: string;
}

/** Settings for one node of a fresh cluster. */
export interface NodeSettings {
  readonly host: string;
  /** The node whose tokens it gets. */
  readonly source: string;
  readonly tokens: readonly string[];
  /** Lines for its cassandra.yaml. */
  readonly settings: string;
  /** The file that they were written to. */
  readonly file?: string;
}

export interface ConfigResult {
  readonly backup: BackupId;
  readonly nodes: readonly NodeSettings[];
  readonly warnings: readonly string[];
}

/**
 * For a fresh cluster of as many nodes: what makes each of them own what a node of the backup owned. From the backup alone:
 * the cluster is not up yet. Throws UsageError before it writes over a file with other contents.
 */
export async function writeConfig(
  { choice, only, map, directory }: ConfigQuestion,
  parts: ChoiceParts,
  signal: AbortSignal,
): Promise<ConfigResult> {
  const backup = await chooseBackup(parts, choice, signal);
  const sources = await tokenSources(backup, parts, signal);
  const held = sources.map(({ host }) => host);
  refuseUnknownNames(new Map([...map, ...only.map((host) => [host, mappedHost(map, host)] as const)]), held, []);
  refuseShared(held.map((host) => [host, mappedHost(map, host)]));
  const cluster = backup.committed ? backup.manifest : undefined;
  const nodes = sources
    .filter(({ host }) => only.length === 0 || only.includes(host))
    .map((source): NodeSettings => {
      const host = mappedHost(map, source.host);
      const { tokens } = source;
      return { host, source: source.host, tokens, settings: tokenConfig(backup.id, host, source, cluster) };
    });
  return {
    backup: backup.id,
    nodes: directory === undefined ? nodes : await writeAll(nodes, resolve(directory)),
    warnings: lacking(backup, sources.length),
  };
}

async function tokenSources(backup: Backup, { repository }: ChoiceParts, signal: AbortSignal): Promise<readonly TokenSource[]> {
  const sources: TokenSource[] = [];
  for await (const { host, node } of manifestPages(repository, backup, noTable, signal)) {
    sources.push({ host, dc: node.dc, rack: node.rack, tokens: node.tokens });
  }
  if (sources.length === 0) {
    throw new UsageError(`backup ${backup.id} is unfinished and holds no whole node`);
  }
  // What a degraded backup lacks had its tokens too, which its ring tells: others hold the rows that belong there.
  const without = await missingNodes(repository, backup, signal);
  const ofRing = without.flatMap(({ missing: { host }, node }) =>
    node === undefined ? [] : [{ host, dc: node.dc, rack: node.rack, tokens: node.tokens }],
  );
  return [...sources, ...ofRing];
}

/** All or, when one of them would be written over, none. */
async function writeAll(nodes: readonly NodeSettings[], directory: string): Promise<readonly NodeSettings[]> {
  const named = nodes.map((node) => ({
    ...node,
    file: join(directory, `${told('address', node.host, 'the node of the backup')}.yaml`),
  }));
  for (const { file, settings } of named) {
    const there = await readFile(file, 'utf8').catch(() => undefined);
    if (there !== undefined && there !== settings) {
      throw new UsageError(`${file} is there with other contents`, { hint: 'give another directory, or move it away' });
    }
  }
  try {
    await mkdir(directory, { recursive: true });
    await Promise.all(named.map(({ file, settings }) => writeFile(file, settings)));
  } catch (cause) {
    throw new UsageError(`cannot write to ${directory}: ${messageOf(cause)}`, { cause });
  }
  return named;
}

function lacking(backup: Backup, nodes: number): readonly string[] {
  const named = backup.committed ? backup.manifest.nodes.length + missingFrom(backup).length : backup.progress.nodes.length;
  const ring = backup.committed ? (backup.manifest.ringNodes ?? named) : named;
  return ring === nodes
    ? []
    : [`the backup holds ${nodes} of ${ring} nodes: what only the others owned is not in it, and its tokens are nobody's`];
}
