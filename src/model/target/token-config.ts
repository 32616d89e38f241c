import { BackupError } from '../errors.ts';
import { hasHidden, visibleInLine } from '../visible.ts';
import { comment } from '../node/shell-text.ts';

/** A node whose tokens a new one is to take over. */
export interface TokenSource {
  /** Its name in the backup. */
  readonly host: string;
  readonly dc: string;
  readonly rack: string;
  readonly tokens: readonly string[];
}

/** What the backup says of the whole cluster; an unfinished run says nothing. */
export interface ClusterSettings {
  readonly cluster: string;
  readonly partitioner: string;
}

/**
 * Settings for the cassandra.yaml of a node that has never started, so that it owns what `source` owned: then the rows of
 * `source` belong to it. Everything is quoted: a token alone would be a number, and a cluster's name may be one. Throws BackupError for
 * names with control characters.
 */
export function tokenConfig(backup: string, target: string, source: TokenSource, settings: ClusterSettings | undefined): string {
  const place = visibleInLine(`dc=${source.dc} and rack=${source.rack}`);
  return `${comment(`${target} takes the tokens that ${source.host} had in backup ${backup}. Written by sstash.`)}
#
# 1. Put these settings into cassandra.yaml on ${visibleInLine(target)} in place of those of the same names, before Cassandra starts there
#    for the first time: later it keeps the tokens that it has. Its data, commit log, hints and saved caches are empty.
# 2. Datacenter and rack as they were: ${place} (cassandra-rackdc.properties, or what your snitch reads).
#    Racks may be called otherwise as long as the same nodes share one.
# 3. Seeds: nodes of the new cluster, and never one of the old, which has the same name and the same tokens.
# 4. When all nodes are started, \`nodetool status\` shows UN for each; then bring the data back: sstash restore ${backup}
#    with --hosts, and --method import or node-restart.
# 5. Afterwards take auto_bootstrap out again: a node that joins later must bootstrap.
${settings === undefined ? '# cluster_name and partitioner: as they were; the backup is unfinished and does not say\n' : `cluster_name: ${quoted(settings.cluster)}\npartitioner: ${quoted(settings.partitioner)}\n`}num_tokens: ${source.tokens.length}
initial_token: ${quoted(source.tokens.join(','))}
auto_bootstrap: false
`;
}

/** A YAML scalar in single quotes: nothing in it means anything but the quote. What would not stay in its line is refused. */
function quoted(text: string): string {
  if (hasHidden(text)) {
    throw new BackupError(`${visibleInLine(text)} cannot stand in a cassandra.yaml: it holds a control character`);
  }
  return `'${text.replaceAll("'", "''")}'`;
}
