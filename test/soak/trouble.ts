import type { Random } from '../simulate/clock/random.ts';

type Signal = 'SIGKILL' | 'SIGTERM' | 'SIGINT';

/** What happens to one command. Requests to the store are counted from its beginning, those of the nodes too. */
export type Trouble =
  | {
      readonly kind: 'store answers 500' | 'store answers 503' | 'answer of the store lost';
      readonly from: number;
      readonly count: number;
    }
  | { readonly kind: 'upload cut' | 'download cut'; readonly from: number; readonly count: number; readonly bytes: number }
  | { readonly kind: 'command killed'; readonly signal: Signal; readonly from: number; readonly done: boolean }
  | {
      readonly kind: 'command killed at nodetool';
      readonly signal: Signal;
      readonly host: string;
      readonly verb: string;
      readonly done: boolean;
    }
  | { readonly kind: 'nodetool fails'; readonly host: string; readonly verb: string }
  | { readonly kind: 'lzop dies'; readonly host: string }
  | { readonly kind: 'ssh cut' | 'ssh barred' | 'Cassandra killed'; readonly host: string; readonly from: number };

export type TroubleKind = Trouble['kind'];

const ofStore: readonly (readonly [number, TroubleKind])[] = [
  [2, 'store answers 503'],
  [1, 'store answers 500'],
  [3, 'answer of the store lost'],
  [1, 'upload cut'],
  [1, 'download cut'],
  [4, 'command killed'],
];

/** How often each comes in a deck, for what works with the store alone and for what works with nodes too. */
export const troubleKinds = {
  store: ofStore,
  backup: [
    ...ofStore,
    [3, 'command killed at nodetool'],
    [1, 'nodetool fails'],
    [1, 'lzop dies'],
    [2, 'ssh cut'],
    [1, 'ssh barred'],
  ],
  restore: [...ofStore, [3, 'command killed at nodetool'], [2, 'nodetool fails'], [2, 'ssh cut'], [1, 'ssh barred']],
} satisfies Record<string, readonly (readonly [number, TroubleKind])[]>;

const verbs = { backup: ['snapshot', 'flush', 'clearsnapshot', 'info'], restore: ['import', 'import', 'status'] } as const;

/** The particulars of a trouble. */
export function drawTrouble(
  random: Random,
  kind: TroubleKind,
  of: 'backup' | 'restore' | 'store',
  hosts: readonly string[],
): Trouble {
  // All commands ask some ten times, a backup some hundred.
  const most = of === 'store' ? 20 : 150;
  const from = 1 + Math.floor(most ** random.next());
  const host = random.pick(hosts);
  const signal = random.weighted<Signal>([
    [3, 'SIGKILL'],
    [2, 'SIGINT'],
    [1, 'SIGTERM'],
  ]);
  const verb = of === 'store' ? '' : random.pick<string>(verbs[of]);
  const done = random.chance(0.5);
  switch (kind) {
    case 'store answers 500':
    case 'store answers 503':
    case 'answer of the store lost':
      // Five attempts and their pauses bear some of these bursts, and not others.
      return { kind, from, count: random.pick([1, 2, 4, 12]) };
    case 'upload cut':
    case 'download cut':
      return { kind, from: 1 + random.below(8), count: random.pick([1, 2]), bytes: random.pick([0, 100, 5_000, 60_000]) };
    case 'command killed':
      return { kind, signal, from, done };
    case 'command killed at nodetool':
      return { kind, signal, host, verb, done };
    case 'nodetool fails':
      return { kind, host, verb };
    case 'lzop dies':
      return { kind, host };
    case 'ssh cut':
    case 'ssh barred':
    case 'Cassandra killed':
    default:
      return { kind, host, from };
  }
}

export function troubleText(trouble: Trouble): string {
  const { kind, ...rest } = trouble;
  return `${kind} (${Object.entries(rest)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')})`;
}
