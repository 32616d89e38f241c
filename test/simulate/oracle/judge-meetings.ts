/** Something that a restore had done to a node and that changes it: a server stopped or started, a table emptied, files loaded. */
export interface RestoreDeed {
  readonly host: string;
  readonly what: string;
  /** Whose restore it was. */
  readonly by: string;
  /** In true milliseconds. */
  readonly atMs: number;
}

/** Restores that had a node at once: one of them went on with it after another had begun. */
export function judgeMeetings(deeds: readonly RestoreDeed[]): readonly string[] {
  const former = new Map<string, { holder: string; readonly before: Set<string> }>();
  return deeds.flatMap(({ host, what, by }) => {
    const known = former.get(host) ?? { holder: by, before: new Set<string>() };
    former.set(host, known);
    if (known.holder === by) {
      return [];
    }
    const other = known.holder;
    known.before.add(other);
    known.holder = by;
    return known.before.has(by) ? [`${by} did ${what} on ${host} while ${other} had the node`] : [];
  });
}
