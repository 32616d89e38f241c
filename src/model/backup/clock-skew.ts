/** How far clocks may be apart until somebody is told, and until nothing is done that goes by one of them. */
export const toleratedSkew: { readonly saidAboveMs: number; readonly refusedAboveMs: number } = {
  saidAboveMs: 60_000,
  refusedAboveMs: 3_600_000,
};

/** Whose clock it is, and how far it is ahead of this host's; behind where negative. */
export interface ClockReading {
  readonly whose: string;
  readonly aheadMs: number;
}

/** What there is to say of clocks that disagree with this host's. */
export interface SkewVerdict {
  readonly warnings: readonly string[];
  /** In one sentence why nothing should be done that goes by them; undefined where that is no matter. */
  readonly refusal: string | undefined;
}

/** Nobody can say which of two clocks is right: a skew is told as what it is, and a large one is refused. */
export function judgeSkew(readings: readonly ClockReading[]): SkewVerdict {
  const over = (limitMs: number) => readings.filter(({ aheadMs }) => Math.abs(aheadMs) > limitMs);
  const refused = sentences(over(toleratedSkew.refusedAboveMs));
  return {
    warnings: sentences(over(toleratedSkew.saidAboveMs)),
    refusal: refused.length === 0 ? undefined : refused.join('; '),
  };
}

/** Those that are off by the same are named together. */
function sentences(readings: readonly ClockReading[]): readonly string[] {
  const skews = [...new Set(readings.map(({ aheadMs }) => skewText(aheadMs)))];
  return skews.map((skew) => {
    const those = readings.filter(({ aheadMs }) => skewText(aheadMs) === skew);
    const names = those.map(({ whose }) => whose).join(', ');
    return those.length === 1 ? `the clock of ${names} is ${skew} this host's` : `the clocks of ${names} are ${skew} this host's`;
  });
}

const units: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'days'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

function skewText(aheadMs: number): string {
  const size = Math.abs(aheadMs);
  // The largest unit of which there are two, to the seconds that clocks are read with.
  const [ms, name] = units.find(([unit]) => size >= 2 * unit - 2000) ?? [1000, 's'];
  return `${Math.round(size / ms)} ${name} ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
}
