import { UsageError } from '../errors.ts';

/** A number, and for some datacenters others: `5`, `dc1:2,dc2:10`, `5,dc1:2`. It is Infinity where nothing is said. */
export interface PerDatacenter {
  /** The number for the nodes of all datacenters that have none of their own. */
  readonly others: number;
  readonly byName: ReadonlyMap<string, number>;
}

export const unlimited: PerDatacenter = { others: Infinity, byName: new Map() };

/** Reads the values of an option; 0 stands for no limit. Throws UsageError. */
export function parsePerDatacenter(option: string, values: readonly string[]): PerDatacenter {
  let others: number | undefined;
  const byName = new Map<string, number>();
  for (const value of values) {
    // The name may hold a colon, the number does not.
    const [, name, text = ''] = /^(?:(.+):)?(\d+)$/.exec(value) ?? [];
    if (text === '') {
      throw new UsageError(`--${option} ${value}: write a whole number, or datacenter:number`);
    }
    if (name === undefined ? others !== undefined : byName.has(name)) {
      throw new UsageError(`--${option} says twice what holds for ${name ?? 'all nodes'}`);
    }
    const limit = Number(text) || Infinity;
    if (name === undefined) {
      others = limit;
    } else {
      byName.set(name, limit);
    }
  }
  return { others: others ?? Infinity, byName };
}

/** The number for a node of that datacenter; where nobody knows which (the node is down), the lowest of all. */
export function limitIn({ others, byName }: PerDatacenter, datacenter: string | undefined): number {
  return datacenter === undefined ? Math.min(others, ...byName.values()) : (byName.get(datacenter) ?? others);
}

/** Throws UsageError when a number is given for a datacenter that the cluster does not have: it would limit nothing. */
export function checkDatacenters(option: string, { byName }: PerDatacenter, known: readonly string[]): void {
  const unknown = [...byName.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--${option}: the cluster has no datacenter ${unknown}`, { hint: `it has ${known.join(', ')}` });
  }
}

/** `all nodes at once`, `5 nodes at once`, `2 in dc1, 5 elsewhere`; `unit` follows a number. */
export function perDatacenterText({ others, byName }: PerDatacenter, unit: string): string {
  const text = (limit: number) => (limit === Infinity ? 'no limit' : `${limit}${unit}`);
  const named = [...byName].map(([name, limit]) => `${text(limit)} in ${name}`);
  return named.length === 0 ? text(others) : [...named, `${text(others)} elsewhere`].join(', ');
}
