import { count } from './backup-report.ts';
import { table } from './table.ts';

interface ConfigOutcome {
  readonly backup: string;
  readonly nodes: readonly {
    readonly host: string;
    readonly source: string;
    readonly tokens: readonly string[];
    readonly settings: string;
    readonly file?: string;
  }[];
}

/** Where the settings are and what comes next; the settings themselves where they were not written. */
export function configText({ backup, nodes }: ConfigOutcome): string {
  const [first] = nodes;
  if (first?.file === undefined) {
    return nodes.map(({ host, settings }) => `# ---- ${host}.yaml\n${settings}`).join('\n');
  }
  const rows = nodes.map(({ host, source, tokens, file = '' }) => [
    host,
    source === host ? '' : source,
    String(tokens.length),
    file,
  ]);
  const hosts = nodes.map(({ host }) => host).join(',');
  return `${table(['node', 'tokens of', '>tokens', 'settings'], rows)}
settings for ${count(nodes.length, 'node')} are written; no node was touched. Each file says what to do with it.
When all of them are started and \`nodetool status\` shows UN for each:
  sstash restore ${backup} --hosts ${hosts} --method import
`;
}
