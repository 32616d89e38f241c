import { UsageError } from '../errors.ts';

/** Which host gets the data of which node (`--map old=new`): the node's name in the backup → the host. */
export type NodeMap = ReadonlyMap<string, string>;

/** Reads `old=new` pairs. Throws UsageError for what is none, a node that goes to two hosts, or two nodes to one host. */
export function parseNodeMap(pairs: readonly string[]): NodeMap {
  const map = new Map<string, string>();
  for (const pair of pairs) {
    const [, source, target] = /^([^=]+)=([^=]+)$/.exec(pair) ?? [];
    if (source === undefined || target === undefined || !hostName.test(source) || !hostName.test(target)) {
      throw new UsageError(`${pair} maps no node to a host`, { hint: 'write old=new: its name in the backup, then the host' });
    }
    const before = map.get(source);
    if (before !== undefined && before !== target) {
      throw new UsageError(`${source} is mapped to both ${before} and ${target}`);
    }
    map.set(source, target);
  }
  refuseShared([...map]);
  return map;
}

/** The pairs of a `--map-file`: one on each line, `#` begins a comment. */
export function mapLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').replaceAll(/\s+/g, ''))
    .filter((line) => line !== '');
}

/** The host that a node's data goes to; without a word about it, the one of its own name. */
export function mappedHost(map: NodeMap, source: string): string {
  return map.get(source) ?? source;
}

/**
 * Throws UsageError when the map names a node that the backup does not hold, or a host that is none of those the user named:
 * both are typing mistakes, and the data would go where matching by tokens takes it. Where no hosts are named, any will do.
 */
export function refuseUnknownNames(map: NodeMap, held: readonly string[], hosts: readonly string[]): void {
  for (const [source, target] of map) {
    if (!held.includes(source)) {
      throw new UsageError(`${source}=${target}: the backup holds nothing of ${source}`, {
        hint: `it holds: ${held.join(', ')}`,
      });
    }
    if (hosts.length > 0 && !hosts.includes(target)) {
      throw new UsageError(`${source}=${target}: ${target} is none of the hosts`, {
        hint: `name it with --hosts too, which says ${hosts.join(',')} now`,
      });
    }
  }
}

/** Throws UsageError when two nodes go to one host: mapped both, or one mapped to a host that is another's own name. */
export function refuseShared(pairs: readonly (readonly [source: string, target: string])[]): void {
  const taken = new Map<string, string>();
  for (const [source, target] of pairs) {
    const other = taken.get(target);
    if (other !== undefined) {
      throw new UsageError(`${target} would get the data of both ${other} and ${source}`, {
        hint: 'a host takes the place of one node; another number of nodes needs --method load',
      });
    }
    taken.set(target, source);
  }
}

/** A host becomes a file's name (`--write-config`) and a segment of paths. */
const hostName = /^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/;
