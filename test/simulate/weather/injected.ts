/** What was made to fail in a history, each kind with how often, read from its journal. */
export function injectedIn(lines: readonly string[]): Readonly<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const line of lines) {
    const kind = kindOf(line.replace(/^\S+ \S+ \S+: /, ''));
    if (kind !== undefined) {
      times[kind] = (times[kind] ?? 0) + 1;
    }
  }
  return times;
}

function kindOf(told: string): string | undefined {
  const [, fate, node] = /^\((refused|lost|cut|late): .*?( on \S+)?\)$/.exec(told) ?? [];
  return fate === undefined ? deeds.get(told) : `${node === undefined ? 'store' : 'node'}: ${fates.get(fate)}`;
}

const fates: ReadonlyMap<string, string> = new Map([
  ['refused', 'refused'],
  ['lost', 'done, the answer lost'],
  ['cut', 'broken off in the middle'],
  ['late', 'late by 2 s to 4 min'],
]);

/** As `history/story.ts` and `history/mischief.ts` note them. */
const deeds: ReadonlyMap<string, string> = new Map([
  ['(kill)', 'command: SIGKILL'],
  ['(interrupt)', 'command: interrupted'],
  ['(stop)', 'command: frozen for 5 s to 200 s'],
  ['crash', 'node: crash of the server or the machine'],
  ['disk full', 'node: disk full'],
  ['a bit flips', 'node: a byte of a Data.db changes'],
]);
